"""What an expected signal power can be wrong by: the terms of the budget.

An error of an axion's expected power is one of two kinds. A term common to all spectra that meet in
a grand bin, such as the loss of the line, does not average out; what each spectrum measures anew,
such as the quality factor, does.

A term that nobody measured or stated is not zero: it has the assumed error given here, and every
result says that it was assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["MEASURED_BY_GAIN", "STATED", "TERMS", "Term"]


@dataclass(frozen=True)
class Term:
    """One thing that the expected power depends on.

    Attributes:
        name: In files.
        words: In tables.
        common: All spectra of a grand bin have the same error.
        assumed: Standard error where none is known, in ``unit``.
        unit: "" for a relative error.
        why: Where the assumed one comes from.
    """

    name: str
    words: str
    common: bool
    assumed: float
    unit: str
    why: str


_ALL: Final = (
    Term("noise_temperature", "T_n: what two methods leave open", True, 0.075, "",
         "A. K. Yi et al. 2022: the methods are 5 to 10 % apart"),
    Term("receiver_gain", "gain of the receiver", True, 0.1, "dB", "what the letter asks of it"),
    Term("gain_between", "gain between its calibrations", True, 0.05, "dB",
         "ripple of cables, drift"),
    Term("noise_source", "temperature scale of the noise source", True, 0.01, "",
         "resistance thermometers at 0.1 K"),
    Term("line_attenuation", "loss of the line", True, 0.058, "dB",
         "A. K. Yi et al. 2022: 0.3 to 0.5 dB, a range over the root of 12"),
    Term("loss_between", "loss of the line between calibrations", True, 0.05, "dB",
         "waves of the line"),
    Term("line_contacts", "loss of the line beside reflections", True, 0.03, "dB",
         "a contact or two"),
    Term("form_factor", "form factor", True, 0.03, "", "field calculations: 1 to 5 %"),
    Term("field", "mean field", True, 0.005, "", "field map and central field"),
    Term("volume", "volume", True, 0.002, "", "drawings, shrinkage of the cold cavity"),
    Term("beta_leak", "beta: leak past the circulators", True, 0.02, "", "isolation of 40 dB"),
    Term("loaded_q", "loaded Q", False, 0.01, "", "one sweep of the analyzer"),
    Term("beta", "beta", False, 0.02, "", "one sweep of the analyzer"),
    Term("cavity_frequency", "frequency of the cavity", False, 500.0, "Hz",
         "half of the tolerance of tuning"),
    Term("jpa_gain_peak", "gain of the JPA", False, 0.1, "dB", "one sweep of the analyzer"),
    Term("jpa_bandwidth", "bandwidth of the JPA", False, 0.03, "", "one sweep of the analyzer"),
    Term("jpa_resonance", "resonance of the JPA", False, 2e3, "Hz", "one sweep of the analyzer"),
)  # fmt: skip

#: All terms by name, common ones first.
TERMS: Final = MappingProxyType({term.name: term for term in _ALL})

#: Terms that only count where a gain sets the scale of the power, not a given T_n.
MEASURED_BY_GAIN: Final = frozenset(
    (
        *("receiver_gain", "gain_between", "noise_source"),
        *("jpa_gain_peak", "jpa_bandwidth", "jpa_resonance"),
    )
)

#: Terms that no scan measures: their errors are stated by the owners of the apparatus.
STATED: Final = frozenset({"noise_source", "line_contacts", "form_factor", "field", "volume"})
