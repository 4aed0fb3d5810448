"""Tables and lazy arrays of a run: what they hold, and how little they hold at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.catalog import Catalog, CatalogError, DocumentWriter, Run
from cryohalo.catalog import lazily as lazily_module
from cryohalo.catalog import streams as streams_module
from cryohalo.catalog.codec import decode
from tests.session.runs import event, write_run


def test_a_table_without_names_has_all_single_values(tmp_path: Path) -> None:
    table = Run(write_run(tmp_path, "aa")).table()
    assert list(table) == ["seq_num", "time", "halo_frequency", "halo_path", "halo_count"]
    np.testing.assert_array_equal(table["seq_num"], [1, 2, 3])
    np.testing.assert_allclose(table["halo_frequency"], [1100.01, 1100.02, 1100.03])
    assert table["halo_path"].tolist() == ["=Weak", "Strong", "Strong"]


def test_a_run_without_events_has_an_empty_table(tmp_path: Path) -> None:
    assert Run(write_run(tmp_path, "aa", events=0)).table() == {}


@pytest.mark.parametrize("stop", [True, False])
def test_a_table_of_arrays_is_that_of_the_events(tmp_path: Path, stop: bool) -> None:
    run = Run(write_run(tmp_path, "aa", events=7, stop=stop))
    (array,) = run.table("power").values()
    np.testing.assert_array_equal(array, [np.arange(5.0) * n for n in range(1, 8)])


def test_a_stop_document_that_lies_makes_no_other_table(tmp_path: Path) -> None:
    """Neither fewer rows than there are, nor rows that there are not, nor memory for them."""
    writer = DocumentWriter(tmp_path)
    for told in (0, 1, 2, 900_000, 10**12):
        uid = f"run{told}"
        path = write_run(tmp_path, uid, events=2, stop=False)
        writer = DocumentWriter(tmp_path / "more")
        for name, document in Run(path).documents():
            writer(name, document)
        counts = {"primary": told}
        writer(
            "stop", {"uid": "s", "run_start": uid, "exit_status": "success", "num_events": counts}
        )
        tracemalloc.start()
        table = Run(tmp_path / "more" / f"{uid}.msgpack").table("halo_power")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert table["halo_power"].shape == (2, 5)
        assert peak < 60_000_000


def test_a_table_of_single_values_holds_no_arrays(tmp_path: Path) -> None:
    path = write_run(tmp_path, "aa", events=60, size=100_000)
    run = Run(path)
    assert path.stat().st_size > 48_000_000
    tracemalloc.start()
    assert len(run.table()["time"]) == 60
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


def test_streams_are_found_without_their_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(write_run(tmp_path, "aa", events=20, size=10_000))
    decoded: list[str] = []

    def noted(data: bytes) -> Any:
        found = decode(data)
        decoded.append(found[0])
        return found

    monkeypatch.setattr(streams_module, "decode", noted)
    streams = run.streams()
    assert list(streams) == ["primary", "baseline"]
    assert decoded == ["start", "descriptor", "descriptor"]
    assert streams["primary"].keys["halo_power"]["units"] == "W"
    cut = Run(write_run(tmp_path, "bb", stop=False))
    assert list(cut.streams()) == ["primary", "baseline"]


def test_arrays_are_read_when_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(write_run(tmp_path, "aa", events=6))
    data = run.xarray()
    assert data.sizes == {"event": 6, "halo_power_0": 5}
    assert data["halo_frequency"].attrs == {"units": "MHz"}
    assert data.attrs["uid"] == "aa"
    read: list[int] = []
    original = lazily_module._read

    def noted(path: str, row: tuple[int, int, int], name: str) -> np.ndarray:
        read.append(row[0])
        return original(path, row, name)

    monkeypatch.setattr(lazily_module, "_read", noted)
    data = run.xarray()
    assert not read
    one = data["halo_power"].isel(event=4).compute(scheduler="synchronous")
    np.testing.assert_array_equal(one, np.arange(5.0) * 5)
    assert len(read) == 1


def test_pages_are_lazy_too(tmp_path: Path) -> None:
    writer = DocumentWriter(tmp_path)
    writer("start", {"uid": "aa", "time": 1.0})
    of = {"run_start": "aa", "time": 1.0, "name": "primary"}
    writer("descriptor", {"uid": "d", "data_keys": {"x": {}, "y": {}}, **of})
    columns = {"x": [1.0, 2.0], "y": [np.arange(3.0), np.arange(3.0) * 2]}
    writer("event_page", {"uid": ["a", "b"], "descriptor": "d", "seq_num": [1, 2], "data": columns})
    writer("event", {"uid": "c", "descriptor": "d", "seq_num": 3,
                     "data": {"x": 3.0, "y": np.arange(3.0) * 3}})  # fmt: skip
    writer.close()
    data = Catalog(tmp_path)[0].xarray()
    np.testing.assert_array_equal(data["y"].values, [np.arange(3.0) * n for n in (1, 2, 3)])
    np.testing.assert_array_equal(data["x"].values, [1.0, 2.0, 3.0])


def test_what_makes_no_dataset_is_told(tmp_path: Path) -> None:
    run = Run(write_run(tmp_path, "aa"))
    with pytest.raises(CatalogError, match="has no stream none; it has primary, baseline"):
        run.xarray("none")
    path = write_run(tmp_path, "bb", stop=False)
    writer = DocumentWriter(tmp_path / "more")
    for name, document in Run(path).documents():
        writer(name, document)
    writer("event", event("bbd", 4, 9, 1.0))
    writer.close()
    with pytest.raises(CatalogError, match=r"halo_power has different lengths, \(5,\) and \(9,\)"):
        Run(tmp_path / "more" / "bb.msgpack").xarray()


def test_a_file_that_changed_meanwhile_is_told(tmp_path: Path) -> None:
    path = write_run(tmp_path, "aa")
    data = Run(path).xarray()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CatalogError, match="changed meanwhile"):
        data["halo_power"].compute(scheduler="synchronous")
