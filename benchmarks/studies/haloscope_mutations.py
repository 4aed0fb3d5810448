"""Does a test notice a wrong line? One line changed at a time, the tests of its room run.

    python benchmarks/studies/haloscope_mutations.py [--only WORD] [--workers 2]

Works on a copy of the tree. Prints for each change the test that failed first; a survivor is a line
that no test holds, and the exit code tells of it. The table is in ``mutation_tables``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation_tables import MUTATIONS, ROOT, Mutation


def noticed(mutation: Mutation, scratch: Path) -> str:
    """The test that failed first, or "" if none did."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        tree = Path(folder) / "tree"
        skip = shutil.ignore_patterns(".*", "docs", "reports", "data/runs", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=skip)
        target = tree / mutation.path
        target.write_text(target.read_text().replace(mutation.old, mutation.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider",
                   *mutation.tests]  # fmt: skip
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(tree)})  # fmt: skip
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if found is None and done.returncode:
        raise RuntimeError(f"{mutation.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found.group(1) if found else ""


def main() -> None:
    """Try all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if given.only in mutation.name]
    survivors = 0
    for mutation in chosen:
        if not mutation.stands:
            survivors += 1
            print(f"{mutation.path}: {mutation.name}: the line is another by now")
    chosen = [mutation for mutation in chosen if mutation.stands]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(given.workers) as pool:
        folder = Path(scratch)
        for mutation, test in zip(chosen, pool.map(lambda m: noticed(m, folder), chosen),
                                  strict=True):  # fmt: skip
            survivors += not test
            print(f"{mutation.path}: {mutation.name}: {test or 'SURVIVES'}", flush=True)
    print(f"{survivors} of {len(MUTATIONS)} not noticed")
    raise SystemExit(survivors > 0)


if __name__ == "__main__":
    main()
