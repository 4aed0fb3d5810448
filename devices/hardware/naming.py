"""What signals ask of their laboratory: how their PVs are called there, and how those count."""

from __future__ import annotations

from typing import Any

from ophyd import OphydObject

from devices.hardware.aliases import laboratory_of

__all__ = ["as_raw", "as_shown", "called", "completes", "is_converted", "is_linear", "settled"]


def called(parent: OphydObject | None, *names: str) -> tuple[list[str], dict[str, Any]]:
    """The laboratory's names of PVs, and what a signal needs besides to be made over them.

    Args:
        parent: Of the signal.
        names: Of its PVs, as they are with our prefix.
    """
    laboratory = laboratory_of(parent)
    if laboratory is None:
        return list(names), {}
    aliases = [laboratory.alias(name) for name in names]
    for alias in aliases:
        if alias is not None and alias.converts:
            laboratory.layer.know(alias)
    found = [alias.pv if alias else name for alias, name in zip(aliases, names, strict=True)]
    return found, {"cl": laboratory.layer}


def settled(parent: OphydObject | None, setpoint: str) -> str:
    """The name of a setting's readback: its setpoint's where the laboratory names that alone."""
    laboratory = laboratory_of(parent)
    return f"{setpoint}_RBV" if laboratory is None else laboratory.settled(setpoint)


def completes(parent: OphydObject | None, name: str) -> bool:
    """Whether a put to a PV completes when what was asked for is there."""
    laboratory = laboratory_of(parent)
    alias = laboratory.alias(name) if laboratory else None
    return alias is None or alias.completes


def as_shown(pv: Any, info: dict[str, Any]) -> dict[str, Any]:
    """What was fetched of a PV, as we count."""
    alias = getattr(pv, "alias", None)
    return info if alias is None else dict(alias.shown_metadata(info))


def as_raw(pv: Any, value: Any) -> Any:
    """What is to be put to a PV, as its record counts."""
    return pv.raw(value) if hasattr(pv, "alias") else value


def is_converted(pv: Any) -> bool:
    """Whether what a PV holds is not what we show of it."""
    return hasattr(pv, "alias")


def is_linear(pv: Any) -> bool:
    """Whether the numbers of a PV are not its record's."""
    alias = getattr(pv, "alias", None)
    return alias is not None and bool(alias.linear)
