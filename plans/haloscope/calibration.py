"""Calibration of the receiver: Y factor, amplifier noise, line attenuation, noise in situ.

Each plan is a run of its own and returns what it measured; ``calibrate`` does all and returns the
mapping that the scan puts into its start document. ``haloscope.measuring.calibration`` has the
formulas.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import FailedStatus, MsgGenerator

from devices.haloscope import Haloscope
from haloscope.description import Description
from haloscope.measuring import calibration as formulas
from haloscope.planning.rounds import FOR_THE_AMPLIFIER, temperatures_of
from instruments.ranges import within
from plans.haloscope.digitizing import FLAT, band_power, digitize
from plans.haloscope.measure import configure, sweep, sweeps_of
from plans.haloscope.tuning import Amplifier, set_jpa, tune_to
from plans.shared.common import (
    in_run,
    metadata,
    number_in,
    provenance,
    record,
    require,
    value_of,
)
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = [
    "calibrate",
    "jpa_noise",
    "line_attenuation",
    "noise_in_situ",
    "y_factor",
]

#: Half widths of bands that a power is taken from: where the gain must hardly bend, of the gain's
#: width; where the cavity's noise must not, of its line.
OF_GAIN, OF_LINE = 1 / 19, 1 / 10
#: Spectra that can be averaged.
_MOST_AVERAGES = 10_000_000


@needs("noise_source")
def y_factor(
    haloscope: Haloscope,
    frequency_mhz: float,
    *,
    temperatures_k: Sequence[float] | None = None,
    averages: int | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, float]]:
    """Gain and noise temperature of the receiver without the amplifier, by the Y-factor method.

    The noise source is set to each temperature in turn with the amplifier's pump off; a line is
    fitted to power against its effective temperature. Afterwards the source cools to the first one.

    Parameters
    ----------
    haloscope
        The device.
    frequency_mhz
        Where, MHz.
    temperatures_k
        Physical temperatures, ascending, K; over the range of the noise source if not given.
    averages
        Spectra averaged at each; as described if not given.
    md
        Metadata for the start document.

    Returns
    -------
    ``receiver_gain_db``, ``receiver_temperature_k``, each with ``_error``.
    """
    if temperatures_k is None:
        temperatures_k = temperatures_of(haloscope.apparatus.noise_source)
    averages = _averages(haloscope, averages)
    require(len(temperatures_k) >= 3, "a Y factor needs at least three temperatures")
    require(list(temperatures_k) == sorted(temperatures_k), "temperatures must ascend")
    for kelvin in temperatures_k:
        haloscope.noise_source.temperature.check_value(kelvin)
    args = {"frequency_mhz": frequency_mhz, "temperatures_k": list(temperatures_k)}
    start = yield from _start("y_factor", haloscope, {**args, "averages": averages}, md)

    def inner() -> MsgGenerator[dict[str, float]]:
        yield from configure({haloscope.jpa.pump: "Off", haloscope.switch.selected: "Noise source"})
        kelvins, powers, errors = [], [], []
        for kelvin in temperatures_k:
            yield from bps.checkpoint()
            yield from _heated(haloscope, kelvin)
            reading = yield from digitize(haloscope, frequency_mhz, averages, "primary")
            power, error = band_power(haloscope.daq, reading, frequency_mhz)
            kelvins.append(number_in(reading, haloscope.noise_source.temperature))
            powers.append(power)
            errors.append(error)
        yield from bps.abs_set(haloscope.noise_source.temperature, temperatures_k[0], wait=True)
        width_hz = number_in(reading, haloscope.daq.frequency_step)
        fit = formulas.y_factor(kelvins, powers, errors, frequency_mhz * 1e6, bin_width_hz=width_hz)
        return {
            "receiver_gain_db": fit.gain_db,
            "receiver_gain_db_error": fit.gain_db_error,
            "receiver_temperature_k": fit.temperature_k,
            "receiver_temperature_k_error": fit.temperature_k_error,
        }

    return (yield from _run(inner(), start, haloscope))


@needs("noise_source")
def jpa_noise(
    haloscope: Haloscope,
    target_mhz: float,
    calibration: Mapping[str, float],
    *,
    averages: int | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, float]]:
    """Noise added by the amplifier at the target: the on/off ratio with the source at its coldest.

    Parameters
    ----------
    haloscope
        The device.
    target_mhz
        Where the cavity is in a scan, to one side of the amplifier's resonance, MHz.
    calibration
        What ``y_factor`` returned.
    averages
        Spectra averaged, each with pump on and off; five times the described if not given.
    md
        Metadata for the start document.

    Returns
    -------
    ``jpa_noise_temperature_k`` and its ``_error``.
    """
    averages = _averages(haloscope, averages, FOR_THE_AMPLIFIER)
    args = {"target_mhz": target_mhz, "averages": averages}
    start = yield from _start("jpa_noise", haloscope, args, md, calibration=dict(calibration))

    def inner() -> MsgGenerator[dict[str, float]]:
        coldest_k = haloscope.apparatus.noise_source.lowest_k
        yield from bps.abs_set(haloscope.noise_source.temperature, coldest_k, wait=True)
        profile = yield from set_jpa(
            haloscope, target_mhz, source="Noise source", amplifier=Amplifier()
        )
        on = yield from digitize(haloscope, target_mhz, averages, "primary")
        yield from configure({haloscope.jpa.pump: "Off"})
        off = yield from digitize(haloscope, target_mhz, averages, "primary")
        target_hz = target_mhz * 1e6
        narrow_mhz = 1e-6 * OF_GAIN * profile.bandwidth_hz
        fit = formulas.jpa_noise(
            *band_power(haloscope.daq, on, target_mhz, narrow_mhz),
            *band_power(haloscope.daq, off, target_mhz, narrow_mhz),
            gain=float(profile.gain(target_hz)),
            gain_error=profile.gain_error(target_hz),
            source_temperature_k=number_in(on, haloscope.noise_source.temperature),
            receiver_temperature_k=calibration["receiver_temperature_k"],
            receiver_temperature_k_error=calibration["receiver_temperature_k_error"],
            frequency_hz=target_hz,
        )
        return {
            "jpa_noise_temperature_k": fit.temperature_k,
            "jpa_noise_temperature_k_error": fit.temperature_k_error,
        }

    return (yield from _run(inner(), start, haloscope))


def line_attenuation(
    haloscope: Haloscope, frequency_mhz: float, *, md: Mapping[str, Any] | None = None
) -> MsgGenerator[dict[str, float]]:
    """Loss of the line from the cavity to the switch: half the difference of two full reflections.

    Off resonance the cavity reflects everything, and so does the floating switch; the way to the
    cavity and back is longer by twice the line. It is looked at many widths of the cavity below the
    frequency, or above it where the cavity itself is about there.

    Parameters
    ----------
    haloscope
        The device.
    frequency_mhz
        Where, MHz.
    md
        Metadata for the start document.

    Returns
    -------
    ``line_attenuation_db`` and its ``_error``.
    """
    sweeps = sweeps_of(haloscope)
    away_mhz = 1e-6 * sweeps.off_resonance_hz
    below, above = frequency_mhz - away_mhz, frequency_mhz + away_mhz
    for center in (below, above):
        haloscope.vna.center.check_value(center)
    args = {"frequency_mhz": frequency_mhz}
    start = yield from _start("line_attenuation", haloscope, args, md)

    def inner() -> MsgGenerator[dict[str, float]]:
        yield from configure({haloscope.jpa.pump: "Off"})
        angle_deg = yield from value_of(haloscope.rod.user_readback)
        cavity_mhz = float(haloscope.apparatus.mode_map.frequency_hz(angle_deg)) / 1e6
        center = above if abs(cavity_mhz - below) < away_mhz / 2 else below
        traces = []
        for source in ("Cavity", "Open"):
            yield from configure({haloscope.switch.selected: source})
            traces.append((yield from sweep(haloscope, sweeps.reflection, center)))
            yield from record([haloscope.vna, haloscope.switch, haloscope.sim], "primary")
        yield from configure({haloscope.switch.selected: "Cavity"})
        isolation_db = haloscope.apparatus.network_analyzer.isolation_db
        fit = formulas.line_attenuation(traces[0].s, traces[1].s, isolation_db=isolation_db)
        return {
            "line_attenuation_db": fit.attenuation_db,
            "line_attenuation_db_error": fit.attenuation_db_error,
        }

    return (yield from _run(inner(), start, haloscope))


def noise_in_situ(
    haloscope: Haloscope,
    target_mhz: float,
    calibration: Mapping[str, float],
    *,
    averages: int | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, Any]]:
    """System noise with the cavity as the source, at the target and to both sides, by two methods.

    To the sides it is as far as the amplifier's resonance is, 100 kHz for the letter, or as far as
    the spectrum goes.

    By the gain: power over the total gain, receiver times amplifier. By the ratio: power with the
    pump on over power with it off, times the noise without the amplifier, over its gain. The
    cavity must be tuned to the target; the letter finds the two methods 5 to 10 % apart.

    Parameters
    ----------
    haloscope
        The device.
    target_mhz
        Where the cavity is tuned, MHz.
    calibration
        What ``y_factor`` returned.
    averages
        Spectra averaged, each with pump on and off; five times the described if not given.
    md
        Metadata for the start document.

    Returns
    -------
    ``noise_temperature_k`` and ``noise_temperature_by_ratio_k``, each a list of three, K, and
    ``noise_difference``, how far they are apart at the target, relative: as part of a calibration
    it is the systematic of T_n.
    """
    averages = _averages(haloscope, averages, FOR_THE_AMPLIFIER)
    args = {"target_mhz": target_mhz, "averages": averages}
    start = yield from _start("noise_in_situ", haloscope, args, md, calibration=dict(calibration))

    def inner() -> MsgGenerator[dict[str, Any]]:
        profile = yield from set_jpa(haloscope, target_mhz, amplifier=Amplifier())
        on = yield from digitize(haloscope, target_mhz, averages, "primary")
        yield from configure({haloscope.jpa.pump: "Off"})
        off = yield from digitize(haloscope, target_mhz, averages, "primary")
        gains, ratios = [], []
        receiver_k = calibration["receiver_temperature_k"]
        width_hz = number_in(on, haloscope.daq.frequency_step)
        termination = number_in(on, haloscope.noise_source.temperature)
        source_k = float(formulas.effective_temperature_k(termination, target_mhz * 1e6))
        narrow_mhz = 1e-6 * OF_LINE * sweeps_of(haloscope).widths.line_hz
        reach_mhz = _reach_mhz(haloscope.apparatus)
        for offset_mhz in (-reach_mhz, 0.0, reach_mhz):
            gain = float(profile.gain((target_mhz + offset_mhz) * 1e6))
            on_w, _ = band_power(haloscope.daq, on, target_mhz + offset_mhz, narrow_mhz)
            off_w, _ = band_power(haloscope.daq, off, target_mhz + offset_mhz, narrow_mhz)
            total_db = calibration["receiver_gain_db"] + 10.0 * math.log10(gain)
            gains.append(float(formulas.system_noise_k(on_w, total_db, bin_width_hz=width_hz)))
            by_ratio = formulas.noise_by_power_ratio(on_w, off_w, gain, source_k, receiver_k)
            ratios.append(float(by_ratio))
        return {
            "noise_temperature_k": gains,
            "noise_temperature_by_ratio_k": ratios,
            "noise_difference": abs(ratios[1] / gains[1] - 1),
        }

    return (yield from _run(inner(), start, haloscope))


@needs("noise_source")
def calibrate(
    haloscope: Haloscope,
    frequency_mhz: float,
    *,
    averages: int | None = None,
    in_situ: bool = False,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, float]]:
    """Y factor, amplifier noise and line attenuation, one run each.

    Parameters
    ----------
    haloscope
        The device.
    frequency_mhz
        Where, MHz; the middle of the scan to come.
    averages
        Spectra averaged at each temperature, as described if not given; five times as many for the
        amplifier.
    in_situ
        Tune the cavity there and compare the two methods of measuring the system noise, too.
    md
        Metadata for the start documents.

    Returns
    -------
    The mapping that ``plans.haloscope.scan.scan`` takes as ``calibration``.
    """
    averages = _averages(haloscope, averages)
    more = FOR_THE_AMPLIFIER * averages
    found = yield from y_factor(haloscope, frequency_mhz, averages=averages, md=md)
    noise = yield from jpa_noise(haloscope, frequency_mhz, found, averages=more, md=md)
    loss = yield from line_attenuation(haloscope, frequency_mhz, md=md)
    if not in_situ:
        return {**found, **noise, **loss}
    yield from tune_to(haloscope, frequency_mhz)
    both = yield from noise_in_situ(haloscope, frequency_mhz, found, averages=more, md=md)
    return {**found, **noise, **loss, "noise_difference": both["noise_difference"]}


def _run(
    plan: MsgGenerator[Any], start: Mapping[str, Any], haloscope: Haloscope
) -> MsgGenerator[Any]:
    """A run of its own that leaves the haloscope safe, its analyzer and digitizer as found."""
    safe = run_haloscope_safely(in_run(plan, start), haloscope)
    return (yield from left_as_found(safe, haloscope))


def _averages(haloscope: Haloscope, given: int | None, times: int = 1) -> int:
    """Spectra to average: as given, else as described, so many times."""
    if given is None:
        given = times * haloscope.apparatus.operation.calibration_averages
    within("averages", given, 10, _MOST_AVERAGES, "spectra")
    return given


def _heated(haloscope: Haloscope, kelvin: float) -> MsgGenerator[None]:
    """Bring the noise source to a temperature; where an interlock forbids it, say what decides."""
    try:
        yield from bps.abs_set(haloscope.noise_source.temperature, kelvin, wait=True)
    except FailedStatus as failed:
        if (yield from value_of(haloscope.interlock.reason, "")):
            cut_k = haloscope.apparatus.safety.heater_cut_above_base_k
            highest_k = haloscope.apparatus.noise_source.highest_k
            failed.add_note(
                f"the noise source may heat the refrigerator by more than parameter "
                f"safety.heater_cut_above_base_k, {cut_k:g} K, allows: parameter "
                f"noise_source.highest_k, {highest_k:g} K, is too much for it then"
            )
        raise


def _reach_mhz(apparatus: Description) -> float:
    """How far from the target the noise is looked at beside it: at the amplifier's place."""
    digitizer = apparatus.digitizer
    spectrum_hz = digitizer.bins * digitizer.bin_width_hz
    return 1e-6 * min(abs(apparatus.operation.jpa_offset_hz), FLAT * spectrum_hz)


def _start(
    name: str,
    haloscope: Haloscope,
    args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    **more: Any,
) -> MsgGenerator[dict[str, Any]]:
    machine = yield from provenance(haloscope)
    return metadata(name, [haloscope.daq], args, md, **machine, **more)
