"""``cryohalo blind``, and what a catalog and a report tell of a blind run."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.blinding import comparison, envelope_line, opened
from cryohalo.catalog import Catalog, DocumentWriter
from haloscope.apparatus.blinding import BlindKey
from haloscope.axion import AxionLine
from tests.iocs.blind.keys import KEY, LINE, assert_silent

OPENED = {
    "unsealed": True,
    "unsealed_at": "2022-03-01T10:00:00+00:00",
    "unsealed_by": "blinder@lab",
    "envelope": KEY.contents,
}
SEALED = {"envelope_hash": KEY.hash, "blind": True, "unsealed": False}


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, arguments)


def write_run(folder: Path, uid: str, time: float, **start: Any) -> None:
    writer = DocumentWriter(folder)
    begun = {"uid": uid, "time": time, "scan_id": 1, "plan_name": "scan", **start}
    writer("start", begun)
    writer("stop", {"uid": f"{uid}-stop", "time": time + 1, "run_start": uid,
                    "exit_status": "success", "num_events": {}})  # fmt: skip
    writer.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A blind search, and a text that was put under its hash but has another."""
    write_run(tmp_path, "aaaa1111", 1.0, **SEALED)
    forged = KEY.contents.replace("7e-16", "8e-16")
    assert forged != KEY.contents
    write_run(tmp_path, "bbbb2222", 2.0, **{**SEALED, **OPENED, "envelope": forged})
    return tmp_path


def test_seal_writes_a_key_file_and_tells_the_hash_alone(tmp_path: Path) -> None:
    path = tmp_path / "campaign.key"
    done = invoke(
        "blind", "seal", str(path), "--band", "1099", "1101", "--coupling", "1e-15", "2e-15"
    )
    assert done.exit_code == 0, done.output
    key = BlindKey.read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.hash in done.output
    assert_silent(done.output, key)
    assert 1.099e9 <= key.line.frequency_hz <= 1.101e9
    assert 1e-15 <= key.line.coupling_per_gev <= 2e-15
    again = invoke("blind", "seal", str(path))
    assert isinstance(again.exception, FileExistsError)
    assert BlindKey.read(path) == key


def test_unseal_looks_where_the_site_has_its_haloscope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EPICS_CA_ADDR_LIST", raising=False)
    (tmp_path / "cryohalo.toml").write_text('[haloscope]\nprefix = "OURS:"\nport = 19066\n')
    asked: list[tuple[object, str | None]] = []

    def opened(_: object, *, halo_prefix: str, **__: object) -> None:
        asked.append((halo_prefix, os.environ.get("EPICS_CA_ADDR_LIST")))
        raise ValueError("no session is wanted")

    monkeypatch.setattr("cryohalo.session.Session.open", opened)
    invoke("blind", "seal", "a.key")
    with monkeypatch.context() as patch:
        for name in ("EPICS_CA_ADDR_LIST", "EPICS_CA_AUTO_ADDR_LIST", "EPICS_CA_REPEATER_PORT"):
            patch.setenv(name, "x")
            patch.delenv(name)
        done = invoke("blind", "unseal", "a.key")
    assert "no session is wanted" in str(done.exception)
    ((prefix, address),) = asked
    assert prefix == "OURS:"
    assert "127.0.0.1:19066" in (address or "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--band", "1110", "1090"), "an interval above 0"),
        (("--band", "0", "1090"), "an interval above 0"),
        (("--coupling", "1e-15", "nan"), "an interval above 0"),
        (("--coupling", "1e-15", "1"), "up to 1e-09"),
        (("--empty", "2"), "0 to 1"),
    ],
)
def test_seal_refuses_what_cannot_be_drawn(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = invoke("blind", "seal", str(tmp_path / "a.key"), *arguments)
    assert done.exit_code != 0
    assert why in " ".join(f"{done.output} {done.exception}".split())
    assert not (tmp_path / "a.key").exists()


def test_verify_holds_the_contents_against_the_hash_of_the_beginning(catalog: Path) -> None:
    place = ("--catalog", str(catalog))
    sealed = invoke("blind", "verify", "aaaa", *place)
    assert sealed.exit_code == 1
    assert "still sealed" in str(sealed.exception)
    write_run(catalog, "cccc3333", 3.0, **{**SEALED, **OPENED})
    done = invoke("blind", "verify", "aaaa", *place)
    assert done.exit_code == 0, done.output
    assert KEY.contents in done.output
    assert "2022-03-01T10:00:00+00:00 by blinder@lab" in done.output
    late = invoke("blind", "verify", "cccc", *place)
    assert late.exit_code == 1
    assert "it is not blind" in str(late.exception)


def test_a_run_without_a_seal_cannot_be_verified(tmp_path: Path) -> None:
    write_run(tmp_path, "dddd4444", 1.0)
    done = invoke("blind", "verify", "dddd", "--catalog", str(tmp_path))
    assert done.exit_code == 1
    assert "without a sealed envelope" in str(done.exception)


def test_a_text_of_another_hash_is_nobodys_contents(catalog: Path) -> None:
    assert opened(Catalog(catalog), KEY.hash) is None
    write_run(catalog, "cccc3333", 3.0, **{**SEALED, **OPENED})
    found = opened(Catalog(catalog), KEY.hash)
    assert found is not None
    assert (found.line, found.by) == (LINE, "blinder@lab")


@pytest.fixture(scope="module")
def result() -> Any:
    from haloscope.analysis.pipeline import analyze
    from tests.physics.analysis.generator import make, scan_targets

    targets = scan_targets(16, 1.1e9 - 75e3)
    return analyze(make(targets, seed=5, axions={1.1e9 + 1234.0: 3.0}))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (AxionLine(1.1e9 + 1234.0, 1.16e-15), "hidden at 1100.001234 MHz, 1.16e-15 1/GeV: found"),
        (AxionLine(1.1e9 - 30e3, 1e-16), "1e-16 1/GeV: not found"),
        (AxionLine(1.2e9, 1e-15), "outside of what was scanned"),
        (None, "nothing was hidden"),
    ],
)
def test_what_was_hidden_is_compared_with_what_was_found(
    result: Any, line: AxionLine | None, said: str
) -> None:
    assert said in comparison(result, line)


def test_the_line_of_a_report_says_sealed_until_the_catalog_can_open_it(
    catalog: Path, result: Any
) -> None:
    assert envelope_line(Catalog(catalog), KEY.hash, result) == f"sealed, {KEY.hash}"
    write_run(catalog, "cccc3333", 3.0, **{**SEALED, **OPENED})
    told = envelope_line(Catalog(catalog), KEY.hash, result)
    assert told.startswith("hidden at 1100.003217 MHz")
    assert told.endswith(f"by blinder@lab, {KEY.hash})")
    assert json.loads(KEY.contents)["blind"] is True
