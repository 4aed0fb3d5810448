"""The same process variables over PV Access, beside Channel Access, with p4p.

Channel Access stays the master: every post is repeated as a PV Access normative type with alarm,
time stamp, units, limits and description, and a put goes through the same checks, access rules and
put log. PV Access has what Channel Access lacks: a refused put is told to its client in words, and
texts have any length. Off unless asked for (``--pva PORT``): p4p costs about 0.3 s of start-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from math import isfinite
from typing import Any

from caproto import AccessRights, AlarmStatus
from p4p import Value
from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.raw import Handler, ServOpWrap, SharedPV

from iocs.records import Database
from iocs.records.channels import LiveChannel
from pvdb.records import Record, Wire

_CODES = {
    Wire.DOUBLE: "d",
    Wire.FLOAT: "f",
    Wire.LONG: "i",
    Wire.SHORT: "h",
    Wire.CHAR: "B",
    Wire.STRING: "s",
}
_LIMITS = {
    "display": {"limitLow": "lower_disp_limit", "limitHigh": "upper_disp_limit"},
    "control": {"limitLow": "lower_ctrl_limit", "limitHigh": "upper_ctrl_limit"},
    "valueAlarm": {
        "lowAlarmLimit": "lower_alarm_limit",
        "lowWarningLimit": "lower_warning_limit",
        "highWarningLimit": "upper_warning_limit",
        "highAlarmLimit": "upper_alarm_limit",
    },
}


def normative_type(record: Record) -> Any:
    """The PV Access type of a record: NTEnum, or NTScalar with what metadata the record has."""
    if record.wire is Wire.ENUM:
        return NTEnum.buildType(display=True)
    code = ("a" if record.array else "") + _CODES[record.wire]
    limits = record.wire is not Wire.STRING and not record.array
    return NTScalar.buildType(code, display=True, control=limits, valueAlarm=limits)


def structured(channel: LiveChannel, kind: Any) -> Value:
    """The channel's value with its alarm, time and metadata."""
    alarm, seconds = channel.alarm, channel.timestamp
    content: dict[str, Any] = {
        "value": _content(channel),
        "alarm": {
            "severity": int(alarm.severity),
            "status": int(bool(alarm.status)),
            "message": alarm.alarm_string or AlarmStatus(alarm.status).name,
        },
        "timeStamp": {
            "secondsPastEpoch": int(seconds),
            "nanoseconds": int((seconds - int(seconds)) * 1e9),
        },
        "display": {"description": channel.description, "units": channel.record.units},
    }
    if not channel.record.array and "units" in channel._data:  # noqa: SLF001
        for group, keys in _LIMITS.items():
            content.setdefault(group, {}).update(_limits(channel, keys))
    return Value(kind, content)


def _content(channel: LiveChannel) -> Any:
    if channel.record.wire is Wire.ENUM:
        names = list(channel.record.state_names())
        return {"index": names.index(channel.value), "choices": names}
    return channel.value


def _limits(channel: LiveChannel, keys: dict[str, str]) -> dict[str, float]:
    """Limits as PV Access has them; one that is infinite is left out: 0 means none there."""
    found = {key: channel._data.get(name, 0.0) for key, name in keys.items()}  # noqa: SLF001
    return {key: limit for key, limit in found.items() if isfinite(limit)}


class _Puts(Handler):
    """Puts of one PV, passed on to the event loop that owns the records."""

    def __init__(self, mirror: PvaServer, channel: LiveChannel) -> None:
        self._mirror = mirror
        self._channel = channel

    def put(self, pv: SharedPV, op: ServOpWrap) -> None:
        """A client's put; answered when it has completed or is refused."""
        value = op.value()
        chosen = value["value.index"] if self._channel.record.wire is Wire.ENUM else value["value"]
        where = str(op.peer())
        work = self._mirror.put(self._channel, chosen, str(op.account()), where)
        self._mirror.submit(work).add_done_callback(lambda done: _answer(op, done))


def _answer(op: ServOpWrap, done: Future[None]) -> None:
    error = None if done.cancelled() else done.exception()
    op.done(error=str(error) if error is not None else None)


class PvaServer:
    """Serves the channels of ``database`` over PV Access until `stop`.

    Args:
        database: The records.
        interface: Address to listen on.
        port: TCP and UDP port.
    """

    def __init__(self, database: Database, interface: str, port: int) -> None:
        self.database = database
        self._loop = asyncio.get_running_loop()
        self._shared: dict[LiveChannel, tuple[Any, SharedPV]] = {}
        provider = StaticProvider("records")
        for name, channel in database.pvdb.items():
            if AccessRights.READ not in database.rights(channel.record, "", ""):
                continue
            kind = normative_type(channel.record)
            first = structured(channel, kind)
            pv = SharedPV(handler=_Puts(self, channel), initial=first)
            self._shared[channel] = (kind, pv)
            provider.add(name, pv)
        database.watchers.append(self._repeat)
        self._server = Server([provider], conf=_configuration(interface, port), useenv=False)

    def _repeat(self, channel: LiveChannel, _: int) -> None:
        if channel in self._shared:
            kind, pv = self._shared[channel]
            pv.post(structured(channel, kind))

    def submit(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Run ``work`` on the records' event loop; may be called from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def put(self, channel: LiveChannel, value: Any, user: str, where: str) -> None:
        """One put, with the same checks as over Channel Access."""
        host = where.rpartition(":")[0]
        if AccessRights.WRITE not in channel.check_access(host, user):
            why = await self.database.forbid(channel, value, f"{user}@{host}", where)
            raise PermissionError(why)
        await self.database.put_for(channel, value, f"{user}@{host}", where)

    def stop(self) -> None:
        """End the server."""
        self.database.watchers.remove(self._repeat)
        self._server.stop()


def _configuration(interface: str, port: int) -> dict[str, str]:
    return {
        "EPICS_PVAS_INTF_ADDR_LIST": interface,
        "EPICS_PVAS_SERVER_PORT": str(port),
        "EPICS_PVAS_BROADCAST_PORT": str(port),
        "EPICS_PVAS_BEACON_ADDR_LIST": interface,
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
