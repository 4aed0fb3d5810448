"""What each spectrum knows of its errors, and with what weight it enters a grand bin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import reduce
from typing import Any

import numpy as np

from haloscope.analysis.budget.terms import MEASURED_BY_GAIN, STATED, TERMS
from haloscope.analysis.chain.rescale import dfsz_power_w
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra
from haloscope.lorentzian import lorentzian

__all__ = ["Contributions", "Origin", "contributions", "either"]


class Origin(StrEnum):
    """Where an error comes from; stated ones are the owners' of what no scan measures."""

    MEASURED = "measured"
    STATED = "stated"
    PARTLY = "partly assumed"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Contributions:
    """Spectra without their power: what the budget needs of them, n rows.

    Attributes:
        cavity_hz: Resonance, shape (n,), Hz.
        loaded_q: Shape (n,).
        beta: Shape (n,).
        jpa_hz: Resonance of the JPA, shape (n,), Hz.
        jpa_bandwidth_hz: Shape (n,), Hz.
        jpa_gain: Peak gain, a ratio, shape (n,).
        strength: Expected power times the root of the averages, in arbitrary units, shape (n,).
        noise_k: T_n at the lower end of the window, the cavity and the upper end, shape (n, 3), K.
        low_hz: Lower end of the window, shape (n,), Hz.
        high_hz: Its upper end, shape (n,), Hz.
        errors: Standard errors by term, in its unit, each of shape (n,); a term that does not count
            is not there.
        origins: Where they come from, by term.
    """

    cavity_hz: FloatArray
    loaded_q: FloatArray
    beta: FloatArray
    jpa_hz: FloatArray
    jpa_bandwidth_hz: FloatArray
    jpa_gain: FloatArray
    strength: FloatArray
    noise_k: FloatArray
    low_hz: FloatArray
    high_hz: FloatArray
    errors: Mapping[str, FloatArray]
    origins: Mapping[str, Origin]

    def __len__(self) -> int:
        return len(self.cavity_hz)

    def rows(self, index: Any) -> Contributions:
        """Some of the spectra: a slice, indices or a boolean mask."""
        arrays = {name: getattr(self, name)[index] for name in _ARRAYS}
        errors = {name: value[index] for name, value in self.errors.items()}
        return Contributions(**arrays, errors=errors, origins=self.origins)

    @classmethod
    def together(cls, parts: Sequence[Contributions]) -> Contributions:
        """Those of several stacks, at least one; a term that one of them lacks counts for none."""
        if len(parts) == 1:
            return parts[0]
        arrays = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _ARRAYS}
        known = [name for name in parts[0].errors if all(name in p.errors for p in parts)]
        errors = {name: np.concatenate([p.errors[name] for p in parts]) for name in known}
        origins = {name: reduce(either, [p.origins[name] for p in parts]) for name in known}
        return cls(**arrays, errors=errors, origins=origins)

    def weight(self, row: int, frequency_hz: FloatArray) -> FloatArray:
        """Squared SNR of an axion in one spectrum, arbitrary units, shape of ``frequency_hz``.

        T_n is a straight line through both ends of the window with the cavity's noise on top.
        """
        low_k, middle_k, high_k = self.noise_k[row]
        ends_hz = self.low_hz[row], self.high_hz[row]
        width_hz = self.cavity_hz[row] / self.loaded_q[row]
        response = lorentzian(frequency_hz - self.cavity_hz[row], width_hz)
        foot_k = np.interp(self.cavity_hz[row], ends_hz, (low_k, high_k))
        noise_k = np.interp(frequency_hz, ends_hz, (low_k, high_k)) + response * (middle_k - foot_k)
        amplitude: FloatArray = self.strength[row] * response / noise_k
        return amplitude**2


_OFF_T = 1e-3  # A magnet below this is off: its relative error says nothing.
_SCALE_W = 1e-23  # Of the order of an axion's power: keeps the squares near 1.
_ARRAYS = tuple(f.name for f in fields(Contributions) if f.name not in ("errors", "origins"))


def either(one: Origin, other: Origin) -> Origin:
    """Of an error that comes from either."""
    return one if one is other else Origin.PARTLY


