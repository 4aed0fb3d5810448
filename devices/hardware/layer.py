"""Channel Access to a laboratory's records: values, limits and states as we count them.

The PVs are those that pyepics shares among all signals of a record; what converts stands before
them, one for each signal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from epics import ca, dbr
from ophyd import get_cl

from devices.hardware.alias import Alias

__all__ = ["ConvertedPV", "Layer"]

_WHOLE: Final = (dbr.LONG, dbr.SHORT, dbr.CHAR, dbr.ENUM)
_OWN: Final = ("alias", "real")


class ConvertedPV:
    """Stands before a PV of pyepics, and shows and takes values as an alias counts them.

    Args:
        alias: How they are counted.
        real: Gives the PV, given what its connection and access callbacks shall be told it is.
    """

    alias: Alias
    real: Any

    def __init__(self, alias: Alias, real: Callable[[ConvertedPV], Any]) -> None:
        vars(self)["alias"] = alias
        vars(self)["real"] = real(self)

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # told of a connection before it is made
            raise AttributeError(name)
        return getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)

    def raw(self, value: Any) -> Any:
        """A value as the record takes it: whole where it is of an integer type."""
        found = self.alias.raw(value)
        if self.alias.linear and ca.field_type(self.real.chid) in _WHOLE:
            return round(found)
        return found

    def shown(self, info: dict[str, Any] | None) -> dict[str, Any] | None:
        """What a fetch has brought, as we count."""
        return None if info is None else self.alias.shown_metadata(info)

    def get_with_metadata(self, *args: Any, **how: Any) -> Any:
        """Fetch."""
        return self.shown(self.real.get_with_metadata(*args, **how))

    def get_ctrlvars(self, *args: Any, **how: Any) -> Any:
        """Limits, unit, states."""
        return self.shown(self.real.get_ctrlvars(*args, **how))

    def get_all_metadata_blocking(self, timeout: float) -> Any:
        """All that is known besides the value."""
        return self.shown(self.real.get_all_metadata_blocking(timeout))

    def get_all_metadata_callback(self, callback: Callable[..., Any], *, timeout: float) -> None:
        """The same, told later."""
        self.real.get_all_metadata_callback(
            lambda name, info: callback(name, self.shown(info)), timeout=timeout
        )

    def add_callback(
        self, callback: Callable[..., Any] | None = None, *args: Any, **how: Any
    ) -> Any:
        """Monitor."""

        def told(**info: Any) -> None:
            assert callback is not None
            callback(**self.alias.shown_metadata(info))

        return self.real.add_callback(None if callback is None else told, *args, **how)

    def put(self, value: Any, *args: Any, **how: Any) -> Any:
        """Put."""
        return self.real.put(self.raw(value), *args, **how)


class Layer:
    """ophyd's control layer, with what converts before the PVs that have to be."""

    def __init__(self) -> None:
        self._under = get_cl()
        self._converted: dict[str, Alias] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)

    def know(self, alias: Alias) -> None:
        """Convert this one from now on."""
        self._converted[alias.pv] = alias

    def get_pv(
        self,
        pvname: str,
        *,
        connection_callback: Callable[..., Any],
        access_callback: Callable[..., Any],
        **how: Any,
    ) -> Any:
        """The PV of a name."""
        alias = self._converted.get(pvname)
        told = {"connection_callback": connection_callback, "access_callback": access_callback}
        if alias is None:
            return self._under.get_pv(pvname, **told, **how)

        def real(shown: ConvertedPV) -> Any:
            def connected(pvname: str, conn: bool, pv: Any) -> None:
                vars(shown)["real"] = pv
                connection_callback(pvname=pvname, conn=conn, pv=shown)

            return self._under.get_pv(
                pvname, connection_callback=connected, access_callback=access_callback, **how
            )

        return ConvertedPV(alias, real)

    def release_pvs(self, *pvs: Any) -> None:
        """Close those that nobody uses any more."""
        self._under.release_pvs(*(getattr(pv, "real", pv) for pv in pvs))
