"""One point: ``python -m benchmarks.scale.one AXIS SIZE`` prints its numbers as JSON, last."""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main() -> None:
    """Measure it; the other axes are not imported, for their memory would count."""
    name, size = sys.argv[1:]
    axis = import_module(f"benchmarks.scale.axes.{name}").AXIS
    print(json.dumps({key: float(value) for key, value in axis.measure(int(size)).items()}))


if __name__ == "__main__":
    main()
