"""What becomes of nasty spectra: told apart, limit held to what the radiometer allows, lines found.

    python benchmarks/studies/nasty_spectra.py [--only WORD] [--baseline NAME] [--worst 10]

Each case of the tests' library (receivers of all shapes, faults, mistakes) is analysed with every
baseline, once as it is and once with an axion of 8 standard deviations in it. Of a believed result
three things are told: the largest ratio by which its limit is below what is possible (it must not
be below 0.97), the grand width in its own errors, and the power of the line over the claimed one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np

from tests.physics.analysis.quality.nasty import BASELINES, library
from tests.physics.analysis.quality.trying import Outcome, tried

MAKERS = dict(library())
FATES = ("used", "cut", "doubted", "refused")


def _tried(pair: tuple[str, str]) -> Outcome:
    return tried(pair[0], MAKERS[pair[0]], pair[1])


@dataclass
class Tally:
    """Counts over the cases of one baseline."""

    baseline: str
    outcomes: list[Outcome]

    def lines(self) -> list[str]:
        """As text."""
        fates = Counter(outcome.fate for outcome in self.outcomes)
        cases = ", ".join(f"{name} {fates[name]}" for name in FATES)
        spectra = sum(o.spectra for o in self.outcomes)
        fitted = 1 - sum(o.unconverged for o in self.outcomes) / spectra
        left_out = sum(o.cut for o in self.outcomes if o.fate != "refused") / spectra
        refused = sum(o.spectra for o in self.outcomes if o.fate == "refused") / spectra
        believed = [o for o in self.outcomes if o.believed]
        doubted = [o.ratio for o in self.outcomes if o.fate == "doubted"]
        rises = np.array([o.rise for o in believed])
        return [
            f"{self.baseline}: {len(self.outcomes)} cases: {cases}; of {spectra} spectra converged "
            f"{fitted:.1%}, cut {left_out:.1%}, in stacks refused {refused:.1%}",
            f"   believed: limit / possible >= {min(o.ratio for o in believed):.3f} (doubted: "
            f"{min(doubted, default=np.nan):.3f}); width off by "
            f"{max(abs(o.width_pull) for o in believed):.1f} errors at most; line / claimed "
            f"{np.nanmin(rises):.3f} to {np.nanmax(rises):.3f}, off by "
            f"{np.nanmax(np.abs([o.pull for o in believed])):.1f} sigma at most",
        ]


def main() -> None:
    """Try all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--baseline", choices=BASELINES, action="append")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worst", type=int, default=10)
    given = parser.parse_args()
    names = [name for name in MAKERS if given.only in name]
    with ProcessPoolExecutor(given.workers) as pool:
        outcomes = list(pool.map(_tried, product(names, given.baseline or BASELINES), chunksize=4))
    if given.only:
        print(*outcomes, sep="\n")
    for baseline in given.baseline or BASELINES:
        own = [outcome for outcome in outcomes if outcome.baseline == baseline]
        print(*Tally(baseline, own).lines(), sep="\n")
    believed = [o for o in outcomes if o.believed]
    print("smallest limit / possible:", *sorted(believed, key=lambda o: o.ratio)[: given.worst],
          sep="\n   ")  # fmt: skip
    print("width furthest off:", *sorted(believed, key=lambda o: -abs(o.width_pull))[: given.worst],
          sep="\n   ")  # fmt: skip
    seen = [o for o in believed if np.isfinite(o.rise)]
    print("line furthest off:", *sorted(seen, key=lambda o: -abs(o.rise - 1))[: given.worst],
          sep="\n   ")  # fmt: skip
    print("refused or doubted:",
          *[o for o in outcomes if not o.believed], sep="\n   ")  # fmt: skip


if __name__ == "__main__":
    main()
