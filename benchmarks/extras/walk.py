"""Imports every module of packages, ``walk.py BUT,BUT PACKAGE ...``; names those it cannot."""

import importlib
import pkgutil
import sys


def main() -> None:
    """Walk; the exit code is 1 where a module could not be imported."""
    others = tuple(filter(None, sys.argv[1].split(",")))
    failed = []
    for top in sys.argv[2:]:
        for module in pkgutil.walk_packages(importlib.import_module(top).__path__, f"{top}."):
            if module.name.endswith("__main__") or module.name.startswith(others):
                continue
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                failed.append(f"{module.name}: {error}")
    print("\n".join(failed))
    sys.exit(bool(failed))


main()
