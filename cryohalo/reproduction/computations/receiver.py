"""Magnet, cold stages and receiver of the haloscope, measured by the letter's procedures.

IOC, devices and plans: what is inside the simulation is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryohalo.reproduction.finding import Finding, exact, measured, numerical, spread
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.work import Answers, Work
from haloscope.axion import mass_ev
from haloscope.measuring.calibration import effective_temperature_k
from instruments.drawing import BLUE, GREY, RED, styled

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator
    from matplotlib.figure import Figure

    from cryohalo.session import Session
    from devices.haloscope import Haloscope
    from haloscope.measuring.gain import GainProfile

__all__ = ["compute"]

#: A long move of the rod warms it, and with it the noise, for a quarter of an hour.
_REST_S: Final = 1800.0
#: Distance of the places in the band where the receiver is looked at, MHz from its middle.
_PLACES_MHZ: Final = (-9.5, -1.5, 0.0, 5.2, 9.7)
_QUICK_MHZ: Final = (-9.5, 0.0, 9.7)
#: The modes are mapped so far to both sides of the crossing, MHz.
_MAPPED_MHZ: Final = 1.0
_FIT: Final = "the fit's and the receiver's noise"


@dataclass(frozen=True)
class _Place:
    """What was measured at one frequency.

    Attributes:
        chain: Y factor, JPA's noise, line's loss, each with its error.
        noise: Of ``noise_in_situ``.
        profile: The JPA's gain in situ.
        oscillator_mhz: Where the local oscillator stood for the target.
    """

    chain: Mapping[str, float]
    noise: Mapping[str, Any]
    profile: GainProfile
    oscillator_mhz: float


def compute(work: Work) -> Answers:
    """Findings of the receiver."""
    with session_at(work, "haloscope", speed=0.0) as session:
        from plans.haloscope.commissioning import cool_and_ramp

        haloscope = session.haloscope
        field_t = session.run(cool_and_ramp(haloscope)).value
        found = {"central-field": exact(field_t, "none: the supply's readback"), **_cold(session)}
        operation = haloscope.apparatus.operation
        middle_mhz = 0.5e-6 * (operation.band_low_hz + operation.band_high_hz)
        offsets = _QUICK_MHZ if work.quick else _PLACES_MHZ
        places: dict[float, _Place] = {}
        for number, offset in enumerate(offsets):
            places[middle_mhz + offset] = _measured(session, middle_mhz + offset, work.quick)
            work.tell(0.1 + 0.7 * (number + 1) / len(offsets))
        found |= _settings(session, places[middle_mhz], middle_mhz)
        found |= {**_gains(places, middle_mhz), **_noise(places), **_chain(places)}
        found |= _rod(session)
        found |= _crossing(session)
    work.figure(
        "receiver-noise", _figure(places),
        "System noise temperature at the cavity and 100 kHz to both sides, by both methods, over "
        "the band.", ["noise-below", "noise-centre", "noise-above", "two-methods"],
    )  # fmt: skip
    return found


def _measured(session: Session, target_mhz: float, quick: bool) -> _Place:
    """Calibrate at one frequency, the cavity tuned there and the rod at rest."""
    from plans.haloscope.calibration import calibrate, noise_in_situ
    from plans.haloscope.tuning import set_jpa, tune_to

    haloscope, averages = session.haloscope, 200 if quick else 500
    chain = session.run(calibrate(haloscope, target_mhz, averages=averages)).value
    session.run(tune_to(haloscope, target_mhz))
    session.run(_rested(haloscope, _REST_S))
    session.run(tune_to(haloscope, target_mhz))
    noise = session.run(noise_in_situ(haloscope, target_mhz, chain)).value
    profile = session.run(set_jpa(haloscope, target_mhz)).value
    return _Place(chain, noise, profile, float(haloscope.lo.frequency.get()))


def _rested(haloscope: Haloscope, seconds: float) -> MsgGenerator[None]:
    """Let simulated time pass while nothing is done: as fast as can be, it stands then."""
    import bluesky.plan_stubs as bps

    yield from bps.abs_set(haloscope.sim.paused, "Yes", wait=True)
    yield from bps.abs_set(haloscope.sim.advance, seconds, wait=True)
    yield from bps.abs_set(haloscope.sim.paused, "No", wait=True)


def _cold(session: Session) -> dict[str, Finding]:
    fridge = session.haloscope.fridge
    kelvin = [1e3 * float(signal.get()) for signal in (fridge.cavity, fridge.jpa)]
    return {
        "physical-temperature": measured(
            max(kelvin), 0.002 * max(kelvin), "one reading of a thermometer",
            "cavity {:.2f}, JPA {:.2f} mK".format(*kelvin),
        )
    }  # fmt: skip


def _settings(session: Session, place: _Place, target_mhz: float) -> dict[str, Finding]:
    """Where oscillator and amplifier stand for a target; how far the noise source was heated."""
    profile = place.profile
    heated = [
        float(event["data"]["haloscope_noise_source_temperature"])
        for run in session.catalog.named("y_factor")
        for event in run.events()
    ]
    return {
        "jpa-offset": measured(
            1e3 * (target_mhz - profile.resonance_mhz), 1e-3 * profile.resonance_hz_error, _FIT
        ),
        "intermediate-frequency": exact(abs(target_mhz - place.oscillator_mhz), "none: read back"),
        "source-range": measured(
            1e3 * max(heated), 0.002 * 1e3 * max(heated), "one reading of a thermometer"
        ),
    }  # fmt: skip


def _gains(places: Mapping[float, _Place], middle_mhz: float) -> dict[str, Finding]:
    """Gain beside the resonance, means over the places; each place's error is smaller."""
    offset_hz = 1e6 * middle_mhz - places[middle_mhz].profile.resonance_hz
    near = [_db(p.profile, p.profile.resonance_hz + offset_hz) for p in places.values()]
    far = [_db(p.profile, p.profile.resonance_hz + 2.0 * offset_hz) for p in places.values()]
    width = [p.profile.bandwidth_khz for p in places.values()]
    total = [p.chain["receiver_gain_db"] + g for p, g in zip(places.values(), near, strict=True)]
    return {
        "gain-target": _mean(near, "over the band"),
        "gain-far": _mean(far, "over the band; the profile is a Lorentzian, as measured"),
        "jpa-bandwidth": _mean(width, "over the band"),
        "total-gain": _mean(total, "over the band"),
    }


