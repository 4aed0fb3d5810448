"""Every block of README and of the pages does what its page says.

A page is one test: its blocks run in order, in a folder as after a fresh clone; commands in one
shell, Python in one namespace, tables of TOML and JSON are read, what is printed has the shape that
the page shows. ``tests.house.pages`` says what a page can say of a block; a new page needs no code.

Pages name ports as a reader would type them. So each is walked through apart (``apart``), where
every port is free and nothing that it starts outlives the test.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.house.pages import REASONS, ROOT, blocks_of, every_block
from tests.live.documents.apart import apart
from tests.live.documents.terminal import FailedBlockError, Terminal
from tests.live.documents.walking import compare, walk, walk_through

BLOCKS = list(every_block())
PAGES = sorted({block.page for block in BLOCKS if not block.not_run})
#: What one page may take: most take a thirtieth where nothing else runs.
PATIENCE_S = 900


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.close()


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("page", PAGES)
def test_every_block_does_what_its_page_says(page: str, tmp_path: Path) -> None:
    if not apart():  # test_a_page_is_apart says so
        walk_through(page, tmp_path)
        return
    walking = [sys.executable, "-m", "tests.live.documents.walking", page, str(tmp_path)]
    done = subprocess.run(
        [*apart(), *walking], cwd=ROOT, text=True, errors="replace", check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise FailedBlockError(done.stdout)


def test_few_blocks_are_not_run() -> None:
    counted = Counter(block.not_run for block in BLOCKS if not block.hidden)
    ran = counted.pop("")
    assert counted.keys() <= REASONS
    del counted["no code"]
    assert sum(counted.values()) <= ran / 4, counted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```sh\nfalse\n```", "p:1: exit code 1"),
        ("```sh\nexit 3\n```", "p:1: exit code 3"),
        ("```sh\ncryohalo runs show nowhere\n```", "no such folder"),
        ("\n```python\n1 / 0\n```", "p:2: Python failed"),
        ("```toml\na = \n```", "p:1: Invalid value"),
        ("```sh\necho a 1\n```\n\n```\na 2\nb 2\n```", "p:5: not printed: b 2"),
        ("```sh\necho ready pvs=205\n```\n\n```\nready pvs=204\n```", "not printed: ready pvs=204"),
        ("```sh\necho 41 process variables\n```\n\n```\n40 process variables\n```", "40 process"),
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


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("mean_temperature_k: 0.9281", "mean_temperature_k: 0.92816985"),
        ("mean_temperature_k: 0.9281", "mean_temperature_k: -9.2816985e-01"),
        ("run 9123df31, 5.2 mK", "run 91230311, 12345678 mK"),
        ("n 12, haloscope-9123df31", "n 12345678, haloscope-91230032"),
        ("run 9123df31-5c6c-409a-ad00-064381a3716d", "run 91230311-1111-4091-a000-064381a3716d"),
    ],
)
def test_other_numbers_and_uids_of_any_digits_are_no_difference(shown: str, printed: str) -> None:
    compare(shown, printed)
    with pytest.raises(FailedBlockError, match="not printed"):
        compare(f"other {shown}", printed)


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


@pytest.mark.skipif(not apart(), reason="no namespaces here: pages share this host's ports")
def test_a_page_is_apart(tmp_path: Path) -> None:
    """Its ports are its own, and what it leaves running ends with it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        page = f"""
import pathlib, socket, subprocess
subprocess.Popen(["sh", "-c", "sleep 600; touch survived"], start_new_session=True,
                 stdout=2, env={{"PATH": {os.environ["PATH"]!r}, "MARK": {str(tmp_path)!r}}})
with socket.create_server(("127.0.0.1", {port})) as own:
    socket.create_connection(own.getsockname()).close()
"""
        subprocess.run([*apart(), sys.executable, "-c", page], cwd=tmp_path, check=True)
    assert not marked(tmp_path)


@pytest.mark.skipif(not apart(), reason="no namespaces here: pages share this host's ports")
def test_nothing_outlives_a_killed_test(tmp_path: Path) -> None:
    page = f"""
import os, subprocess
line = {[*apart()]!r} + ["sh", "-c", "setsid sleep 600 & echo up; wait"]
marked = os.environ | {{"MARK": {str(tmp_path)!r}}}
with subprocess.Popen(line, stdout=subprocess.PIPE, env=marked) as page:
    page.stdout.readline()
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", page], check=False)
    _, left = psutil.wait_procs(marked(tmp_path), timeout=60.0)
    assert not left


def marked(folder: Path) -> list[psutil.Process]:
    """The processes that were started with this mark in their environment."""
    found = psutil.process_iter(["environ"])
    return [one for one in found if (one.info["environ"] or {}).get("MARK") == str(folder)]
