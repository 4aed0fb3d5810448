"""The same process variables over PV Access, beside Channel Access, with p4p.

Channel Access stays the master: every post is repeated as a PV Access normative type with alarm,
time stamp, units, limits and description, and a put goes through the same checks, access rules and
put log. PV Access has what Channel Access lacks: the client of a refused put gets the reason in
words, and texts have any length. Off unless asked for (``--pva PORT``): p4p costs about 0.3 s of
start-up.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from math import isfinite
from typing import Any

from caproto import AccessRights, AlarmStatus
from p4p import Value
from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.raw import Handler, ServOpWrap, SharedPV

from instruments.errors import ENDING
from iocs.access.hosts import LOCALHOST, is_here
from iocs.pva.search import close_wildcard, listen
from iocs.records import Database
from iocs.records.channels import LiveChannel
from iocs.serving.clients.identity import Identity
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
        key = "value.index" if self._channel.record.wire is Wire.ENUM else "value"
        if not value.changed(key):  # it would read as zero
            op.done(error=f"{self._channel.record.name}: the put holds no {key}")
            return
        host, _, port = op.peer().rpartition(":")
        client = Identity((host, int(port)), self._mirror.port)
        client.take(op.account().encode(), of_user=True)
        client.establish()
        self._mirror.submit(op, self._mirror.put(self._channel, value[key], client))


class PvaServer:
    """Serves the channels of ``database`` over PV Access from ``start`` to ``stop``.

    A server of this library does not learn who reads, so PVs that not everybody may read are not
    served: everybody at this host, where only this host can connect.

    Args:
        database: The records.
        interfaces: Addresses to listen on.
        port: TCP and UDP port.
    """

    def __init__(self, database: Database, interfaces: Sequence[str], port: int) -> None:
        self.database = database
        self._interfaces = [socket.gethostbyname(one) for one in interfaces]
        self.port = port
        self._readers = "" if any(not is_here(one) for one in self._interfaces) else LOCALHOST
        self._loop = asyncio.get_running_loop()
        self._shared: dict[LiveChannel, tuple[Any, SharedPV]] = {}
        self._names: set[str] = set()
        self._puts: set[Future[None]] = set()
        self._provider = StaticProvider("records")
        self._server: Server | None = None
        self._searches: list[asyncio.DatagramTransport] = []

    async def start(self) -> None:
        """Listen, on the addresses that were asked for alone.

        Raises:
            OSError: That cannot be had.
        """
        for name, channel in self.database.pvdb.items():
            if not self._readable(channel):
                continue
            kind = normative_type(channel.record)
            pv = SharedPV(handler=_Puts(self, channel), initial=structured(channel, kind))
            self._shared[channel] = (kind, pv)
            self._provider.add(name, pv)
            self._names.add(name)
        self.database.watchers.append(self._repeat)
        conf = _configuration(self._interfaces, self.port)
        self._server = Server([self._provider], conf=conf, useenv=False)
        told = self._server.conf()
        close_wildcard(int(told["EPICS_PVAS_BROADCAST_PORT"]))
        if int(told["EPICS_PVAS_SERVER_PORT"]) != self.port:
            raise OSError(f"PV Access: TCP port {self.port} is taken")
        self._searches = await listen(self._interfaces, self.port, self._names.__contains__)

    def _readable(self, channel: LiveChannel) -> bool:
        return AccessRights.READ in channel.check_access(self._readers, "")

    def _repeat(self, channel: LiveChannel, _: int) -> None:
        if channel not in self._shared:
            return
        kind, pv = self._shared[channel]
        if self._readable(channel):
            pv.post(structured(channel, kind))
        else:
            del self._shared[channel]
            name = self.database.prefix + channel.record.name
            self._names.remove(name)
            self._provider.remove(name)
            pv.close(destroy=True)

    def submit(self, op: ServOpWrap, work: Coroutine[Any, Any, None]) -> None:
        """Run a put on the records' event loop, and answer it; may be called from any thread."""

        def answer(done: Future[None]) -> None:
            self._puts.discard(done)
            error = ENDING if done.cancelled() else done.exception()
            op.done(error=str(error) if error is not None else None)

        try:
            put = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop has ended
            work.close()
            op.done(error=ENDING)
            return
        self._puts.add(put)
        put.add_done_callback(answer)

    async def put(self, channel: LiveChannel, value: Any, client: Identity) -> None:
        """One put, with the same checks as over Channel Access."""
        where = "{}:{}".format(*client.address)
        if AccessRights.WRITE not in client.rights(channel):
            raise PermissionError(await self.database.forbid(channel, value, str(client), where))
        await self.database.put_for(channel, value, str(client), where)

    def stop(self) -> None:
        """End the server; puts in progress are answered with an error."""
        if self._repeat in self.database.watchers:
            self.database.watchers.remove(self._repeat)
        for put in list(self._puts):
            put.cancel()
        for transport in self._searches:
            transport.close()
        if self._server is not None:
            self._server.stop()


def _configuration(interfaces: Sequence[str], port: int) -> dict[str, str]:
    """Circuits on the addresses; searches on any port, which is closed, and no beacons."""
    return {
        "EPICS_PVAS_INTF_ADDR_LIST": " ".join(interfaces),
        "EPICS_PVAS_SERVER_PORT": str(port),
        "EPICS_PVAS_BROADCAST_PORT": "0",
        "EPICS_PVAS_BEACON_ADDR_LIST": "",
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
