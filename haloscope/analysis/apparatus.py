"""What an experiment's owners know of their apparatus beyond what each scan measures.

A scan may carry it in its start document under the key ``apparatus``::

    {"name": ..., "volume_m3": ..., "field_ratio": ..., "form_factor": "mode_map" or a number,
     "parameters_hash": ..., "errors": {"form_factor": ..., ...}, "description": {...}}

``description`` is all that its owners state (``haloscope.description``). Where a scan states
nothing, the shipped CAPP-12TB (A. K. Yi et al., arXiv:2210.10961) is assumed, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np

from haloscope.analysis.recorded import finite, group, number, text
from haloscope.analysis.spectra import FloatArray
from haloscope.description import Description, describe
from haloscope.parameters import HaloscopeParameters
from instruments.printable import escaped

MODE_MAP = "mode_map"

#: What owners may state standard errors of: relative ones, but for the loss of contacts in dB.
ERRORS: Final = ("form_factor", "field_ratio", "volume_m3", "noise_source", "line_contacts_db")


@lru_cache(maxsize=1)
def capp12tb() -> Description:
    """The shipped description of the letter's machine."""
    return describe(HaloscopeParameters.capp12tb())


@dataclass(frozen=True)
class Apparatus:
    """Geometry of one haloscope.

    Attributes:
        name: Of the experiment.
        volume_m3: Of the cavity that detects, m^3: of all cells, less what matching them loses.
        field_ratio: Average of the field over the cavity / central field.
        form_factor: Form factor C, or None for the described mode map at the cavity frequency.
        parameters_hash: Of the machine's parameters that these numbers belong to; "" if unknown.
        assumed: Names of the values that the run does not state.
        errors: Standard errors that the owners state, by the names of ``ERRORS``.
        description: All that they state; CAPP-12TB's where the run does not say.
    """

    name: str
    volume_m3: float
    field_ratio: float
    form_factor: float | None
    parameters_hash: str = ""
    assumed: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    description: Description = field(default_factory=capp12tb)

    @classmethod
    def of(cls, description: Description) -> Apparatus:
        """What a description says of geometry and errors."""
        magnet, spread = description.magnet, description.unknowns
        return cls(
            description.name,
            description.cavity.detecting_volume_m3,
            magnet.average_field_t / magnet.full_field_t,
            None,
            description.parameters_hash,
            errors={
                "form_factor": spread.form_factor_spread,
                "field_ratio": spread.field_spread,
                "noise_source": spread.noise_source_spread,
                "line_contacts_db": spread.line_attenuation_spread_db,
            },
            description=description,
        )

    def __post_init__(self) -> None:
        for name, error in self.errors.items():
            if name not in ERRORS:
                raise ValueError(
                    f"apparatus {self.name!r}: error of {name!r}, none of {', '.join(ERRORS)}"
                )
            if not (np.isfinite(error) and error >= 0):
                raise ValueError(
                    f"apparatus {self.name!r}: error of {name} is {error}, must not be below 0"
                )
        for name in ("volume_m3", "field_ratio", "form_factor"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ValueError(f"apparatus {self.name!r}: {name} is {value}, must be above 0")

    def form_factor_at(self, cavity_hz: FloatArray) -> FloatArray:
        """Form factor at cavity frequencies (n,), Hz; shape (n,)."""
        if self.form_factor is None:
            return np.asarray(self.description.mode_map.form_factor(cavity_hz), dtype=np.float64)
        return np.full(np.shape(cavity_hz), self.form_factor)

    def error_rows(self, form_factor: FloatArray) -> dict[str, FloatArray]:
        """The stated errors as ``Spectra.errors`` has them, for spectra with these form factors.

        Args:
            form_factor: Shape (n,).
        """
        scale: dict[str, FloatArray | float] = {
            "form_factor": form_factor,
            "field_ratio": self.field_ratio,
            "volume_m3": self.volume_m3,
        }
        return {
            name: error * scale.get(name, 1.0) * np.ones(len(form_factor))
            for name, error in self.errors.items()
        }

    def recorded(self) -> dict[str, Any]:
        """As a start document carries it."""
        stated = {"errors": dict(self.errors)} if self.errors else {}
        return {
            "name": self.name,
            "volume_m3": self.volume_m3,
            "field_ratio": self.field_ratio,
            "form_factor": MODE_MAP if self.form_factor is None else self.form_factor,
            "parameters_hash": self.parameters_hash,
            **stated,
        }


#: What is assumed of a run that states nothing: its geometry, without errors.
CAPP_12TB: Final = replace(Apparatus.of(capp12tb()), parameters_hash="", errors={})


def recorded(description: Description) -> dict[str, Any]:
    """As a start document carries all that owners state, under the key ``apparatus``."""
    return {**Apparatus.of(description).recorded(), "description": description.as_dict()}


def described(start: Mapping[str, Any]) -> Description | None:
    """The description that a start document carries; None without one.

    Raises:
        ValueError: It cannot be used; says why.
    """
    stated = group(group(start, "apparatus"), "description", "apparatus")
    if not stated:
        return None
    try:
        return Description.from_mapping(stated)
    except ValueError as error:
        raise ValueError(f"apparatus: description: {error}") from None


def apparatus_of(start: Mapping[str, Any]) -> Apparatus:
    """The apparatus of a run; what its start document leaves open is CAPP-12TB's and marked.

    Raises:
        ValueError: A value is not a number above 0, the form factor is another word than
            "mode_map", or the description cannot be used; names it.
    """
    stated, own_description = group(start, "apparatus"), described(start)
    known = CAPP_12TB if own_description is None else Apparatus.of(own_description)
    names = ("volume_m3", "field_ratio", "form_factor")
    given = {name: stated[name] for name in names if stated.get(name) is not None}
    values = known.recorded() | given
    own, noted = text(stated, "parameters_hash"), text(start, "parameters_hash")
    assumed: tuple[str, ...] = ()
    if own_description is None:
        assumed = tuple(name for name in names if name not in given)
    if own and noted and own != noted:
        assumed += (f"apparatus (stated for parameters {own[:8]}, run has {noted[:8]})",)
    return Apparatus(
        text(stated, "name") or known.name,
        number(values["volume_m3"], "apparatus: volume_m3"),
        number(values["field_ratio"], "apparatus: field_ratio"),
        _form_factor(values["form_factor"]),
        own,
        assumed,
        {
            name: number(error, f"apparatus: error of {escaped(name, 60)}")
            for name, error in group(stated, "errors", "apparatus").items()
        },
        known.description,
    )


def same_apparatus(found: Sequence[Apparatus]) -> Apparatus:
    """The one apparatus of several runs: errors that all of them state, the largest each.

    Two are one where all that the analysis takes from them is the same: geometry and the course of
    the form factor. Owners may have stated another step, alarm or noise in between; that their
    parameters differ is marked among what is assumed.

    Args:
        found: One or more, as their start documents tell.

    Raises:
        ValueError: They are not; says in what the first that differs does.
    """
    first = found[0]
    for one in found:
        if differs := _differing(first, one):
            raise ValueError(f"documents: scans of different apparatus: {'; '.join(differs)}")
    hashes = list(dict.fromkeys(one.parameters_hash[:8] or "unknown" for one in found))
    if len(hashes) > 1:
        told = f"apparatus (runs of parameters {', '.join(hashes)} taken together)"
        first = replace(first, assumed=(*first.assumed, told))
    common = [name for name in first.errors if all(name in one.errors for one in found)]
    return replace(first, errors={name: max(one.errors[name] for one in found) for name in common})


def _differing(first: Apparatus, other: Apparatus) -> list[str]:
    """In what two apparatus differ as far as the analysis goes; nothing if they are one."""
    found = []
    for name in ("name", "volume_m3", "field_ratio", "form_factor"):
        own, its = getattr(first, name), getattr(other, name)
        if own != its:
            found.append(f"{name} is {escaped(own, 60)} and {escaped(its, 60)}")
    if first.form_factor is None and other.form_factor is None:
        here, there = (_course(one.description) for one in (first, other))
        if here != there:
            hashes = " and ".join(one.description.hash() for one in (first, other))
            found.append(f"the course of the form factor differs between descriptions {hashes}")
    return found


def _course(description: Description) -> tuple[Any, ...]:
    """All that the form factor of a description depends on."""
    own = description.cavity
    scale = own.reference_hz, own.form_factor, own.radius_m, own.frequency_scale
    return *scale, tuple(row[:3] for row in description.table)


def crossings_of(start: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The mode crossings that a start document tells, intervals (low, high) in Hz.

    Raises:
        ValueError: They are no intervals in MHz; says what is.
    """
    recorded = start.get("crossings_mhz")
    if recorded is None:
        return []
    what = "start document: crossings_mhz"
    if not isinstance(recorded, list | tuple | np.ndarray):
        raise ValueError(f"{what} is {escaped(repr(recorded), 60)}, not intervals")
    found = []
    for pair in recorded:
        if not isinstance(pair, list | tuple | np.ndarray) or len(pair) != 2:
            raise ValueError(f"{what} has {escaped(repr(pair), 60)}, not an interval")
        low, high = (finite(end, what) for end in pair)
        if not 0 < low < high:
            raise ValueError(f"{what} has {low} to {high} MHz, not an interval")
        found.append((low * 1e6, high * 1e6))
    return found


def _form_factor(value: object) -> float | None:
    if isinstance(value, str) and value == MODE_MAP:
        return None
    return number(value, f"apparatus: form_factor, a number or {MODE_MAP!r},")
