"""The catalog keeps every document through kills, cuts and full disks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from cryohalo.catalog import Catalog, CatalogError, DocumentWriter, Run
from tests.session.runs import write_run

START = {"uid": "abc123", "time": 1.0, "plan_name": "scan"}
DESCRIPTOR = {"uid": "d1", "run_start": "abc123", "name": "primary", "data_keys": {}, "time": 1.1}
OTHER = {"uid": "d2", "run_start": "abc123", "name": "baseline", "data_keys": {}, "time": 1.1}
STOP = {"uid": "s1", "run_start": "abc123", "exit_status": "success", "time": 9.0}


def event(number: int, descriptor: str = "d1", size: int = 5) -> dict:
    spectrum = np.arange(size, dtype=np.float64) * number
    data = {"spectrum": spectrum, "x": float(number)}
    return {
        "uid": f"e{descriptor}{number}",
        "descriptor": descriptor,
        "seq_num": number,
        "data": data,
    }


def written(root: Path, *documents: tuple[str, dict]) -> DocumentWriter:
    writer = DocumentWriter(root)
    for name, document in documents:
        writer(name, document)
    return writer


def test_documents_come_back_with_their_arrays(tmp_path: Path) -> None:
    opening = [("start", START), ("descriptor", DESCRIPTOR), ("descriptor", OTHER)]
    events = [("event", event(1)), ("event", event(7, "d2")), ("event", event(2))]
    written(tmp_path, *opening, *events, ("stop", STOP))
    run = Catalog(tmp_path)["abc"]
    table = run.table("spectrum", "x")
    np.testing.assert_array_equal(table["x"], [1.0, 2.0])
    np.testing.assert_array_equal(table["spectrum"], [np.arange(5.0), np.arange(5.0) * 2])
    assert run.stop == STOP
    assert [e["seq_num"] for e in run.events("baseline")] == [7]


def test_events_of_a_page_are_events(tmp_path: Path) -> None:
    columns = {"x": np.array([1.0, 2.0]), "spectrum": [np.arange(3.0), np.arange(3.0) * 2]}
    page = {"uid": ["a", "b"], "descriptor": "d1", "seq_num": [1, 2], "data": columns}
    opening = [("start", START), ("descriptor", DESCRIPTOR)]
    written(tmp_path, *opening, ("event_page", page), ("event", event(3, size=3))).close()
    run = Catalog(tmp_path)["abc"]
    assert [one["seq_num"] for one in run.events()] == [1, 2, 3]
    table = run.table("x", "spectrum")
    np.testing.assert_array_equal(table["x"], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(table["spectrum"], [np.arange(3.0) * k for k in (1, 2, 3)])


def test_a_field_is_found_without_its_instruments_name(tmp_path: Path) -> None:
    two = {"halo_magnet_field": 12.0, "amrr_work": 1.0, "halo_work": 2.0}
    rows = [("event", {"descriptor": "d1", "seq_num": 1, "data": two})]
    written(tmp_path, ("start", START), ("descriptor", DESCRIPTOR), *rows).close()
    run = Catalog(tmp_path)["abc"]
    assert run.table("magnet_field", "amrr_work") == {"magnet_field": [12.0], "amrr_work": [1.0]}
    with pytest.raises(CatalogError, match="work: several instruments have it: amrr_work"):
        run.table("work")
    with pytest.raises(CatalogError, match="has no field 'rod'"):
        run.table("rod")


def test_a_field_whose_length_changes_is_no_table(tmp_path: Path) -> None:
    def row(number: int, length: int) -> tuple[str, dict]:
        data = {"halo_vna_real": np.zeros(length)}
        return "event", {"descriptor": "d1", "seq_num": number, "data": data}

    written(tmp_path, ("start", START), ("descriptor", DESCRIPTOR), row(1, 5), row(2, 7)).close()
    run = Catalog(tmp_path)["abc"]
    with pytest.raises(CatalogError, match=r"vna_real has different lengths, \(5,\), \(7,\)"):
        run.table("vna_real")
    assert [len(e["data"]["halo_vna_real"]) for e in run.events()] == [5, 7]


def test_a_run_cut_within_a_document_reads_up_to_the_cut(tmp_path: Path) -> None:
    written(
        tmp_path,
        ("start", START),
        ("descriptor", DESCRIPTOR),
        ("event", event(1)),
        ("event", event(2)),
    ).close()
    path = tmp_path / "abc123.msgpack"
    path.write_bytes(path.read_bytes()[:-10])
    run = Run(path)
    assert [e["seq_num"] for e in run.events()] == [1]
    assert run.stop is None


def test_a_killed_process_loses_no_document_it_had_written(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import os, signal
        from cryohalo.catalog import DocumentWriter
        writer = DocumentWriter({str(tmp_path)!r})
        writer("start", {START!r})
        writer("descriptor", {DESCRIPTOR!r})
        for number in range(1, 4):
            writer("event", dict(descriptor="d1", seq_num=number, data=dict(x=number)))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -9
    np.testing.assert_array_equal(Catalog(tmp_path)[0].table("x")["x"], [1, 2, 3])


def test_a_full_disk_is_an_error_that_keeps_all_before_it(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    writer = written(tmp_path, ("start", START), ("descriptor", DESCRIPTOR), ("event", event(1)))
    signal = pytest.importorskip("signal")
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(CatalogError, match="event document not written"):
            writer("event", event(2, size=100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    writer("event", event(3))
    writer("stop", STOP)
    assert [e["seq_num"] for e in Catalog(tmp_path)[0].events()] == [1, 3]


def test_runs_are_found_by_age_by_uid_and_by_plan(tmp_path: Path) -> None:
    for uid, time, plan in (("bb", 2.0, "scan"), ("aa", 5.0, "cooldown"), ("cc", 3.0, "scan")):
        written(tmp_path, ("start", {"uid": uid, "time": time, "plan_name": plan})).close()
    catalog = Catalog(tmp_path)
    assert [run.uid for run in catalog] == ["bb", "cc", "aa"]
    assert catalog[-1].uid == "aa"
    assert [run.uid for run in catalog.named("scan")] == ["bb", "cc"]
    with pytest.raises(CatalogError, match="no run 3"):
        catalog[3]
    with pytest.raises(CatalogError, match="0 runs begin with 'zz'"):
        catalog["zz"]


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_a_run_torn_inside_its_start_document_does_not_break_listing(
    tmp_path: Path, kept: int
) -> None:
    written(tmp_path, ("start", START), ("stop", STOP)).close()
    written(tmp_path, ("start", {"uid": "torn", "time": 2.0, "plan_name": "scan"})).close()
    path = tmp_path / "torn.msgpack"
    path.write_bytes(path.read_bytes()[:kept])
    catalog = Catalog(tmp_path)
    assert [run.uid for run in catalog] == ["abc123"]
    assert [run.uid for run in catalog.named("scan")] == ["abc123"]
    assert catalog[-1].stop == STOP


def test_last_is_the_newest_run_wherever_a_run_is_named(tmp_path: Path) -> None:
    for uid, time in (("bbb", 1.0), ("aaa", 2.0)):
        write_run(tmp_path, uid, time=time)
    assert Catalog(tmp_path)["last"].uid == "aaa"
    with pytest.raises(CatalogError, match="no run"):
        Catalog(tmp_path / "none")["last"]
