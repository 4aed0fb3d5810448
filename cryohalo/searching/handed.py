"""What a session hands to whoever watches its search: a small file in the catalog's folder.

One file for each search, put in place whole: ``.live/<hash of the search's name>.json``, of the
newest searches. It says what the page shows (``shown.Shown.told``). A session that ends, or whose
analysis does, leaves it as it is; that it is behind its runs is told by the time of the last change
of both.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from cryohalo.searching.shown import COLUMNS, DRAWN, TEXTS
from instruments.foreign_files import read_bounded
from instruments.whole_files import replacing

__all__ = ["MOST_KEPT", "Handed", "hand_over", "handed_file"]

_FOLDER: Final = ".live"
#: More than any is: 800 columns of six numbers. In one line of the page's process it may be four
#: times as long (``cryohalo.page.beside.LONGEST_LINE``).
_LONGEST_BYTES: Final = 1 << 17
#: Searches that are told of; of the older ones the files are removed.
MOST_KEPT: Final = 8
_LARGEST: Final = 1e300
#: So long a session may be behind its own runs before it counts as gone: it hands over each second,
#: and what has come in a second takes its analysis less than that (assumed).
PATIENCE_S: Final = 5.0


def handed_file(catalog: Path, search: str) -> Path:
    """Where a search is told of."""
    name = hashlib.sha256(search.encode(errors="surrogatepass")).hexdigest()[:16]
    return catalog / _FOLDER / f"{name}.json"


def hand_over(catalog: Path, search: str, told: dict[str, Any]) -> None:
    """Put what is told of a search in place of what was, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    file = handed_file(catalog, search)
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        _forget_old(file.parent)
    text = json.dumps({"search": search, "told": told}, allow_nan=False)
    with replacing(file) as part:
        part.write_text(text)


def _forget_old(folder: Path) -> None:
    """Make room for one more; also what a killed process left half written is removed."""
    with contextlib.suppress(OSError):  # what stays is removed another time
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in files[: max(len(files) + 1 - MOST_KEPT, 0)]:
            file.unlink()


class Handed:
    """What a session tells of the search that is followed, as long as it does.

    Args:
        catalog: Folder of the runs.
    """

    def __init__(self, catalog: Path) -> None:
        self._catalog = catalog
        self._behind: tuple[int, float] | None = None

    def newest(self, search: str, changed_ns: int, now_s: float) -> dict[str, Any] | None:
        """What is told of it; None where no session tells, or none does any longer.

        Args:
            search: Its name.
            changed_ns: When its runs' files last changed.
            now_s: Any clock.
        """
        file = handed_file(self._catalog, search)
        try:
            written_ns = file.stat().st_mtime_ns
            found = json.loads(read_bounded(file, _LONGEST_BYTES))
            told = found["told"] if found["search"] == search else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        if not _can_be_shown(told):
            return None
        if written_ns >= changed_ns:
            self._behind = None
        elif self._behind is None or self._behind[0] != written_ns:
            self._behind = written_ns, now_s
        elif now_s - self._behind[1] > PATIENCE_S:
            return None
        return told


def _can_be_shown(told: Any) -> bool:
    """Whether it is what ``Shown.told`` says: who may write to a catalog is not to end pages."""
    if not isinstance(told, dict):
        return False
    drawn = [told[name] for name in DRAWN if name in told]
    others = [value for name, value in told.items() if name not in (*DRAWN, *TEXTS)]
    return (
        all(isinstance(told.get(name), str) for name in TEXTS)
        and all(map(_is_number, others))
        and (not drawn or (len(drawn) == len(DRAWN) and _are_columns(drawn)))
    )


def _are_columns(drawn: list[Any]) -> bool:
    if not all(isinstance(column, list) and len(column) <= COLUMNS for column in drawn):
        return False
    return len({len(column) for column in drawn}) == 1 and all(
        _is_number(value) for column in drawn for value in column
    )


def _is_number(value: Any) -> bool:
    """Also none, and not a number that JavaScript does not have."""
    return value is None or (isinstance(value, int | float) and abs(value) < _LARGEST)
