"""Magnet, cold stages and receiver of the haloscope, measured by the letter's procedures.

IOC, devices and plans: what is inside the simulation is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cryohalo.reproduction.finding import Finding, exact, measured, numerical, spread
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.shared.clock import clock_held
from cryohalo.reproduction.shared.control_path import session_at
from cryohalo.reproduction.work import Answers, Work
from haloscope.axion import frequency_hz, mass_ev
from haloscope.measuring.calibration import effective_temperature_k
from instruments.drawing import BLUE, GREY, RED, styled

if TYPE_CHECKING:
    from bluesky.utils import MsgGenerator
    from matplotlib.figure import Figure

    from cryohalo.session import Session
    from devices.haloscope import Haloscope
    from haloscope.measuring.gain import GainProfile

__all__ = ["compute", "standard_error"]

#: A long move of the rod warms it, and with it the noise, for a quarter of an hour.
_REST_S: Final = 1800.0
#: Distance of the places in the band where the receiver is looked at, MHz from its middle.
_PLACES_MHZ: Final = (-9.5, -1.5, 0.0, 5.2, 9.7)
_QUICK_MHZ: Final = (-9.5, 0.0, 9.7)
#: The modes are mapped so far to both sides of the crossing, MHz.
_MAPPED_MHZ: Final = 1.0
_FIT: Final = "the fit's and the receiver's noise"
#: Readings of a thermometer, and how far apart, s.
_LOOKS, _LOOK_S = 25, 10.0
_READINGS: Final = "scatter of a thermometer's readings"


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

    sim = haloscope.sim
    yield from clock_held(sim, bps.abs_set(sim.advance, seconds, wait=True))


def _cold(session: Session) -> dict[str, Finding]:
    kelvin = _thermometers(session)
    means = {name: 1e3 * float(kelvin[name].mean()) for name in ("cavity", "jpa")}
    warmer = max(means, key=lambda name: means[name])
    return {
        "physical-temperature": measured(
            means[warmer], 1e3 * standard_error(kelvin[warmer]), _READINGS,
            "cavity {cavity:.2f}, JPA {jpa:.2f} mK".format(**means),
        )
    }  # fmt: skip


def _thermometers(session: Session) -> dict[str, NDArray[np.float64]]:
    """Readings of barrel, amplifier and rod, some seconds apart, K."""
    fridge = session.haloscope.fridge
    signals = {"cavity": fridge.cavity, "jpa": fridge.jpa, "rod": fridge.rod}
    (run,) = session.run(_looked_at(session.haloscope))
    rows = [event["data"] for event in run.events()]
    return {name: np.array([row[s.name] for row in rows]) for name, s in signals.items()}


def _looked_at(haloscope: Haloscope) -> MsgGenerator[None]:
    from plans.shared.common import in_run, metadata, record

    def looks() -> MsgGenerator[None]:
        for _ in range(_LOOKS):
            yield from _rested(haloscope, _LOOK_S)
            yield from record([haloscope.fridge, haloscope.sim], "primary")

    start = metadata("thermometers", [haloscope.fridge], {"looks": _LOOKS}, None)
    return (yield from in_run(looks(), start))


def standard_error(readings: ArrayLike) -> float:
    """Of the mean of independent readings, from their scatter.

    Raises:
        ValueError: One reading has no scatter.
    """
    values = np.asarray(readings, dtype=np.float64)
    if values.size < 2:
        raise ValueError("one reading tells nothing of its error")
    return float(np.std(values, ddof=1) / np.sqrt(values.size))


def _settings(session: Session, place: _Place, target_mhz: float) -> dict[str, Finding]:
    """Where oscillator and amplifier stand for a target; how far the noise source was heated."""
    profile = place.profile
    hottest, coldest = _source(session)
    return {
        "jpa-offset": measured(
            1e3 * (target_mhz - profile.resonance_mhz), 1e-3 * profile.resonance_hz_error, _FIT
        ),
        "intermediate-frequency": exact(abs(target_mhz - place.oscillator_mhz), "none: read back"),
        "probe-offset": measured(
            1e-3 * (profile.probe_hz - profile.resonance_hz), 1e-3 * profile.resonance_hz_error,
            _FIT, "the tone is where it was set; where the resonance is, the fit says",
        ),
        "source-range": measured(
            1e3 * float(np.mean(hottest)), 1e3 * standard_error(hottest), _READINGS
        ),
        "source-temperature": measured(
            1e3 * float(np.mean(coldest)), 1e3 * standard_error(coldest), _READINGS
        ),
    }  # fmt: skip


def _source(session: Session) -> tuple[list[float], list[float]]:
    """The noise source's thermometer at the hottest and coldest point of each Y factor, K."""
    name = session.haloscope.noise_source.temperature.name
    runs = [
        [float(event["data"][name]) for event in run.events()]
        for run in session.catalog.named("y_factor")
    ]
    return [max(kelvin) for kelvin in runs], [min(kelvin) for kelvin in runs]


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
    how = f"scatter over {len(values)} frequencies"
    return measured(float(np.mean(values)), standard_error(values), how, note)


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
    ratios, source_k = [], 1e-3 * claim_named("source-temperature").low
    for mhz, p in places.items():
        rest_k = p.chain["receiver_temperature_k"]
        at_target = rest_k / float(p.profile.gain(1e6 * mhz))
        under = p.noise["noise_temperature_k"][0] - rest_k / p.profile.peak_gain + at_target
        source = float(effective_temperature_k(source_k, 1e6 * mhz))
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
    kelvin = _thermometers(session)
    apart = kelvin["rod"] - kelvin["cavity"]
    return {
        "hot-rod": measured(
            1e3 * float(apart.mean()), 1e3 * standard_error(apart), _READINGS,
            f"rod at {1e3 * kelvin['rod'].mean():.0f} mK",
        )
    }  # fmt: skip


def _crossing(session: Session) -> dict[str, Finding]:
    """The modes mapped about the crossing, in the steps of the letter's scan."""
    from plans.haloscope.commissioning import map_modes

    step_khz = claim_named("scan-step").low
    middle_mhz = _claimed_crossing_mhz()
    ends = middle_mhz - _MAPPED_MHZ, middle_mhz + _MAPPED_MHZ
    modes = session.run(map_modes(session.haloscope, *ends, step_khz=step_khz)).value
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
