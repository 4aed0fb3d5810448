"""Machine code of the refrigerator: made by another process, loaded, and the same as Python's."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amrr import compiling, machine_code, native
from amrr.circuit import loop, rows
from amrr.machine_code import LINKED, UNLINKED, Library, find
from amrr.native import Code, Entry, NotCompiledError
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold


def scale(times: int, x: Any, wanted: Any) -> None:
    """Halve what is wanted, so often; what is 0 becomes infinite."""
    for _ in range(times):
        for k in range(wanted.size):
            x[wanted[k]] = 1.0 / float(2.0 / x[wanted[k]])


def arguments() -> tuple[int, Any, Any]:
    return 2, np.array([8.0, 4.0, 2.0]), np.array([0, 2])


@pytest.fixture(scope="module")
def unlinked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Code of ``scale`` under the present name."""
    code = Code()
    code.interpreted = True
    entry = Entry(scale, code)
    entry(*arguments())
    made = compiling.object_code([entry])
    return machine_code.keep(made, tmp_path_factory.mktemp("code"), UNLINKED)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The folders that are looked at: empty ones."""
    found = [tmp_path / "sources", tmp_path / "user"]
    monkeypatch.setattr(native, "folders", lambda: tuple(found))
    return found


class Compiler:
    """Stands in for the process: works as long as it is told to, then has made what it is given."""

    made: Path | None = None
    works = True
    begun = 0

    def __init__(self) -> None:
        Compiler.begun += 1

    def result(self) -> tuple[Library | None, str]:
        return (Library(self.made), "") if self.made else (None, "no room left")


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, places: list[Path]) -> type[Compiler]:
    made = type("Compiler", (Compiler,), {})
    monkeypatch.setattr(native, "_Compiler", made)
    Compiler.begun = 0
    return made


def scaled(code: Code, *, by: Callable[..., None] = scale) -> list[float]:
    times, x, wanted = arguments()
    Entry(by, code)(times, x, wanted)
    return [float(value) for value in x]


@pytest.mark.parametrize("linked", [True, False])
def test_linked_or_not_it_does_what_python_does(
    unlinked: Path, tmp_path: Path, linked: bool
) -> None:
    path = unlinked
    if linked:
        if shutil.which("cc") is None:
            pytest.skip("no C compiler here")
        path = machine_code.keep(compiling.link(unlinked.read_bytes()), tmp_path, LINKED)
        assert list(tmp_path.iterdir()) == [path]
    code = Code()
    code._library = Library(path)
    assert scaled(code) == [2.0, 4.0, 0.5]


def test_arrays_that_it_was_not_compiled_for_are_refused(unlinked: Path) -> None:
    code = Code()
    code._library = Library(unlinked)
    times, x, wanted = arguments()
    entry = Entry(scale, code)
    for wrong in (x.astype(np.float32), np.zeros(6)[::2], np.zeros((3, 1)), x.astype(int)):
        with pytest.raises(TypeError):
            entry(times, wrong, wanted)


def test_other_arrays_of_a_call_are_taken_each_time(unlinked: Path) -> None:
    code = Code()
    code._library = Library(unlinked)
    entry = Entry(scale, code)
    several = [np.array([1.0 + k, 1.0, 1.0]) for k in range(7)]
    wanted = np.array([0])
    for times in (1, 2):
        for x in several:
            entry(times, x, wanted)
    assert [x[0] for x in several] == [(1.0 + k) / 8.0 for k in range(7)]


def test_it_is_found_in_the_users_folder_where_the_sources_cannot_be_written(
    unlinked: Path, places: list[Path]
) -> None:
    assert find(places) is None
    places[0].write_text("no folder")
    assert not machine_code.usable(places[0])
    assert machine_code.usable(places[1])
    shutil.copy(unlinked, places[1])
    assert scaled(Code()) == [2.0, 4.0, 0.5]


def test_what_cannot_be_loaded_is_told_and_removed(
    unlinked: Path, places: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    for place in places:
        place.mkdir()
    cut_off = places[0] / unlinked.name
    cut_off.write_bytes(unlinked.read_bytes()[:100])
    broken = [machine_code.keep(b"no code", places[0], LINKED), cut_off]
    shutil.copy(unlinked, places[1])
    assert find(places) is not None
    assert caplog.text.count("cannot be loaded") == len(broken)
    assert not any(path.exists() for path in broken)


@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("what", ["folder", "file"])
def test_code_that_others_could_have_changed_is_not_loaded(
    unlinked: Path, places: list[Path], caplog: pytest.LogCaptureFixture, what: str, mode: int
) -> None:
    assert machine_code.usable(places[0])
    copy = places[0] / unlinked.name
    shutil.copy(unlinked, copy)
    assert find(places) is not None
    changed = {"folder": places[0], "file": copy}[what]
    changed.chmod(changed.stat().st_mode | mode)
    assert find(places) is None
    assert "others than its owner" in caplog.text
    assert copy.exists()
    assert machine_code.usable(places[0]) == (what == "file")
    if what == "folder":
        with pytest.raises(OSError, match="others than its owner"):
            compiling.make(places[0])


def test_code_of_somebody_else_is_not_loaded(
    unlinked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find([unlinked.parent]) is not None
    stat = Path.stat

    def of_another(path: Path, **how: Any) -> os.stat_result:
        found = list(stat(path, **how))
        if path == unlinked:
            found[4] += 4321
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", of_another)
    assert find([unlinked.parent]) is None


def test_what_is_kept_nobody_else_can_change_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = tmp_path / "code"
        assert machine_code.usable(folder)
        path = machine_code.keep(b"code", folder, UNLINKED)
    finally:
        os.umask(before)
    assert machine_code.trusted(folder)
    assert machine_code.trusted(path)


def test_what_cannot_be_kept_leaves_no_remainder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        machine_code.keep(b"code", tmp_path, UNLINKED)
    assert not list(tmp_path.iterdir())


def test_an_account_without_a_home_has_no_cache_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert all(folder.is_absolute() for folder in machine_code.folders())
    monkeypatch.setenv("XDG_CACHE_HOME", "/absolute")
    assert machine_code.folders()[-1] == Path("/absolute/cryohalo/compiled")


def test_other_sources_numba_or_processor_have_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {machine_code.name()}
    for what in ("source_digest", "_processor"):
        with monkeypatch.context() as changed:
            changed.setattr(machine_code, what, lambda: "another")
            names.add(machine_code.name.__wrapped__())
    with monkeypatch.context() as changed:
        changed.setattr(machine_code, "version", lambda _: "another")
        names.add(machine_code.name.__wrapped__())
    assert len(names) == 4


def test_a_script_waits_for_the_compiler_and_says_so(
    compiler: type[Compiler], unlinked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiler.made = unlinked
    code = Code()
    assert code.library() is not None
    # What a script shows that has not set up logging: standard error has warnings.
    assert [record.levelname for record in caplog.records if "20 s" in record.message] == [
        "WARNING"
    ]
    assert scaled(code) == [2.0, 4.0, 0.5]
    assert Compiler.begun == 1


def test_an_ioc_runs_python_meanwhile(compiler: type[Compiler], unlinked: Path) -> None:
    compiler.made = unlinked
    code = Code()
    code.meanwhile = True
    assert scaled(code) == [2.0, 4.0, 0.5]
    assert code.library() is None
    compiler.works = False
    assert code.library() is not None
    assert scaled(code) == [2.0, 4.0, 0.5]
    assert Compiler.begun == 1


def test_a_compiler_that_fails_ends_a_script_and_no_ioc(
    compiler: type[Compiler], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotCompiledError, match="no room left"):
        Code().library()
    code = Code()
    code.meanwhile = True
    assert code.library() is None
    compiler.works = False
    caplog.clear()
    assert [scaled(code) for _ in range(2)] == [[2.0, 4.0, 0.5]] * 2
    assert caplog.text.count("no room left") == 1
    assert Compiler.begun == 2


def test_a_compiler_that_cannot_begin_ends_no_ioc(
    monkeypatch: pytest.MonkeyPatch, places: list[Path]
) -> None:
    monkeypatch.setattr(native.sys, "executable", "/nowhere/python")
    code = Code()
    code.meanwhile = True
    assert scaled(code) == [2.0, 4.0, 0.5]
    with pytest.raises(NotCompiledError, match="/nowhere/python"):
        Code().library()


def test_without_numba_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, places: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(native, "find_spec", lambda _: None)
    with pytest.raises(NotCompiledError, match=r"pip install 'cryohalo\[amrr\]'"):
        Code().library()
    code = Code()
    code.meanwhile = True
    assert scaled(code) == [2.0, 4.0, 0.5]
    assert "cryohalo[amrr]" in caplog.text


def test_ctrl_c_at_the_terminal_is_for_who_waits(
    monkeypatch: pytest.MonkeyPatch, places: list[Path]
) -> None:
    code = "import os, sys; print(os.getpgrp() == os.getpid()); sys.exit(1)"
    start = subprocess.Popen
    monkeypatch.setattr(
        native.subprocess, "Popen", lambda line, **how: start([line[0], "-c", code], **how)
    )
    assert native._Compiler().result() == (None, "True")


@pytest.mark.parametrize("status", [-1, 1])
def test_code_that_fails_says_so(status: int) -> None:
    class Failing:
        def function(self, _: str) -> Callable[..., int]:
            return lambda *_: status

    code = Code()
    code._library = Failing()  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="scale"):
        scaled(code)


@pytest.mark.parametrize("linked", [b"", b"what the system does not load"])
def test_what_is_not_linked_or_not_run_from_there_is_kept_for_llvm(
    unlinked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, linked: bytes
) -> None:
    made = unlinked.read_bytes()
    monkeypatch.setattr(compiling, "entries", list)
    monkeypatch.setattr(compiling, "object_code", lambda _: made)
    monkeypatch.setattr(compiling, "link", lambda _: linked)
    path = compiling.make(tmp_path)
    assert path.suffix == UNLINKED
    assert machine_code.kept(tmp_path) == [path]
    monkeypatch.setattr(compiling, "object_code", lambda _: pytest.fail("made twice"))
    assert compiling.make(tmp_path) == path


def test_where_python_makes_an_error_of_a_number_the_call_begins_again(
    compiler: type[Compiler], unlinked: Path
) -> None:
    compiler.made = unlinked
    code = Code()
    code.meanwhile = True
    x = np.array([8.0, 4.0, 0.0])
    Entry(fails_late, code)(1, x, np.array([0, 2]))
    assert list(x) == [4.0, 4.0, 0.0]


def fails_late(times: int, x: Any, wanted: Any) -> None:
    scale(times, x, wanted)
    raise ZeroDivisionError


fails_late.__name__ = "scale"


def test_python_and_machine_code_give_the_same_refrigerator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = []
    for interpreted in (False, True):
        code = Code()
        code.interpreted = interpreted
        monkeypatch.setattr(native.advance, "_code", code)
        monkeypatch.setattr(native.settle, "_code", code)
        machine = SimulatedRefrigerator(seed=3)
        start_cold(machine)
        machine.step(12.0)
        states.append(machine.state())
    compiled_state, python_state = states
    for name in (name for name, value in compiled_state.items() if isinstance(value, np.ndarray)):
        np.testing.assert_allclose(
            python_state[name], compiled_state[name], rtol=1e-9, atol=1e-12, err_msg=name
        )


def test_no_lump_counts_who_holds_the_tables() -> None:
    # numba counted four times a lump, atomically: as dear as all of the lump's thermodynamics.
    machine = SimulatedRefrigerator()
    x, n = machine.state()["nodes"], machine.lump_constants
    memo, ledger = np.full((2, x.shape[1]), np.nan), np.zeros(rows.LEDGER_SIZE)
    change_field = compiling.in_process(loop.change_field)
    change_field(x, n, memo, machine.lump_magnets, np.ones(4), *machine.tables, ledger)
    assert x[rows.FIELD].max() > 0.3
    (text,) = change_field.inspect_llvm().values()  # type: ignore[attr-defined]
    own = text[text.index("define ") :].split("\n}")[0]
    assert "change_field" in own.splitlines()[0]
    assert "NRT_" not in own
