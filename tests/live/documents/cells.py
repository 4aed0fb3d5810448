"""Runs the Python of a page, block after block, in one IPython as a notebook does.

``python -m tests.live.documents.cells`` reads names of files, a line each, and says after each how
it went: ``\\x01done 0``. The first that fails ends it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

DONE = "\x01done"


def main() -> None:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    for name in sys.stdin:
        done = shell.run_cell(Path(name.strip()).read_text(encoding="utf-8"))
        print(f"\n{DONE} {int(not done.success)}", flush=True)
        if not done.success:
            break


if __name__ == "__main__":
    main()
