"""Make the machine code of the refrigerator: ``python -m amrr.compiling [FOLDER]``.

Done once for each version, by whoever first needs it (``amrr.native``) or after an installation. An
object file comes out of it; where the system has a C compiler, it links that to a shared library,
which needs neither numba nor LLVM. FOLDER is where it is kept: the first of
``machine_code.folders`` that may be written if not given.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from llvmlite import binding as llvm
from numba import njit, typeof, types
from numba.core import entrypoints
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from amrr import compiled, native
from amrr.machine_code import LINKED, UNLINKED, Library, folders, keep, kept, usable
from amrr.refrigerator import SimulatedRefrigerator

F = TypeVar("F", bound=Callable[..., object])

#: Files of other versions that are left in the folder: of other processors or environments.
_MOST_KEPT: Final = 8
_SETTINGS: Final[dict[str, Any]] = {**compiled.SETTINGS, "fastmath": set(compiled.FUSED)}
_FLOATS = types.CPointer(types.CPointer(types.float64))
_INTEGERS = types.CPointer(types.CPointer(types.int64))
#: Addresses of the arrays of floats and of integers, then numbers and sizes.
_SIGNATURE = types.int64(_FLOATS, _INTEGERS, types.CPointer(types.int64))


def make(folder: Path) -> Path:
    """Make the code and keep it in a folder, unless it is there; returns its file.

    Raises:
        OSError: The folder cannot be written, or others could change what is in it.
    """
    if not usable(folder):
        raise OSError(f"{folder}: cannot be written, or others than its owner may write there")
    with open(folder / "refrigerator.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several may begin at once
        if found := kept(folder):
            return found[0]
        made = object_code(entries())
        linked = link(made)
        path = keep(linked, folder, LINKED) if linked else None
        if path is None or not _loads(path):
            path = keep(made, folder, UNLINKED)
        _clean(folder)
        return path


def _loads(path: Path) -> bool:
    """Whether the system runs code from there; the file is removed if not: some disks hold none."""
    try:
        Library(path)
    except OSError as error:
        print(f"{error}: LLVM will load it", file=sys.stderr)
        path.unlink()
        return False
    return True


def entries() -> list[native.Entry]:
    """Both entries of the refrigerator, each called once, so that it has noted what it takes."""
    native.code.interpreted = True
    SimulatedRefrigerator().step(0.1)
    return [native.advance, native.settle]


def in_process(function: F) -> F:
    """Compile a function for this process alone, at its first call (benchmarks, tests)."""
    compiled.make_known()
    return cast(F, njit(**_SETTINGS)(function))


def object_code(made_of: Iterable[native.Entry]) -> bytes:
    """Entries that have been called, as an object file whose code may lie anywhere."""
    first, *others = [_module(entry) for entry in made_of]
    for other in others:
        first.link_in(other)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
    )
    return bytes(machine.emit_object(first))


def _module(entry: native.Entry) -> Any:
    """An entry as LLVM's optimised code, under a name that says what it takes."""
    alone = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    whole = njit(**_SETTINGS, **alone)(_caller(in_process(entry.function), entry.noted))
    whole.compile(_SIGNATURE)
    (result,) = whole.overloads.values()
    (text,) = whole.inspect_llvm().values()
    module = llvm.parse_assembly(text)
    found = module.get_function(result.fndesc.mangled_name)
    found.name = native.symbol(entry.function, entry.noted)
    found.linkage = "external"
    return module


def _caller(called: Callable[..., object], arguments: tuple[Any, ...]) -> Callable[..., int]:
    """A function that calls another with arguments of these types, which lie where it is told."""
    wanted = typeof(arguments)

    @intrinsic
    def taken(_: Any, floats: Any, integers: Any, sizes: Any) -> tuple[Any, Any]:
        def code(context: Any, builder: Any, _: Any, values: Any) -> Any:
            return _Reader(context, builder, values).value(wanted)

        return wanted(floats, integers, sizes), code

    def whole(floats: Any, integers: Any, sizes: Any) -> int:
        called(*taken(floats, integers, sizes))
        return 0

    return whole


class _Reader:
    """Writes code that reads numbers and arrays, in the order of ``native.leaves``.

    The arrays belong to the caller: nobody counts who holds them.
    """

    def __init__(self, context: Any, builder: Any, values: Any) -> None:
        self._context, self._builder = context, builder
        floats, integers, sizes = values
        self._from = {types.float64: floats, types.int64: integers, None: sizes}
        self._at = dict.fromkeys(self._from, 0)

    def value(self, wanted: Any) -> Any:
        """The next value of this type of numba's."""
        if isinstance(wanted, types.Array):
            return self._array(wanted)
        if isinstance(wanted, types.BaseTuple):
            items = [self.value(item) for item in wanted]
            return self._context.make_tuple(self._builder, wanted, items)
        return self._next(None)

    def _next(self, kind: Any) -> Any:
        number = self._context.get_constant(types.intp, self._at[kind])
        self._at[kind] += 1
        return self._builder.load(self._builder.gep(self._from[kind], [number]))

    def _array(self, wanted: Any) -> Any:
        array = self._context.make_array(wanted)(self._context, self._builder)
        item = self._context.get_constant(types.intp, wanted.dtype.bitwidth // 8)
        shape = [self._next(None) for _ in range(wanted.ndim)]
        strides = [item]
        for size in reversed(shape[1:]):
            strides.insert(0, self._builder.mul(strides[0], size))
        data = self._next(wanted.dtype)
        populate_array(array, data, shape, strides, item, meminfo=None)
        return array._getvalue()  # noqa: SLF001


def link(made: bytes) -> bytes:
    """A shared library, made of an object file by the system's C compiler; empty if it cannot."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return b""
    with tempfile.TemporaryDirectory(prefix="cryohalo-") as name:
        source, target = Path(name) / "code.o", Path(name) / "code.so"
        source.write_bytes(made)
        defined = [] if sys.platform == "darwin" else ["-Wl,-z,defs"]
        line = [compiler, "-shared", "-o", str(target), str(source), "-lm", *defined]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 0:
            return target.read_bytes()
    print(f"{compiler} does not link it, LLVM will: {done.stderr[-300:]}", file=sys.stderr)
    return b""


def _clean(folder: Path) -> None:
    """Remove the oldest files of other versions."""
    with contextlib.suppress(OSError):  # somebody else may remove one meanwhile
        found = sorted(folder.glob("refrigerator-*"), key=lambda path: path.stat().st_mtime)
        for path in found[:-_MOST_KEPT]:
            path.unlink()


if __name__ == "__main__":
    # What other packages have registered with numba it would import: nothing here needs it.
    entrypoints._already_initialized = True  # noqa: SLF001
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else next(filter(usable, folders()), folders()[0]))
