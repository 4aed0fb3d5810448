"""Every block of README and of the pages does what its page says.

A page is one test: its blocks run in order, in a folder as after a fresh clone; commands in one
shell, Python in one namespace, tables of TOML and JSON are read, what is printed has the shape that
the page shows. ``tests.house.pages`` says what a page can say of a block; a new page needs no code.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryohalo.configuration import read as read_configuration
from cryohalo.configuration.reading import FILE_NAME
from tests.house.pages import REASONS, Block, blocks_of, every_block
from tests.live.documents.terminal import FailedBlockError, Terminal

BLOCKS = list(every_block())
PAGES = sorted({block.page for block in BLOCKS if not block.not_run})
SHELLS = {"sh", "bash", "shell"}
OUTPUT = {"", "text", "console", "output"}
INTERRUPTED = re.compile(r'Ctrl-C at ("[^"]+"(?: and "[^"]+")*)(, then again)?')
#: What one page may take: most take a thirtieth where nothing else runs.
PATIENCE_S = 900


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.close()


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("page", PAGES)
def test_every_block_does_what_its_page_says(page: str, terminal: Terminal) -> None:
    walk([block for block in BLOCKS if block.page == page], terminal)


def test_few_blocks_are_not_run() -> None:
    counted = Counter(block.not_run for block in BLOCKS if not block.hidden)
    ran = counted.pop("")
    assert counted.keys() <= REASONS
    del counted["no code"]
    assert sum(counted.values()) <= ran / 4, counted


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
    """A line without its numbers, its uids and the width of its gaps."""
    line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b", "UID", line)
    line = re.sub(r"[-+]?(\d[\d.,:]*)(e[-+]?\d+)?", "0", line)
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```sh\nfalse\n```", "p:1: exit code 1"),
        ("```sh\nexit 3\n```", "p:1: exit code 3"),
        ("```sh\ncryohalo runs show nowhere\n```", "no such folder"),
        ("\n```python\n1 / 0\n```", "p:2: Python failed"),
        ("```toml\na = \n```", "p:1: Invalid value"),
        ("```sh\necho a 1\n```\n\n```\na 2\nb 2\n```", "p:5: not printed: b 2"),
        ("<!-- block: exit code 2 -->\n```sh\necho\n```", "exit code 0, not 2"),
        ('<!-- block: stays until "x" -->\n```sh\necho y\n```', "never printed 'x'"),
        (
            '<!-- block: Ctrl-C at "x" -->\n```sh\ntrap "" INT\necho x\n```',
            "exit code 0 after Ctrl-C",
        ),
        ("<!-- block: skipped -->\n```sh\nls\n```", "nobody knows"),
        ("<!-- block: not run, it fails -->\n```sh\nls\n```", "'it fails' is none of"),
        ("```fortran\nend\n```", "nothing here runs it"),
        ("    ls\n", "'indented'"),
    ],
)
def test_a_block_that_does_not_is_found(text: str, told: str, terminal: Terminal) -> None:
    with pytest.raises((FailedBlockError, ValueError), match=re.escape(told)):
        walk(list(blocks_of(text, "p")), terminal)


def test_blocks_go_on_from_each_other(terminal: Terminal) -> None:
    text = """
<!-- before
```sh
export GIVEN=7
```
-->

```sh
place=here
```

```python
import os

seven = os.environ["GIVEN"]
```

```{note}
```python
print("seven is", seven)
```
```

```
seven is 8
```

<!-- block: file sub/a.txt -->
```text
words
```

```sh
test "$place$(cat sub/a.txt)$GIVEN" = herewords7
ls pyproject.toml .venv/bin/activate
```
""".replace("```{note}", "````{note}").replace("```\n```\n\n```\nseven", "```\n````\n\n```\nseven")
    found = list(blocks_of(text, "p"))
    assert [block.hidden for block in found] == [True, *[False] * 6]
    walk(found, terminal)


def test_a_page_anywhere_is_found() -> None:
    folders = {Path(page).parent for page in PAGES}
    assert folders >= {Path("docs/tutorials"), Path("docs/how_to"), Path("docs/reference")}
