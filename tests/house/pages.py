"""README and the pages, and their blocks of code; the notebooks, which are pages of cells.

Pages are found wherever they are; a page needs no code here. What a reader does not see, and what
a block is, stands in comments of the page (CONTRIBUTING.md, "Pages", has them all):

- ``<!-- block: not run, REASON -->`` above a block, with a reason of ``REASONS``;
- ``<!-- block: file NAME -->``: it is written to a file of that name;
- ``<!-- block: stays until "TEXT" -->``: it holds the terminal; another is opened for what follows;
- ``<!-- block: Ctrl-C at "TEXT" and "TEXT", then again -->``: it is interrupted, and run once more;
- ``<!-- block: exit code N -->``: it ends so;
- ``<!-- before``, blocks, ``-->``: what the page takes for given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["REASONS", "ROOT", "Block", "blocks_of", "every_block", "notebooks", "pages"]

ROOT: Final = Path(__file__).parents[2]
#: Why a block cannot be run by a test; there are no others.
REASONS: Final = frozenset(
    {
        "installs",  # from the network
        "as root",
        "runs these tests",
        "needs another program",  # that no package of ours brings: Phoebus, PyDM
        "needs files of others",  # measured by somebody else, not ours to ship
        "needs a person",  # at a prompt, a browser, two terminals
        "takes minutes",  # of a processor; what it runs has a test of its own
        "at a prompt",  # shown as it is printed there
        "no code",  # a formula
    }
)
#: Folders in which there are no pages of ours.
_OTHERS: Final = {".venv", "build", "reports", "data", "generated"}
_SAID: Final = re.compile(r"<!-- block: (.+?) -->\s*")
_BEFORE: Final = re.compile(r"<!-- before\n(.*?)-->\s*", re.DOTALL)
_CODE: Final = re.compile(r"\{(?:code-block|code|code-cell)\}\s*(\w*)")
_INSIDE: Final = re.compile(r"\{(?:note|tip|warning|important|caution|hint|admonition|dropdown)\b")
_KERNEL: Final = re.compile(r"---\n(?:(?!---).*\n)*kernelspec:")
_MARKDOWN: Final = MarkdownIt("commonmark")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Path of its page below the root.
        line: Of its first line, or of the fence above.
        kind: ``sh``, ``python``, ``toml`` ...; "" where none is told; ``indented`` without a fence.
        text: What is in it.
        said: What a comment above it says, "" for none.
        hidden: It stands in a comment: a reader does not see it.
    """

    page: str
    line: int
    kind: str
    text: str
    said: str = ""
    hidden: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def not_run(self) -> str:
        """Why it is not run, "" if it is.

        Raises:
            ValueError: For a reason that is none.
        """
        begin, comma, reason = self.said.partition(", ")
        if begin != "not run":
            return ""
        if not comma or reason not in REASONS:
            raise ValueError(f"{self}: {reason!r} is none of {sorted(REASONS)}")
        return reason


def notebooks() -> list[Path]:
    """The pages whose head names a kernel, wherever they are."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [path for path in found if _KERNEL.match(path.read_text(encoding="utf-8"))]


def pages() -> list[Path]:
    """README, the pages of ``docs`` and each room's README; no CHANGELOG and no notebook."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(
        path
        for path in set(found) - set(notebooks())
        if path.name != "CHANGELOG.md" and not _OTHERS & set(path.relative_to(ROOT).parts)
    )


def every_block() -> Iterator[Block]:
    """Every block of every page, in order."""
    for path in pages():
        yield from blocks_of(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """The blocks of a page, those in comments too, in order."""
    yield from _blocks(text, page, 0, hidden=False)


def _blocks(text: str, page: str, above: int, *, hidden: bool) -> Iterator[Block]:
    tokens: Sequence[Token] = _MARKDOWN.parse(text)
    for place, token in enumerate(tokens):
        line = above + (token.map[0] + 1 if token.map else 0)
        if token.type == "html_block" and (given := _BEFORE.fullmatch(token.content)):
            yield from _blocks(given[1], page, line, hidden=True)
        elif token.type == "code_block":
            yield Block(page, line, "indented", token.content, hidden=hidden)
        elif token.type == "fence" and _INSIDE.match(token.info):
            yield from _blocks(token.content, page, line, hidden=hidden)
        elif token.type == "fence" and (kind := _kind(token.info)) is not None:
            said = _SAID.fullmatch(tokens[place - 1].content) if place else None
            yield Block(page, line, kind, token.content, said[1] if said else "", hidden)


def _kind(info: str) -> str | None:
    """What a fence says of its block; None for a directive that holds no code."""
    if code := _CODE.match(info):
        return code[1]
    return None if info.startswith("{") else info.partition(" ")[0]
