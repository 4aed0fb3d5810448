"""A parameter file looked over: every mistake at once, and what is to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from haloscope.description.checking import MistakesError, doubts
from haloscope.description.doubts import place_doubts
from haloscope.description.stated import Description, describe
from haloscope.parameters import SHIPPED, HaloscopeParameters
from haloscope.parameters.provenance import INHERITED, NO_ORIGIN, UNVERIFIED
from haloscope.parameters.writing import TO_BE_STATED
from instruments.foreign_files import reason

__all__ = ["Review", "named", "reviewed"]

_UNSTATED: Final = (NO_ORIGIN, TO_BE_STATED)


@dataclass(frozen=True)
class Review:
    """What was found in a file.

    Attributes:
        mistakes: Why it cannot be used, a line each; none of a file that can.
        warnings: What its owners should look at, a line each.
        parameters: What it says; None with mistakes.
        description: What of it plans and analysis go by; None with mistakes.
    """

    mistakes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    parameters: HaloscopeParameters | None = None
    description: Description | None = None


def named(name: str) -> HaloscopeParameters:
    """A shipped haloscope by its name, or one of a file by its path.

    Raises:
        OSError: There is no such file, nor a shipped haloscope of that name; or it cannot be read.
        MistakesError: The file has mistakes.
        ValueError: It is no TOML.
    """
    if name in SHIPPED:
        return HaloscopeParameters.shipped(name)
    return HaloscopeParameters.from_toml(name)


def reviewed(name: str) -> Review:
    """Look a parameter file over, or what is shipped under a name.

    Raises:
        OSError: There is no such file, nor a shipped haloscope of that name; or it cannot be read.
    """
    try:
        parameters = named(name)
    except MistakesError as error:
        return Review(error.found)
    except ValueError as error:
        return Review((f"it is no TOML: {error}",))
    try:
        description = describe(parameters)
    except MistakesError as error:
        return Review(error.found)
    except (OSError, ValueError) as error:
        return Review((_no_map(parameters, error),))
    warnings = (*place_doubts(description), *_warnings(parameters))
    return Review((), warnings, parameters, description)


def _no_map(parameters: HaloscopeParameters, error: OSError | ValueError) -> str:
    why = reason(error) if isinstance(error, OSError) else str(error)
    path = Path(parameters.folder) / parameters.rod.mode_map
    return f"parameter rod.mode_map is {parameters.rod.mode_map!r:.60}: {path}: {why}"


def _warnings(parameters: HaloscopeParameters) -> Iterator[str]:
    yield from doubts(parameters.groups())
    taken: dict[tuple[str, str], list[str]] = {}
    for name, origin in sorted(parameters.file_origins.items()):
        if origin.startswith(INHERITED):
            group, _, key = name.partition(".")
            base = origin.removeprefix(INHERITED).partition(":")[0]
            taken.setdefault((group, base), []).append(key)
        elif origin.startswith(UNVERIFIED):
            yield f"{name}: unverified: {origin.partition(':')[2].strip() or 'no source named'}"
        elif not origin.strip() or origin in _UNSTATED:
            yield f"{name}: no origin stated"
    for (group, base), keys in taken.items():
        yield f"{group}: inherited from {base}: {', '.join(keys)}"
