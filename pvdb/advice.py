"""What to do about what an interlock's reason names: shown on the pages, and in the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ADVICE", "AFTERWARDS", "OTHERWISE", "Advice"]


@dataclass(frozen=True)
class Advice:
    """What to do about one kind of reason.

    Attributes:
        named: What the reason (``Interlock:Reason_RBV``) holds then.
        do: What to do; names are of PVs, without prefix.
    """

    named: str
    do: str


ADVICE: Final = (
    Advice(
        "helium",
        "Transfer helium (Stage:HeTransfer On); the reason goes by itself above the limit. Then "
        "start the cycle again.",
    ),
    Advice("mixing chamber", "Wait until the mixing chamber is cold, then Interlock:Reset."),
    Advice(
        "pump switched off",
        "Lower JPA:PumpPower or detune, then Interlock:Reset, or switch the pump on, which "
        "acknowledges.",
    ),
)
#: Where none of these is named, and no magnet has quenched.
OTHERWISE: Final = "When its reason has gone, Interlock:Reset."
#: In every case, at the end.
AFTERWARDS: Final = "A held plan then goes on by itself (docs/how_to/recovery.md)."