def _db(profile: GainProfile, at_hz: float) -> float:
    return float(10.0 * np.log10(profile.gain(at_hz)))


def _mean(values: Sequence[float], note: str = "") -> Finding:
    """Mean over places, with its standard error."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    how = f"scatter over {len(values)} frequencies"
    return measured(float(np.mean(values)), error, how, note)


def _noise(places: Mapping[float, _Place]) -> dict[str, Finding]:
    below, centre, above = (
        [1e3 * p.noise["noise_temperature_k"][k] for p in places.values()] for k in range(3)
    )
    apart = [100.0 * p.noise["noise_difference"] for p in places.values()]
    return {
        "noise-below": _mean(below),
        "noise-centre": _mean(centre),
        "noise-above": _mean(above),
        "two-methods": spread(
            float(np.mean(apart)), min(apart), max(apart),
            f"statistical: scatter over {len(apart)} frequencies",
            note="on resonance; least and largest are by frequency",
        ),
        "noise-sum": _sum(places),
    }  # fmt: skip


def _sum(places: Mapping[float, _Place]) -> Finding:
    """Source, JPA and chain over the noise that is there at the cavity without its peak.

    Below the cavity, at the JPA's resonance, the cavity is dark: what is there, the chain's share
    brought to the cavity, is what lies under the peak.
    """
    ratios = []
    for mhz, p in places.items():
        rest_k = p.chain["receiver_temperature_k"]
        at_target = rest_k / float(p.profile.gain(1e6 * mhz))
        under = p.noise["noise_temperature_k"][0] - rest_k / p.profile.peak_gain + at_target
        source = float(effective_temperature_k(0.025, 1e6 * mhz))
        ratios.append((source + p.chain["jpa_noise_temperature_k"] + at_target) / under)
    note = "measured; with the letter's numbers 119 mK over 130 - 12 + 25 = 143 mK, 0.83"
    return _mean(ratios, note)


def _chain(places: Mapping[float, _Place]) -> dict[str, Finding]:
    loss = [p.chain["line_attenuation_db"] for p in places.values()]
    loss_error = max(p.chain["line_attenuation_db_error"] for p in places.values())
    left = [
        1e3 * p.chain["receiver_temperature_k"] / float(p.profile.gain(1e6 * mhz))
        for mhz, p in places.items()
    ]
    return {
        "chain-gain": _mean([p.chain["receiver_gain_db"] for p in places.values()]),
        "chain-noise": _mean([p.chain["receiver_temperature_k"] for p in places.values()]),
        "jpa-noise": _mean([1e3 * p.chain["jpa_noise_temperature_k"] for p in places.values()]),
        "chain-contribution": _mean(left),
        "line-attenuation": spread(
            float(np.mean(loss)), min(loss), max(loss), "statistical: of one measurement",
            loss_error, "least and largest are by frequency",
        ),
    }  # fmt: skip


def _rod(session: Session) -> dict[str, Finding]:
    fridge = session.haloscope.fridge
    rod, barrel = (1e3 * float(signal.get()) for signal in (fridge.rod, fridge.cavity))
    return {
        "hot-rod": measured(
            rod - barrel, 0.002 * rod, "one reading of a thermometer", f"rod at {rod:.0f} mK"
        )
    }


def _crossing(session: Session) -> dict[str, Finding]:
    """The modes mapped about the crossing, in the described steps."""
    from plans.haloscope.commissioning import map_modes

    haloscope = session.haloscope
    step_khz = 1e-3 * haloscope.apparatus.operation.map_step_hz
    middle_mhz = _claimed_crossing_mhz()
    ends = middle_mhz - _MAPPED_MHZ, middle_mhz + _MAPPED_MHZ
    modes = session.run(map_modes(haloscope, *ends)).value
    low, high = max(modes.crossings_mhz, key=lambda interval: interval[1] - interval[0])
    error_khz = step_khz / np.sqrt(6.0)  # two ends, each somewhere within a step
    mass = mass_ev(0.5e6 * (low + high))
    return {
        "crossing-hole": numerical(
            1e3 * (high - low), float(error_khz), f"steps of {step_khz:g} kHz",
            f"{low:.3f} to {high:.3f} MHz",
        ),
        "crossing-mass": numerical(
            1e6 * mass, 1e6 * mass_ev(500.0 * float(error_khz)), f"steps of {step_khz:g} kHz",
            f"{0.5 * (low + high):.3f} MHz",
        ),
    }  # fmt: skip


def _claimed_crossing_mhz() -> float:
    """Where an operator who knows the letter looks."""
    from cryohalo.reproduction.papers import claim_named
    from haloscope.axion import frequency_hz

    return 1e-6 * frequency_hz(1e-6 * claim_named("crossing-mass").low)


@styled
def _figure(places: Mapping[float, _Place]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6, 3.4), layout="constrained")
    axes = figure.subplots()
    mhz = list(places)
    names = ("100 kHz below", "at the cavity", "100 kHz above")
    for k, (name, colour) in enumerate(zip(names, (GREY, RED, BLUE), strict=True)):
        gain = [1e3 * places[f].noise["noise_temperature_k"][k] for f in mhz]
        ratio = [1e3 * places[f].noise["noise_temperature_by_ratio_k"][k] for f in mhz]
        axes.plot(mhz, gain, "o-", color=colour, label=f"{name}, by the gain")
        axes.plot(mhz, ratio, "s:", color=colour, mfc="none", label=f"{name}, by the ratio")
    axes.set(xlabel="frequency (MHz)", ylabel="system noise temperature (mK)", ylim=(100, 250))
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize=6.5)
    return figure
