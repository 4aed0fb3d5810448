"""A hundred and more haloscopes drawn at random: which find a strong axion, which are refused, why.

    nice -n 15 python -m benchmarks.studies.any_apparatus --output DIR [--cases 120] [--first 0]

Frequency 0.3 to 20 GHz, Q 1e3 to 1e6, temperatures, noise and bins as drawn, each evenly on a
logarithmic scale. A line of JSON for each case goes to DIR/cases.jsonl; those that are there are
not tried again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tests.plans.haloscope.any_apparatus import Case, running, tried


def drawn(number: int) -> Case:
    """Case of a number, always the same."""
    random = np.random.default_rng([number, 16])

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    return Case(
        frequency_hz=between(0.3e9, 20e9),
        unloaded_q=between(1e3, 1e6),
        base_k=between(0.01, 0.3),
        excess_k=between(0.01, 3.0),
        rest_k=between(0.5, 10.0),
        bin_share=between(0.3, 3.0),
        seed=number,
    )


def main() -> None:
    """Try the cases that are missing and count all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=120)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "cases.jsonl"
    known = {}
    if file.exists():
        known = {row["number"]: row for row in map(json.loads, file.read_text().splitlines())}
    with running() as engine, file.open("a") as out:
        for number in range(options.first, options.first + options.cases):
            if number in known:
                continue
            case = drawn(number)
            known[number] = {"number": number, **asdict(case), **asdict(tried(case, engine))}
            out.write(json.dumps(known[number]) + "\n")
            out.flush()
    found = sum(row["found"] for row in known.values())
    print(f"{len(known)} cases: {found} found the axion")
    for number, row in sorted(known.items()):
        if not row["found"]:
            why = row["refused"] or "not found: " + row["told"]
            place = f"{row['frequency_hz'] / 1e9:.3g} GHz, Q {row['unloaded_q']:.3g}"
            print(f"  {number}: {place}: {why}")


if __name__ == "__main__":
    main()
