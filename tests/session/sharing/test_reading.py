"""Runs as a server has them: as the folder has them, and nothing that is not as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryohalo.catalog import Catalog, Run
from cryohalo.errors import CatalogError
from cryohalo.sharing import delivery
from cryohalo.sharing.catalog import SharedRun
from cryohalo.sharing.connection import UnreachableError
from cryohalo.sharing.forwarder import Forwarder
from cryohalo.sharing.ledger import Ledger
from cryohalo.sharing.source import Source
from tests.session.runs import write_run
from tests.session.sharing.server import Fake
from tests.session.sharing.test_forwarding import Shown

Deliver = Callable[[], None]


@pytest.fixture
def to() -> Fake:
    return Fake()


@pytest.fixture
def deliver(tmp_path: Path, to: Fake, monkeypatch: pytest.MonkeyPatch) -> Deliver:
    monkeypatch.setattr(delivery, "View", Shown)
    ledger = Ledger(tmp_path / "ledger.sqlite", to.identity)
    forwarder = Forwarder(tmp_path / "runs", to, ledger)
    return lambda: (forwarder.look(), None)[1]


def shared(tmp_path: Path, to: Fake, uid: str) -> SharedRun:
    path = tmp_path / "cache" / to.identity / f"{uid}.msgpack"
    return SharedRun(path, Source(to, uid, path))


def test_a_run_is_read_to_the_last_bit(tmp_path: Path, to: Fake, deliver: Deliver) -> None:
    path = write_run(tmp_path / "runs", "a", size=3000, events=9)
    deliver()
    here, there = Run(path), shared(tmp_path, to, "a")
    for name, column in here.table("halo_power", "frequency", "count", "path").items():
        found = there.table(name)[name]
        assert found.dtype == column.dtype
        assert found.tobytes() == column.tobytes()
    assert there.path.read_bytes() == path.read_bytes()
    assert there.stop == here.stop
    assert there.xarray().identical(here.xarray())
    assert there.place == "http://fake"


def test_of_a_run_that_is_only_listed_a_beginning_comes(
    tmp_path: Path, to: Fake, deliver: Deliver
) -> None:
    write_run(tmp_path / "runs", "a", size=3000, events=9, sample="quartz")
    deliver()
    run = shared(tmp_path, to, "a")
    assert run.start["sample"] == "quartz"
    assert run.path.stat().st_size == 1 << 16
    assert len(run.table("halo_power")["halo_power"]) == 9


def test_a_start_that_is_longer_than_a_beginning(
    tmp_path: Path, to: Fake, deliver: Deliver
) -> None:
    write_run(tmp_path / "runs", "a", long=np.arange(50_000.0))
    deliver()
    assert shared(tmp_path, to, "a").start["long"][-1] == 49_999.0


def test_a_growing_run_is_read_as_it_grows(tmp_path: Path, to: Fake, deliver: Deliver) -> None:
    path = write_run(tmp_path / "runs", "a", events=5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    deliver()
    run = shared(tmp_path, to, "a")
    some = len(list(run.events()))
    assert run.stop is None
    path.write_bytes(whole)
    deliver()
    assert some < len(list(run.events())) == 5
    assert run.stop == Run(path).stop


def test_bytes_that_are_others_are_refused_and_given_up(
    tmp_path: Path, to: Fake, deliver: Deliver
) -> None:
    path = write_run(tmp_path / "runs", "a")
    deliver()
    to.documents["a"].data[len(path.read_bytes()) // 2] ^= 1
    run = shared(tmp_path, to, "a")
    with pytest.raises(CatalogError, match="not what was delivered"):
        run.table("halo_power")
    assert not run.path.exists()


def test_a_damaged_run_is_refused_there_as_here(tmp_path: Path, to: Fake, deliver: Deliver) -> None:
    path = write_run(tmp_path / "runs", "a", stop=False)
    path.write_bytes(path.read_bytes() + b"\xc1" + b"x" * 40)
    deliver()
    with pytest.raises(CatalogError, match="damaged at byte"):
        list(Run(path).documents())
    with pytest.raises(CatalogError, match="damaged at byte"):
        list(shared(tmp_path, to, "a").documents())


@pytest.mark.parametrize(
    "metadata",
    [
        {"uid": "b"},
        {"bytes": -1},
        {"bytes": "many"},
        {"time": None},
        {"time": 10**400},
        {"time": 1e300},
        {"time": "nan"},
        {"duration_s": 10**400},
        {"events": "[1]"},
        {"events": "[" * 100_000},
    ],
)
def test_metadata_of_somebody_else_are_refused(
    tmp_path: Path, to: Fake, deliver: Deliver, metadata: dict[str, object]
) -> None:
    write_run(tmp_path / "runs", "a")
    deliver()
    to.documents["a"].metadata |= metadata
    with pytest.raises(CatalogError, match="http://fake: a"):
        shared(tmp_path, to, "a").table()


def test_a_run_that_the_cache_gave_up_comes_again(
    tmp_path: Path, to: Fake, deliver: Deliver
) -> None:
    write_run(tmp_path / "runs", "a")
    deliver()
    run = shared(tmp_path, to, "a")
    before = [name for name, _ in run.documents()]
    run.path.unlink()
    assert [name for name, _ in run.documents()] == before


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_server_s(
    tmp_path: Path, to: Fake, deliver: Deliver
) -> None:
    write_run(tmp_path / "runs", "a")
    deliver()
    (tmp_path / "cache").touch()
    with pytest.raises(CatalogError, match=r"^copy ") as caught:
        shared(tmp_path, to, "a").table()
    assert not isinstance(caught.value, UnreachableError)


def test_a_full_cache_gives_up_what_was_read_longest_ago(
    tmp_path: Path, to: Fake, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write_run(tmp_path / "runs", uid) for uid in ("a", "b", "c")]
    deliver()
    size = max(path.stat().st_size for path in paths)
    monkeypatch.setattr("cryohalo.sharing.source.CACHE_BYTES", 2 * size)
    for uid in ("a", "b", "c"):
        assert len(list(shared(tmp_path, to, uid).documents())) > 0
    kept = {path.stem for path in (tmp_path / "cache").glob("*/*.msgpack")}
    assert "c" in kept
    assert len(kept) <= 2
    assert list(shared(tmp_path, to, "a").documents()) != []
    assert len(Catalog(tmp_path / "runs")) == 3