def contributions(spectra: Spectra, noise_k: FloatArray, options: Options) -> Contributions:
    """What spectra that are used bring to the budget.

    Args:
        spectra: Those used (n); what ``errors`` and ``calibration`` do not hold is assumed.
        noise_k: T_n at the lower end of the window, the cavity and the upper end, shape (n, 3).
        options: The window, and the systematic of T_n where no two methods were compared.
    """
    half = 0.5 * options.window_hz
    known = _known(spectra, options)
    by_gain = spectra.calibration.noise_temperature_k is None
    counted = [name for name in TERMS if by_gain or name not in MEASURED_BY_GAIN]
    assumed = {name: TERMS[name].assumed for name in counted}
    assumed["noise_temperature"] = options.noise_systematic
    return Contributions(
        cavity_hz=spectra.cavity_frequency_hz,
        loaded_q=spectra.loaded_q,
        beta=spectra.beta,
        jpa_hz=spectra.jpa_resonance_hz,
        jpa_bandwidth_hz=spectra.jpa_bandwidth_hz,
        jpa_gain=10 ** (spectra.jpa_gain_peak_db / 10),
        strength=_strength(spectra),
        noise_k=np.asarray(noise_k, dtype=np.float64),
        low_hz=spectra.target_frequency_hz - half,
        high_hz=spectra.target_frequency_hz + half,
        errors={
            name: np.full(len(spectra), known.get(name, assumed[name]), dtype=np.float64)
            for name in counted
        },
        origins={name: _origin(name) if name in known else Origin.ASSUMED for name in counted},
    )


def _origin(name: str) -> Origin:
    return Origin.STATED if name in STATED else Origin.MEASURED


def _strength(spectra: Spectra) -> FloatArray:
    power: FloatArray = dfsz_power_w(spectra) / _SCALE_W * np.sqrt(spectra.num_averages)
    return power


def _known(spectra: Spectra, options: Options) -> dict[str, Any]:
    """Errors that were measured or stated, by term and in its unit."""
    errors, calibration = spectra.errors, spectra.calibration
    found: dict[str, Any] = {}
    relative = {"loaded_q": "loaded_q", "jpa_bandwidth": "jpa_bandwidth_hz",
                "form_factor": "form_factor", "volume": "volume_m3"}  # fmt: skip
    for name, of in relative.items():
        if of in errors:
            found[name] = errors[of] / getattr(spectra, of)
    plain = {"cavity_frequency": "cavity_frequency_hz", "jpa_gain_peak": "jpa_gain_peak_db",
             "jpa_resonance": "jpa_resonance_hz", "line_contacts": "line_contacts_db",
             "noise_source": "noise_source", "gain_between": "receiver_gain_offset_db",
             "loss_between": "line_attenuation_offset_db"}  # fmt: skip
    found |= {name: errors[of] for name, of in plain.items() if of in errors}
    of_calibration = {"receiver_gain": calibration.receiver_gain_db_error,
                      "line_attenuation": calibration.line_attenuation_db_error,
                      "noise_temperature": _of_noise(calibration, options)}  # fmt: skip
    found |= {name: value for name, value in of_calibration.items() if value is not None}
    return found | _of_beta(spectra) | _of_field(spectra)


def _of_field(spectra: Spectra) -> dict[str, FloatArray]:
    """The relative error of the mean field: of the map, assumed if not stated, and the magnet's."""
    ratio, central = (spectra.errors.get(name) for name in ("field_ratio", "magnet_field_t"))
    if ratio is None and central is None:
        return {}
    of_map = TERMS["field"].assumed if ratio is None else ratio / spectra.field_ratio
    magnet = (
        0.0 if central is None else central / np.maximum(np.abs(spectra.magnet_field_t), _OFF_T)
    )
    return {"field": np.hypot(of_map, magnet)}


def _of_noise(calibration: Calibration, options: Options) -> float | None:
    """The systematic of T_n by the difference of two methods.

    They may agree by chance, so that the assumed one counts as one more difference.
    """
    if calibration.noise_difference is None:
        return None
    return math.hypot(calibration.noise_difference, options.noise_systematic) / math.sqrt(2)


def _of_beta(spectra: Spectra) -> dict[str, FloatArray]:
    """The error of beta without its systematic of a leak, and that systematic."""
    whole, leak = (spectra.errors.get(name) for name in ("beta", "beta_systematic"))
    found = {}
    if leak is not None:
        found["beta_leak"] = leak / spectra.beta
    if whole is not None:
        # What is not known at all is no difference of two infinities.
        part = np.zeros(len(spectra)) if leak is None else np.where(np.isinf(whole), 0.0, leak)
        found["beta"] = np.sqrt(np.maximum(whole**2 - part**2, 0.0)) / spectra.beta
    return found
