"""Commission the simulated apparatus as the letter did, by the plans, and compare.

    python examples/haloscope_commissioning.py [seed]

Left: what was measured. Right: what the simulation has inside, for comparison only, and the
    letter's value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
from operating import Operator, operator

from plans.haloscope.calibration import jpa_noise, line_attenuation, y_factor
from plans.haloscope.tuning import set_coupling, tune_to

TARGET_MHZ, TARGET_HZ = 1100.0, 1.1e9


def show(name: str, measured: float, error: float, truth: float, letter: str) -> None:
    print(f"{name:32s} {measured:12.5g} +- {error:<9.2g} inside {truth:<12.6g} letter {letter}")


def cavity(hand: Operator) -> None:
    """Resonance, loaded Q, coupling."""
    found = hand.run(tune_to(hand.haloscope, TARGET_MHZ))
    inside = hand.machine.cavity_state()
    show("resonance - 1.1 GHz (Hz)", 1e6 * (found.frequency_mhz - TARGET_MHZ),
         1e6 * found.frequency_error_mhz, inside.resonances_hz()[1] - TARGET_HZ, "")  # fmt: skip
    show("loaded Q", found.loaded_q, found.loaded_q_error, inside.loaded_q, "> 35000")
    for beta in (0.5, 2.0):
        plan = set_coupling(
            hand.haloscope, beta, low=beta - 0.05, high=beta + 0.05, frequency_mhz=TARGET_MHZ
        )
        coupled = hand.run(plan)
        inside = hand.machine.cavity_state()
        show(f"coupling at about {beta}", coupled.beta, coupled.beta_error, inside.beta,
             "1.8 to 2.2")  # fmt: skip
    hand.run(tune_to(hand.haloscope, TARGET_MHZ))


def receiver(hand: Operator) -> Mapping[str, float]:
    """Line, chain and amplifier's noise; returns what is known of the chain."""
    nu, machine = np.array([TARGET_HZ]), hand.machine
    loss = hand.run(line_attenuation(hand.haloscope, TARGET_MHZ))
    show("line attenuation (dB)", loss["line_attenuation_db"], loss["line_attenuation_db_error"],
         machine.receiver.line_attenuation_db(nu)[0], "0.3 to 0.5")  # fmt: skip
    chain: Mapping[str, float] = hand.run(y_factor(hand.haloscope, TARGET_MHZ, averages=500))
    rest_db = 10 * np.log10(machine.receiver.rest_gain(nu, machine.time_s)[0])
    show("chain gain (dB)", chain["receiver_gain_db"], chain["receiver_gain_db_error"], rest_db,
         "104")  # fmt: skip
    show("chain noise (K)", chain["receiver_temperature_k"], chain["receiver_temperature_k_error"],
         machine.parameters.receiver.rest_noise_k, "1.2")  # fmt: skip
    added = hand.run(jpa_noise(hand.haloscope, TARGET_MHZ, chain, averages=2000))
    show("JPA noise (mK)", 1e3 * added["jpa_noise_temperature_k"],
         1e3 * added["jpa_noise_temperature_k_error"], 60.0, "60")  # fmt: skip
    return chain


def amplified(hand: Operator, chain: Mapping[str, float]) -> None:
    """The amplifier's gain in situ, and the noise with it."""
    hand.run(tune_to(hand.haloscope, TARGET_MHZ))
    offsets, noise, profile = hand.system_noise(TARGET_MHZ, chain)
    paramp = hand.machine.conditions().paramp
    for offset_khz, letter in ((1, "20 (probe tone)"), (100, "17"), (200, "14")):
        at = TARGET_HZ - 100e3 + 1e3 * offset_khz
        truth = 10 * np.log10(paramp.gain(np.array([at]))[0])
        gain = float(profile.gain(at))
        show(f"JPA gain at {offset_khz:+d} kHz (dB)", 10 * np.log10(gain),
             4.34 * profile.gain_error(at) / gain, truth, letter)  # fmt: skip
    show("JPA bandwidth (kHz)", profile.bandwidth_khz, profile.bandwidth_hz_error / 1e3,
         paramp.bandwidth_hz / 1e3, "about 190")  # fmt: skip
    total_db = chain["receiver_gain_db"] + 10 * float(np.log10(profile.gain(TARGET_HZ)))
    show("total gain at the target (dB)", total_db, chain["receiver_gain_db_error"], total_db,
         "about 121")  # fmt: skip
    for offset_khz, letter in ((-100, "130"), (0, "215"), (100, "185")):
        near = np.abs(offsets - 1e3 * offset_khz) < 3e3
        spread = 1e3 * noise[near].std() / np.sqrt(near.sum())
        show(
            f"T_n at {offset_khz:+d} kHz (mK)", 1e3 * np.median(noise[near]), spread, np.nan, letter
        )


def main(seed: int) -> None:
    with operator(seed) as hand:
        cavity(hand)
        amplified(hand, receiver(hand))
        print(f"simulated time {hand.machine.time_s / 3600:.2f} h")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
