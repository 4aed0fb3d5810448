"""What a page says, done: its blocks one after the other in a terminal.

``python -m tests.live.documents.walking PAGE FOLDER`` walks through a page of the site, and ends
with 1 where a block does not do what the page says.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

from cryohalo.configuration import read as read_configuration
from cryohalo.configuration.reading import FILE_NAME
from tests.house.pages import Block, every_block
from tests.live.documents.terminal import FailedBlockError, Terminal

__all__ = ["walk", "walk_through"]

SHELLS = {"sh", "bash", "shell"}
OUTPUT = {"", "text", "console", "output"}
#: Numbers of what there is, and digits as letters, which no comparison leaves out.
COUNTED = re.compile(r"\bpvs=\d+|\b\d+ (?=(?:process variables|PVs|plans|claims|commands)\b)")
#: One pattern for both: eight digits may be either.
UID_OR_NUMBER = re.compile(
    r"[-+]?(\b[0-9a-f]{8}((-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?!\.\d))|\d[\d.,:]*(e[-+]?\d+)?)[.,:]*"
)
SPELLED = str.maketrans("0123456789", "abcdefghij")
INTERRUPTED = re.compile(r'Ctrl-C at ("[^"]+"(?: and "[^"]+")*)(, then again)?')


def walk_through(page: str, folder: Path) -> None:
    """Do all that a page of the site says.

    Raises:
        FailedBlockError: A block does not do what the page says.
    """
    terminal = Terminal(folder)
    try:
        walk([block for block in every_block() if block.page == page], terminal)
    finally:
        terminal.close()


def walk(blocks: list[Block], terminal: Terminal) -> None:
    printed = ""
    for block in blocks:
        if block.not_run:
            continue
        try:
            printed = run(block, terminal, printed)
        except (FailedBlockError, ValueError) as error:
            raise FailedBlockError(f"{block}: {error}") from None


def run(block: Block, terminal: Terminal, before: str) -> str:
    """Run one block; what is printed, which the next may show."""
    if block.said.startswith("file "):
        return write(block, terminal.folder)
    if block.kind in SHELLS:
        return in_shell(block, terminal)
    if block.said:
        raise ValueError(f"a block of kind {block.kind!r} cannot be {block.said!r}")
    if block.kind == "python":
        return terminal.python(block.text)
    if block.kind in OUTPUT:
        compare(block.text, before)
    else:
        parse(block.kind, block.text)
    return before


def in_shell(block: Block, terminal: Terminal) -> str:
    if not block.said:
        return terminal.shell(block.text)
    if stays := re.fullmatch(r'stays until "([^"]+)"', block.said):
        return terminal.stays(block.text, stays[1])
    if ends := re.fullmatch(r"exit code (\d+)", block.said):
        return terminal.shell(block.text, int(ends[1]))
    if cut := INTERRUPTED.fullmatch(block.said):
        printed = terminal.interrupted(block.text, re.findall(r'"([^"]+)"', cut[1]))
        return terminal.shell(block.text) if cut[2] else printed
    raise ValueError(f"nobody knows what {block.said!r} means")


def write(block: Block, folder: Path) -> str:
    """A file that the page has its reader write; where it is the site's, it must be one."""
    path = folder / block.said.removeprefix("file ")
    assert path.resolve().is_relative_to(folder), f"{path} is elsewhere"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")
    if path.name == FILE_NAME:
        read_configuration(path)
    elif block.kind in {"toml", "json"}:
        parse(block.kind, block.text)
    return ""


def parse(kind: str, text: str) -> None:
    if kind == "toml":
        tomllib.loads(text)
    elif kind == "json":
        json.loads(text)
    else:
        raise ValueError(f"a block of kind {kind!r}: nothing here runs it")


def compare(shown: str, printed: str) -> None:
    """Each line shown was printed, in order, perhaps with other numbers; ``...``: more lines."""
    had = iter([shape(line) for line in printed.splitlines()])
    for line in filter(str.strip, shown.splitlines()):
        if line.strip() != "..." and shape(line) not in had:
            raise FailedBlockError(f"not printed: {line}\n{printed[-2000:]}")


def shape(line: str) -> str:
    """A line without its numbers, its uids and the width of its gaps.

    A number of what the program has stays: it is no measurement, and would grow stale unseen.
    """
    line = COUNTED.sub(lambda found: found[0].translate(SPELLED), line)
    line = UID_OR_NUMBER.sub("0", line)
    return " ".join(line.split())


def main(page: str, folder: str) -> int:
    try:
        walk_through(page, Path(folder))
    except FailedBlockError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
