"""Commission the simulated apparatus as the letter did, through its instruments, and compare.

    python examples/haloscope_commissioning.py [seed]

Left: what was measured. Right: what the simulation has inside, for comparison only, and the
    letter's value.
"""

from __future__ import annotations

import sys

import numpy as np

from haloscope import commissioning as operator
from haloscope.apparatus.experiment import Haloscope

TARGET_HZ = 1.1e9


def show(name: str, measured: float, error: float, truth: float, letter: str) -> None:
    print(f"{name:32s} {measured:12.5g} +- {error:<9.2g} inside {truth:<12.6g} letter {letter}")


def main(seed: int) -> None:
    machine = Haloscope(seed=seed)
    found = operator.tune(machine, TARGET_HZ)
    cavity = machine.cavity_state()
    show("resonance - 1.1 GHz (Hz)", found.frequency_hz - TARGET_HZ, found.frequency_hz_error,
         cavity.resonances_hz()[1] - TARGET_HZ, "")  # fmt: skip
    show("loaded Q", found.loaded_q, found.loaded_q_error, cavity.loaded_q, "> 35000")
    for beta in (0.5, 2.0):
        coupled = operator.couple(machine, TARGET_HZ, beta)
        show(f"coupling at about {beta}", coupled.beta, coupled.beta_error,
             machine.cavity_state().beta, "1.8 to 2.2")  # fmt: skip
    operator.tune(machine, TARGET_HZ)
    nu = np.array([TARGET_HZ])
    loss = operator.line_attenuation(machine, TARGET_HZ)
    show("line attenuation (dB)", loss.attenuation_db, loss.attenuation_db_error,
         machine.receiver.line_attenuation_db(nu)[0], "0.3 to 0.5")  # fmt: skip
    chain = operator.y_factor(machine, TARGET_HZ)
    rest_db = 10 * np.log10(machine.receiver.rest_gain(nu, machine.time_s)[0])
    show("chain gain (dB)", chain.gain_db, chain.gain_db_error, rest_db, "104")
    show("chain noise (K)", chain.temperature_k, chain.temperature_k_error,
         machine.parameters.receiver.rest_noise_k, "1.2")  # fmt: skip
    added = operator.jpa_noise(machine, TARGET_HZ, chain)
    show("JPA noise (mK)", 1e3 * added.temperature_k, 1e3 * added.temperature_k_error, 60.0, "60")
    operator.tune(machine, TARGET_HZ)
    machine.switch.position = operator.SwitchPosition.CAVITY
    profile = operator.set_jpa(machine, TARGET_HZ)
    for offset_khz, letter in ((1, "20 (probe tone)"), (100, "17"), (200, "14")):
        at = TARGET_HZ - 100e3 + 1e3 * offset_khz
        truth = 10 * np.log10(machine.conditions().paramp.gain(np.array([at]))[0])
        error = 4.34 * profile.peak_gain_error / profile.peak_gain
        measured = 10 * float(np.log10(profile.gain(at)))
        show(f"JPA gain at {offset_khz:+d} kHz (dB)", measured, error, truth, letter)
    show("JPA bandwidth (kHz)", profile.bandwidth_hz / 1e3, profile.bandwidth_hz_error / 1e3,
         machine.conditions().paramp.bandwidth_hz / 1e3, "about 190")  # fmt: skip
    total_db = chain.gain_db + 10 * float(np.log10(profile.gain(TARGET_HZ)))
    show("total gain at the target (dB)", total_db, chain.gain_db_error, total_db, "about 121")
    offsets, noise = operator.system_noise_k(machine, TARGET_HZ, chain)
    for offset_khz, letter in ((-100, "130"), (0, "215"), (100, "185")):
        near = np.abs(offsets - 1e3 * offset_khz) < 3e3
        spread = 1e3 * noise[near].std() / np.sqrt(near.sum())
        show(
            f"T_n at {offset_khz:+d} kHz (mK)", 1e3 * np.median(noise[near]), spread, np.nan, letter
        )
    print(f"simulated time {machine.time_s / 3600:.2f} h")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
