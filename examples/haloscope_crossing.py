"""Step the rod through the mode crossing at 4.527 ueV and say what an operator would skip.

    python examples/haloscope_crossing.py [seed]

At each step of 20 kHz the resonance nearest to the target is measured; Q_L and beta from reflection
show how much TE mode there is in it. A step is kept while beta stays between 1.8 and 2.2, the
letter's range.
"""

from __future__ import annotations

import sys

import bluesky.plan_stubs as bps
import numpy as np
from operating import Operator, operator

from devices.parts.sweeping import sweeps_of
from haloscope.measuring.trust import BadFitError
from plans.haloscope.measure import reflection


def measure(hand: Operator, bare_hz: float, nu_te: float) -> tuple[float, bool] | None:
    """Go where the bare mode has a frequency and print what is there; (resonance in Hz, kept)."""
    described = hand.haloscope.apparatus
    hand.run(bps.mv(hand.haloscope.rod, float(described.mode_map.angle_deg(bare_hz))))
    nu, s = hand.sweep(sweeps_of(hand.haloscope).search, bare_hz / 1e6)
    near = np.abs(nu - nu_te) < 1.5e6
    peak_mhz = float(nu[near][np.argmax(np.abs(s[near]))]) / 1e6
    try:
        found = hand.run(reflection(hand.haloscope, peak_mhz))
    except BadFitError:
        return None
    resonance_hz = 1e6 * found.resonance.frequency_mhz
    state = hand.machine.cavity_state()
    share = state.tm_fractions()[np.argmin(np.abs(state.resonances_hz() - resonance_hz))]
    good = described.operation.beta_low < found.beta < described.operation.beta_high
    print(
        f"{(bare_hz - nu_te) / 1e3:11.0f} {(resonance_hz - nu_te) / 1e3:14.1f}"
        f" {found.resonance.loaded_q:9.0f} {found.beta:6.3f} {share:12.3f}"
        f" {'' if good else '  skipped'}"
    )
    return resonance_hz, good


def main(seed: int) -> None:
    kept = []
    with operator(seed) as hand:
        nu_te = hand.machine.parameters.cavity.te_frequency_hz[0]
        print("  offset kHz   resonance kHz    Q_L    beta   TM share inside")
        for offset in np.arange(-400e3, 401e3, 20e3):
            found = measure(hand, nu_te + offset, nu_te)
            if found is None:
                gap = " " * 29
                print(f"{offset / 1e3:11.0f}   two resonances: no fit{gap}skipped")
            elif found[1]:
                kept.append(found[0])
    gaps = np.diff(np.sort(kept))
    print(f"largest gap between kept resonances: {gaps.max() / 1e3:.0f} kHz (letter: 380 kHz)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
