"""What numba has kept of an older version is not run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config

from amrr import compiled
from amrr.circuit import loop, rows
from amrr.compiled import Entry, jit_entry
from amrr.refrigerator import SimulatedRefrigerator, _advance, _settle


def build(digest: str, gain: float) -> Entry:
    """A version of a program: it adds ``gain`` once for each step."""

    @jit_entry
    def add(steps: int, x: Any) -> str:
        x[0] += steps * gain
        return digest

    return Entry(add, lambda _, x: (0, x))


def added(entry: Entry) -> float:
    x = np.zeros(1)
    entry(1, x)
    entry(1, x)
    return float(x[0])


def test_code_of_an_older_version_under_the_key_of_this_one_is_compiled_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    for digest, gain in (("old", 1.0), ("new", 10.0)):
        monkeypatch.setattr(compiled, "source_digest", lambda digest=digest: digest)
        assert added(build(digest, gain)) == 2 * gain
    assert not caplog.text
    old, new = sorted(tmp_path.rglob("*.nbc"))
    shutil.copy(old, new)  # as where a process ended between the index and the code
    assert added(build("new", 10.0)) == 20.0
    assert "code of an older version" in caplog.text
    caplog.clear()
    assert added(build("new", 10.0)) == 20.0  # what is compiled anew is kept
    assert not caplog.text


def test_looking_at_the_code_changes_nothing() -> None:
    nodes = np.ones((9, 4))
    _, *others = _settle()._nothing(nodes, "constants")
    assert others == ["constants"]
    assert _settle()._nothing(nodes)[0].size == 0
    assert _advance()._nothing(7, "machine") == (0, "machine")


def test_no_lump_counts_who_holds_the_tables() -> None:
    # numba counted four times a lump, atomically: as dear as all of the lump's thermodynamics.
    machine = SimulatedRefrigerator()
    x, n = machine.state()["nodes"], machine.lump_constants
    memo, ledger = np.full((2, x.shape[1]), np.nan), np.zeros(rows.LEDGER_SIZE)
    loop.change_field(x, n, memo, machine.lump_magnets, np.ones(4), *machine.tables, ledger)
    assert x[rows.FIELD].max() > 0.3
    (text,) = loop.change_field.inspect_llvm().values()  # type: ignore[attr-defined]
    own = text[text.index("define ") :].split("\n}")[0]
    assert "change_field" in own.splitlines()[0]
    assert "NRT_" not in own
