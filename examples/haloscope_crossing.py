"""Step the rod through the mode crossing at 4.527 ueV and say what an operator would skip.

    python examples/haloscope_crossing.py [seed]

At each step of 10 kHz the resonance nearest to the target is measured; Q_L and beta from reflection
tell how much TE mode there is in it. A step is kept while beta stays between 1.8 and 2.2, the
letter's range.
"""

from __future__ import annotations

import sys

import numpy as np

from haloscope import commissioning as operator
from haloscope import mode_map
from haloscope.apparatus.experiment import Haloscope

BETA_RANGE = (1.8, 2.2)


def main(seed: int) -> None:
    machine = Haloscope(seed=seed)
    table = mode_map.load()
    nu_te = machine.parameters.cavity.te_frequency_hz[0]
    kept = []
    print("  offset kHz   resonance kHz    Q_L    beta   TM share inside")
    for offset in np.arange(-400e3, 401e3, 20e3):
        machine.rod.move_to(float(table.angle_deg(nu_te + offset)))
        operator.wait(machine)
        nu, s = operator.sweep(machine, operator.SEARCH, nu_te + offset)
        near = np.abs(nu - nu_te) < 1.5e6
        peak = float(nu[near][np.argmax(np.abs(s[near]))])
        try:
            fit = operator.reflection(machine, peak)
        except ValueError:
            print(
                f"{offset / 1e3:11.0f}   two resonances: no fit                             skipped"
            )
            continue
        state = machine.cavity_state()
        share = state.tm_fractions()[np.argmin(np.abs(state.resonances_hz() - fit.frequency_hz))]
        good = BETA_RANGE[0] < fit.beta < BETA_RANGE[1]
        if good:
            kept.append(fit.frequency_hz)
        print(
            f"{offset / 1e3:11.0f} {(fit.frequency_hz - nu_te) / 1e3:14.1f} {fit.loaded_q:9.0f}"
            f" {fit.beta:6.3f} {share:12.3f} {'' if good else '  skipped'}"
        )
    gaps = np.diff(np.sort(kept))
    print(f"largest gap between kept resonances: {gaps.max() / 1e3:.0f} kHz (letter: 380 kHz)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
