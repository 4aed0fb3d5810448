"""The letter's two measurements of the system noise temperature, and how far apart they are.

    python examples/haloscope_two_methods.py [seed]

By gain: power over the total gain. By ratio: power with over power without JPA, the source taken to
be at 25 mK.
"""

from __future__ import annotations

import sys

import numpy as np

from haloscope import commissioning as operator
from haloscope.apparatus.experiment import Haloscope
from haloscope.measuring import calibration

#: A long move warms the rod for a while.
WAIT_S = 1800.0
TARGETS_HZ = (1.0905e9, 1.0985e9, 1.1052e9, 1.1097e9)


def main(seed: int) -> None:
    machine = Haloscope(seed=seed)
    for target_hz in TARGETS_HZ:
        chain = operator.y_factor(machine, target_hz)
        machine.switch.position = operator.SwitchPosition.CAVITY
        operator.tune(machine, target_hz)
        machine.step(WAIT_S)
        operator.tune(machine, target_hz)
        profile = operator.set_jpa(machine, target_hz)
        on = operator.digitize(machine, target_hz, 5000)
        machine.jpa.pump_on = False
        off = operator.digitize(machine, target_hz, 5000)
        line = f"{target_hz / 1e6:.1f} MHz"
        for offset_hz in (-60e3, 0.0, 60e3):
            at = target_hz + offset_hz
            on_w, off_w = on.band(at, 3e3)[0], off.band(at, 3e3)[0]
            gain = float(profile.gain(at))
            by_gain = calibration.system_noise_k(
                on_w, chain.gain_db + 10 * np.log10(gain), bin_width_hz=10.0
            )
            cold_k = float(calibration.effective_temperature_k(0.025, target_hz))
            by_ratio = calibration.noise_by_power_ratio(
                on_w, off_w, gain, cold_k, chain.temperature_k
            )
            apart = 100 * (1 - float(by_ratio / by_gain))
            line += f" | {offset_hz / 1e3:+.0f} kHz {1e3 * float(by_gain):.1f} mK, {apart:.1f} %"
        print(line)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
