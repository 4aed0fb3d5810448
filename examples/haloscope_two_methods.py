"""The letter's two measurements of the system noise temperature, and how far apart they are.

    python examples/haloscope_two_methods.py [seed]

By gain: power over the total gain. By ratio: power with over power without JPA, the source taken to
be at 25 mK.
"""

from __future__ import annotations

import sys

import numpy as np
from operating import Operator, operator

from haloscope.measuring import calibration
from plans.haloscope.calibration import y_factor
from plans.haloscope.measure import configure
from plans.haloscope.tuning import set_jpa, tune_to

#: A long move warms the rod for a while.
WAIT_S = 1800.0
TARGETS_MHZ = (1090.5, 1098.5, 1105.2, 1109.7)


def compare(hand: Operator, target_mhz: float) -> str:
    """Measure by both methods at a target and beside it; the numbers in words."""
    haloscope = hand.haloscope
    chain = hand.run(y_factor(haloscope, target_mhz, averages=500))
    hand.run(tune_to(haloscope, target_mhz))
    haloscope.bench.let_pass(WAIT_S)
    hand.run(tune_to(haloscope, target_mhz))
    profile = hand.run(set_jpa(haloscope, target_mhz))
    on = hand.digitize(target_mhz, 5000)
    hand.run(configure({haloscope.jpa.pump: "Off"}))
    off = hand.digitize(target_mhz, 5000)
    line = f"{target_mhz:.1f} MHz"
    for offset_hz in (-60e3, 0.0, 60e3):
        at = target_mhz * 1e6 + offset_hz
        on_w, off_w, gain = on.band(at, 3e3), off.band(at, 3e3), float(profile.gain(at))
        by_gain = calibration.system_noise_k(
            on_w, chain["receiver_gain_db"] + 10 * np.log10(gain), bin_width_hz=on.bin_width_hz
        )
        cold_k = float(calibration.effective_temperature_k(0.025, target_mhz * 1e6))
        by_ratio = calibration.noise_by_power_ratio(
            on_w, off_w, gain, cold_k, chain["receiver_temperature_k"]
        )
        apart = 100 * (1 - float(by_ratio / by_gain))
        line += f" | {offset_hz / 1e3:+.0f} kHz {1e3 * float(by_gain):.1f} mK, {apart:.1f} %"
    return line


def main(seed: int) -> None:
    with operator(seed) as hand:
        for target_mhz in TARGETS_MHZ:
            print(compare(hand, target_mhz))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
