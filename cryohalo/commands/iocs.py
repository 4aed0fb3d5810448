"""``cryohalo iocs``: both IOCs in one terminal, until a signal ends them.

The signals are handled, not blocked: a child inherits the signals that its parent blocks, and could
not be asked to end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from rich.console import Console

from cryohalo.processes.ioc_arguments import ioc_arguments, shipped_file
from cryohalo.processes.launcher import AskedToEndError, LaunchedIoc, Launcher

__all__ = ["both", "ended_by_signals", "haloscope_file", "run_until_signal"]

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
EXIT_FAILED: Final = 1
NAMES: Final = ("amrr", "haloscope")


def both(
    speed: float,
    seed: int,
    state_dir: Path | None,
    blind: Path | None = None,
    *,
    parameters: Mapping[str, Path | None] | None = None,
    inject: float | None = None,
    inject_band: tuple[float, float] | None = None,
    inject_modulated: bool = False,
    inject_flow: float | None = None,
    prefixes: Sequence[str] = ("AMRR:", "HALO:"),
    access: Path | None = None,
    pva: int | None = None,
) -> list[LaunchedIoc]:
    """The two IOCs.

    Args:
        speed: Simulated seconds per real second.
        seed: Of both simulations.
        state_dir: Each keeps its state in a folder of its own in there; None for nowhere.
        blind: Key file of what the haloscope hides, which then has the seed from there.
        parameters: Parameter files by the name of the IOC.
        inject: Coupling of an axion that the haloscope hides, 1/GeV.
        inject_band: Where, MHz; in the band of its search if not given.
        inject_modulated: Its line follows the laboratory's speed with day and year.
        inject_flow: A cold flow instead, of this width, Hz.
        prefixes: Of the refrigerator and the haloscope.
        access: Access security file of both.
        pva: Port of PV Access of the refrigerator; the haloscope has the next.
    """
    hidden = {
        "blind": blind,
        "inject": inject,
        "inject_band": inject_band,
        "inject_modulated": inject_modulated,
        "inject_flow": inject_flow,
    }
    found = []
    for place, (name, prefix) in enumerate(zip(NAMES, prefixes, strict=True)):
        given = {"prefix": prefix, "speed": speed, "seed": seed}
        given |= hidden if name == "haloscope" else {}
        given |= {
            "parameters": (parameters or {}).get(name),
            "state_dir": None if state_dir is None else state_dir / name,
            "access": access,
            "pva": None if pva is None else pva + place,
        }
        found.append(LaunchedIoc(name, arguments=tuple(ioc_arguments(given))))
    return found


def haloscope_file(text: str) -> Path:
    """A parameter file by its path, or a shipped one by its name: capp12tb, haystac, admx.

    Raises:
        BadParameter: There is neither.
    """
    own, shipped = Path(text), shipped_file(text)
    if own.is_file():
        return own
    if shipped is not None:
        return shipped
    raise typer.BadParameter(f"{text}: no parameter file, nor the name of one that is shipped")


def run_until_signal(
    iocs: Sequence[LaunchedIoc], console: Console, ports: Sequence[int] | None = None
) -> int:
    """Start ``iocs``, say how to reach them, and end them on a signal, also while they start.

    Args:
        iocs: What to start.
        console: Where it is said.
        ports: A port for each; by default free ones.

    Returns:
        The exit code: 0 if all have ended well, 1 if one has not.

    Raises:
        IocFailedError: One did not start.
    """
    launcher = Launcher(iocs, ports)
    with ended_by_signals(launcher.ask_to_end):
        try:
            launcher.start()
        except AskedToEndError:
            return os.EX_OK
        try:
            _say_how_to_reach(launcher, console)
            launcher.wait()
        finally:
            codes = launcher.stop()
    return EXIT_FAILED if any(codes.values()) else os.EX_OK


def _say_how_to_reach(launcher: Launcher, console: Console) -> None:
    for running in launcher.running.values():
        console.print(running.ready)
    console.print(f"\nIn another terminal:\n{launcher.describe()}\n\nCtrl-C ends both.")


@contextmanager
def ended_by_signals(act: Callable[[], None]) -> Iterator[None]:
    """Meanwhile the signals that end a program call ``act``; under ``nohup`` a hang-up does not."""
    unheard = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    heard = [number for number in ENDING if number not in unheard]
    before = {number: signal.signal(number, lambda *_: act()) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
