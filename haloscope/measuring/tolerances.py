"""What every step of a scan must fulfil, and how far tolerances may be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Final

from haloscope.description.groups import Operation
from instruments.ranges import within

__all__ = [
    "BETA",
    "GAIN_DB",
    "GAIN_TOLERANCE_DB",
    "TUNING_KHZ",
    "Tolerances",
    "coupling_range",
    "tolerances_of",
]

#: Lowest and highest that may be asked for: distance of the resonance from its target, coupling,
#: gain of the amplifier, and the distance of the gain from what is wanted.
TUNING_KHZ: Final = (0.002, 5e5)
BETA: Final = (0.05, 20.0)
GAIN_DB: Final = (3.0, 30.0)
GAIN_TOLERANCE_DB: Final = (0.02, 3.0)


def coupling_range(*betas: float) -> None:
    """Refuse couplings that no antenna gives.

    Args:
        betas: Lowest, perhaps what is wanted, and highest.

    Raises:
        ValueError: Not all within ``BETA``, or not ascending.
    """
    chain = (BETA[0], *betas, BETA[1])
    ascending = all(low < high for low, high in pairwise(chain))
    if not ascending:
        raise ValueError(f"beta: {' < '.join(f'{beta:g}' for beta in chain)} does not hold")


@dataclass(frozen=True)
class Tolerances(Mapping[str, float]):
    """What every step must fulfil, measured.

    It is the mapping of its fields, as a queue gives it: ``{"gain_db": 18.0}``.
    """

    tuning_khz: float
    beta_low: float
    beta_high: float
    gain_db: float
    gain_tolerance_db: float

    @classmethod
    def of(cls, operation: Operation) -> Tolerances:
        """Those that the owners of an apparatus state."""
        return cls(
            operation.tuning_tolerance_hz * 1e-3,
            operation.beta_low,
            operation.beta_high,
            operation.gain_db,
            operation.gain_tolerance_db,
        )

    def __post_init__(self) -> None:
        """Refuse what no step could fulfil or would be asked for.

        Raises:
            ValueError: Names the number with its unit and limits.
        """
        within("tuning_khz", self.tuning_khz, *TUNING_KHZ, "kHz")
        coupling_range(self.beta_low, self.beta_high)
        within("gain_db", self.gain_db, *GAIN_DB, "dB")
        within("gain_tolerance_db", self.gain_tolerance_db, *GAIN_TOLERANCE_DB, "dB")

    def __getitem__(self, name: str) -> float:
        return asdict(self)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(asdict(self))

    def __len__(self) -> int:
        return len(fields(self))


def tolerances_of(given: Mapping[str, float] | None, operation: Operation) -> Tolerances:
    """Tolerances from a mapping; what it does not hold is as the apparatus' owners state it.

    Raises:
        ValueError: An unknown name, or a number outside its limits.
    """
    stated = Tolerances.of(operation)
    given = {} if given is None else dict(given)
    unknown = sorted(set(given) - set(stated))
    if unknown:
        raise ValueError(f"no tolerance {', '.join(unknown)}; they are {', '.join(stated)}")
    return Tolerances(**{**stated, **given})
