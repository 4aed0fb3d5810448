"""The session at a prompt, in a script, in a notebook.

In a notebook:

>>> from cryohalo.interactive import begin
>>> session = begin("data/runs", halo_prefix="HALO:")

which puts the names of ``cryohalo.session.namespace`` and the magics into it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from cryohalo.live.display import Display, shower
from cryohalo.live.refusals import log_no_failures, refusal
from cryohalo.provenance import software_version
from cryohalo.session import Session, namespace

__all__ = ["BANNER", "begin", "displayed", "equip", "prompt", "run_code"]

BANNER: Final = """cryohalo {version}: {instruments}
Plans: {plans}
RE(plan) runs one; %mov %ct %wa; catalog[-1] is the newest run. Ctrl-C twice pauses a plan.
A plan that is held says why: docs/how_to/recovery.md walks through what to do then."""


@contextmanager
def displayed(
    session: Session,
    mode: str,
    console: Console | None = None,
    expected_s: float | None = None,
) -> Iterator[Any]:
    """Show what the session's RunEngine does while the context lasts.

    Args:
        session: Whose.
        mode: One of ``cryohalo.live.display.MODES``. With ``json``, standard output has lines of
            JSON and nothing else; what is printed meanwhile goes to standard error.
        console: Where it goes; standard output unless given.
        expected_s: Wall seconds that the plan takes, by its rehearsal.

    Yields:
        What shows, a ``JsonLines`` for ``json``.
    """
    shown = console or Console(highlight=False, markup=False, emoji=False, file=sys.stdout)
    shows = shower(mode, shown, lambda: speed_of(session), expected_s)
    display = Display(session.run_engine, shows)
    before = sys.stdout
    if mode == "json":
        sys.stdout = sys.stderr
    try:
        yield shows
    finally:
        sys.stdout = before
        display.close()


def speed_of(session: Session) -> float:
    """How many simulated seconds pass in a real one; 1 for hardware, 0 where nobody knows."""
    for instrument in session.instruments().values():
        try:
            return float(instrument.sim.speed_now())
        except Exception:  # lost: shown is then what is known without it
            return 0.0
    return 1.0


def equip(shell: Any, session: Session) -> None:
    """Give a shell of IPython the session's names and magics; refusals become one line."""
    from cryohalo.live.magics import SessionMagics

    shell.push(namespace(session))
    shell.register_magics(SessionMagics)
    log_no_failures()

    def tell(
        shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: Any = None
    ) -> Any:
        sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
        lines = refusal(error, trace)
        if not lines:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        for line in lines:
            print(line, file=sys.stderr)

    shell.set_custom_exc((Exception,), tell)


def begin(catalog: Path | str = "data/runs", *, mode: str = "live", **options: Any) -> Session:
    """Open a session in a notebook, or at an IPython prompt of one's own.

    Args:
        catalog: Folder of the catalog.
        mode: What is shown; see ``displayed``.
        options: As of ``Session.open``.

    Raises:
        RuntimeError: Not called in IPython or a notebook.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("begin() is for notebooks and IPython; elsewhere open a Session")
    session = Session.open(catalog, **options)
    Display(session.run_engine, shower(mode, Console(file=sys.stdout), lambda: speed_of(session)))
    equip(shell, session)
    return session


def banner(names: Mapping[str, Any]) -> str:
    """What stands above the first prompt."""
    from plans.offered import offered

    there = [name for name in ("refrigerator", "haloscope") if name in names]
    plans = ", ".join(sorted(plan.__name__ for plan in offered()))
    return BANNER.format(
        version=software_version(), instruments=", ".join(there) or "no instrument", plans=plans
    )


def prompt(session: Session, startup: Path | None = None) -> None:
    """An interactive prompt until the user leaves it.

    Args:
        session: At hand in it.
        startup: A Python file that is run first, in the prompt's names.
    """
    from IPython.terminal.interactiveshell import TerminalInteractiveShell

    shell = TerminalInteractiveShell.instance(banner1=banner(namespace(session)), banner2="\n")
    try:
        equip(shell, session)
        if startup is not None:
            _run_file(shell, startup)
        shell.confirm_exit = False
        shell.show_banner()
        shell.mainloop()
    finally:
        TerminalInteractiveShell.clear_instance()


def run_code(
    session: Session,
    *,
    code: str = "",
    script: Path | None = None,
    startup: Path | None = None,
) -> bool:
    """Run a script, or code, in the session's names; magics work as at the prompt.

    Args:
        session: At hand in it.
        code: Python.
        script: A file of Python, instead.
        startup: A file that is run before.

    Returns:
        Whether all of it ran; what stopped it was told on standard error.
    """
    with _shell() as shell:
        equip(shell, session)
        shell.push({"exit": sys.exit, "quit": sys.exit})
        shell.exit_now = True  # no word about how a prompt is left
        if startup is not None and not _run_file(shell, startup):
            return False
        return _run_file(shell, script) if script is not None else _run(shell, code)


@contextmanager
def _shell() -> Iterator[Any]:
    """A shell of IPython without a terminal, a history or a profile's start-up files."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ast_node_interactivity = "none"

    class Plain(InteractiveShell):
        def showtraceback(self, *args: Any, **kwargs: Any) -> None:
            if not isinstance(sys.exc_info()[1], SystemExit):  # that is how a script ends
                super().showtraceback(*args, **kwargs)

    shell = Plain.instance(config=config)
    try:
        yield shell
    finally:
        Plain.clear_instance()


def _run_file(shell: Any, path: Path) -> bool:
    before = shell.user_ns.get("__file__")
    shell.user_ns["__file__"] = str(path)
    try:
        return _run(shell, path.read_text(encoding="utf-8"))
    finally:
        shell.user_ns["__file__"] = before


def _run(shell: Any, code: str) -> bool:
    """Run code; ``exit(3)`` in it ends the process with that, as in Python."""
    done = shell.run_cell(code, store_history=False, silent=False)
    if isinstance(done.error_in_exec, SystemExit):
        raise done.error_in_exec
    return bool(done.success)
