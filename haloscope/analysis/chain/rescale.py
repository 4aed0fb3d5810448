"""Step 5: from relative excess to units of axion power.

In spectrum i and fine bin j of width b, the excess d = y/y_hat - 1 has the standard deviation sigma
= 1/sqrt(N m). With

    R_ij = k_B T_n,ij b / (P_i L_ij),   k_B T_n,ij = y_hat_ij / (step G_ij),

D = R d is the excess in units of the whole DFSZ signal power in one bin (Brubaker et al. 2017, Eq.
27; TASEH Eqs. "respower", "Rratio"), P_i from the letter's Eq. 1 with the measured Q_L, beta, field
and frequency, L_ij the Lorentzian of the measured cavity, G_ij the receiver's gain times the JPA's
measured gain profile. All later steps need only the amplitude a_ij = 1/(R_ij sigma_i): the
signal-to-noise ratio of the full DFSZ power in that bin.
"""

from __future__ import annotations

import numpy as np

from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.axion import coupling_dfsz, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.parametric import power_gain


def jpa_gain(spectra: Spectra, frequency_hz: FloatArray) -> FloatArray:
    """Measured JPA power gain at each bin, shape (n, m)."""
    peak = 10 ** (spectra.jpa_gain_peak_db / 10)
    offset = frequency_hz - spectra.jpa_resonance_hz[:, None]
    return power_gain(offset, peak[:, None], spectra.jpa_bandwidth_hz[:, None])


def total_gain(spectra: Spectra, frequency_hz: FloatArray, baseline: FloatArray) -> FloatArray:
    """Power gain from the switch to the digitizer at each bin, shape (n, m).

    Where the calibration gives a noise temperature instead of a gain, the gain is the constant that
    makes the baseline equal to it at the cavity frequency.
    """
    calibration = spectra.calibration
    if calibration.noise_temperature_k is None:
        return spectra.receiver_gain[:, None] * jpa_gain(spectra, frequency_hz)
    at_cavity = np.array(
        [
            np.interp(nu, f, b)
            for nu, f, b in zip(spectra.cavity_frequency_hz, frequency_hz, baseline, strict=True)
        ]
    )
    noise_w = BOLTZMANN_J_PER_K * calibration.noise_temperature_k * spectra.step_hz
    return np.broadcast_to((at_cavity / noise_w)[:, None], frequency_hz.shape)


def noise_temperature_k(
    spectra: Spectra, frequency_hz: FloatArray, baseline: FloatArray
) -> FloatArray:
    """System noise temperature T_n = P/(k_B b G), shape (n, m), K."""
    gain = total_gain(spectra, frequency_hz, baseline)
    return baseline / (BOLTZMANN_J_PER_K * spectra.step_hz * gain)


def dfsz_power_w(spectra: Spectra) -> FloatArray:
    """Signal power of a DFSZ axion at each cavity resonance, Eq. 1, shape (n,), W."""
    powers = [
        signal_power_w(
            coupling_dfsz(nu),
            nu,
            field_t=b * spectra.field_ratio,
            volume_m3=spectra.volume_m3,
            form_factor=c,
            loaded_q=q,
            beta=beta,
        )
        for nu, b, c, q, beta in zip(
            spectra.cavity_frequency_hz.tolist(),
            spectra.magnet_field_t.tolist(),
            spectra.form_factor.tolist(),
            spectra.loaded_q.tolist(),
            spectra.beta.tolist(),
            strict=True,
        )
    ]
    return np.array([float(power) for power in powers])


def amplitudes(
    spectra: Spectra, windows: Windows, frequency_hz: FloatArray, baseline: FloatArray
) -> FloatArray:
    """SNR of the full DFSZ power in each fine bin, shape (n, m).

    a_ij = P_i L_ij G_ij sqrt(N m)/(m y_hat_ij), times the line's transmission over that of the
    calibration, which the limit takes.

    Args:
        spectra: The stack (n).
        windows: Its windows, for the bin widths.
        frequency_hz: Centres of the fine bins, shape (n, m).
        baseline: Mean power per digitizer bin, shape (n, m).
    """
    cavity = spectra.cavity_frequency_hz[:, None]
    x = (2 * spectra.loaded_q[:, None]) * (frequency_hz - cavity) / cavity
    gain = total_gain(spectra, frequency_hz, baseline)
    power = dfsz_power_w(spectra) * spectra.relative_transmission
    front = power * np.sqrt(spectra.num_averages / windows.merge)
    return front[:, None] * gain / (baseline * (1 + x**2))
