"""What somebody chose for an analysis, over what their apparatus' description says.

The choices come from a TOML file, whose keys are the names of ``Options``, from a command line, or
both; what is chosen later holds. Bins and merges that nobody chose follow from the width of the
line. A file::

    window_hz = 130208.0
    fine_merge = 1            # or "auto"
    line_bins = 60
    baseline = "auto"

    [demands]
    receiver = "phase sensitive"
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from haloscope.analysis.options import MERGES, Options
from haloscope.analysis.quality.demands import Demands
from instruments.printable import escaped
from instruments.toml_files import read_toml

__all__ = ["Settings"]

_AUTO: Final = "auto"
_DEMANDS: Final = "demands"


@dataclass(frozen=True)
class Settings:
    """Choices by the names of ``Options``; ``demands`` are values by the names of ``Demands``.

    Raises:
        ValueError: A name is none of theirs; names all of them.
    """

    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        demands = self.values.get(_DEMANDS, {})
        if not isinstance(demands, Mapping):
            raise ValueError(f"options: demands is {demands!r:.60}, not values by name")
        known = {item.name for item in fields(Options)}
        wrong = [_unknown(name, known, "") for name in self.values if name not in known]
        of_demands = {item.name for item in fields(Demands)}
        wrong += [_unknown(name, of_demands, "demands.") for name in demands
                  if name not in of_demands]  # fmt: skip
        if wrong:
            raise ValueError(f"options: {'; '.join(wrong)}")

    @classmethod
    def from_toml(cls, path: Path | str) -> Settings:
        """The choices of a file.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no TOML, or a name or a value in it is none; names the file.
        """
        try:
            found = cls(read_toml(path))
            found.over(Options())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return found

    def then(self, later: Settings) -> Settings:
        """Both together; where both choose, the later one."""
        demands = {**self.values.get(_DEMANDS, {}), **later.values.get(_DEMANDS, {})}
        joined = {**self.values, **later.values}
        return Settings(joined | {_DEMANDS: demands} if demands else joined)

    @property
    def merges(self) -> tuple[str, ...]:
        """The merges that are chosen, and not left to the width of the line."""
        return tuple(n for n in MERGES if self.values.get(n, _AUTO) != _AUTO)

    def over(self, base: Options) -> Options:
        """The base with what was chosen in its place; its own bins where none were.

        Raises:
            ValueError: A value is none that ``Options`` takes; names it.
        """
        left = (*(n for n in MERGES if n not in self.merges), _DEMANDS)
        changed = {name: value for name, value in self.values.items() if name not in left}
        demands = self.values.get(_DEMANDS)
        if demands:
            kept = demands.get("kept", ())
            if not isinstance(kept, list | tuple):  # a text would be taken for its letters
                raise ValueError(f"options: demands: kept is {kept!r:.60}, needed a list of labels")
            try:
                changed[_DEMANDS] = replace(base.demands, **demands)
            except TypeError as error:
                raise ValueError(f"options: demands: {error}") from error
        for name, value in changed.items():
            own = getattr(base, name)
            if isinstance(own, str | bool) and not isinstance(value, type(own)):
                kind = "true or false" if isinstance(own, bool) else "a word"
                raise ValueError(f"options: {name} is {value!r:.60}, needed {kind}")
        return replace(base, **changed)


def _unknown(name: object, known: set[str], before: str) -> str:
    near = difflib.get_close_matches(str(name), sorted(known), 1)
    meant = f" ({before}{near[0]}?)" if near else ""
    return f"no setting is called {escaped(before + str(name), 60)!r}{meant}"
