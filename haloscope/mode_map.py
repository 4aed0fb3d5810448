"""The mode maps of parameter sets: ``haloscope.description.modes`` says what a map is."""

from __future__ import annotations

from functools import lru_cache

from numpy.typing import ArrayLike

from haloscope.description.modes import BareMode, FloatArray, ModeMap, made, table_named
from haloscope.parameters import HaloscopeParameters

__all__ = ["BareMode", "ModeMap", "capp12tb", "form_factor", "load"]


def load(parameters: HaloscopeParameters | None = None) -> ModeMap:
    """The map of ``parameters`` (default: the letter's machine), from a shipped table or a file.

    Raises:
        OSError: ``rod.mode_map`` names neither a shipped table nor a file that can be read.
        ValueError: The file is no table of a mode map.
    """
    chosen = parameters or HaloscopeParameters.capp12tb()
    return made(chosen.cavity, chosen.rod, table_named(chosen.rod.mode_map, chosen.folder))


def form_factor(frequency_hz: ArrayLike) -> FloatArray:
    """Form factor of the letter's machine at ``frequency_hz``."""
    return capp12tb().form_factor(frequency_hz)


@lru_cache(maxsize=1)
def capp12tb() -> ModeMap:
    """The map of the letter's machine, loaded once: what its experimenters have calculated."""
    return load()
