"""Does each instrument answer, by its own prefix, at its own address, at this time?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from cryohalo.configuration import Configuration, Found, Instrument
from cryohalo.control_room.doctor.finding import Finding, good, odd, wrong
from cryohalo.control_room.folder import StateFolder
from cryohalo.processes.addresses import search
from cryohalo.processes.ca_reading import time_stamp

__all__ = ["instruments"]

HEART: Final = "IOC:HEARTBEAT"
#: Base's own archiver refuses what is half an hour ahead; a monitor's time that is a minute off
#: makes a run's times useless (assumed).
LARGEST_OFFSET_S: Final = 5.0
_SEARCH_S: Final = 0.5


def instruments(found: Found) -> Iterator[Finding]:
    """Search for each instrument's heartbeat as a client would, and look at its time."""
    folder = StateFolder(found.values.state_dir)
    up = folder.supervisor() is not None
    report = folder.report() if up else None
    troubled = {s.name: s for s in report.services if s.state != "ready"} if report else {}
    for name, one in found.values.instruments.items():
        if found.values.hardware is not None and not one.serve:
            # A laboratory's records have no heartbeat.
            yield good(
                name, f"a laboratory's records: cryohalo hardware check {found.values.hardware}"
            )
        elif one.serve and (service := troubled.get(name)) is not None:
            log = f"its log is {found.values.state_dir / 'logs' / name}.log"
            yield wrong(name, f"{service.state} {service.said}".strip(), log)
        elif search(one.prefix + HEART, one.port, one.host, _SEARCH_S) is not None:
            yield _timed(name, one)
        elif other := _other(found.values, one):
            yield wrong(
                name,
                f"what answers at {one.address} has the prefix {other}, not {one.prefix}",
                f'{name}.prefix = "{other}", or start it with --prefix {one.prefix}',
            )
        elif one.serve and not up:
            yield odd(name, "is not up", "cryohalo up")
        else:
            yield wrong(
                name,
                f"no reply from {one.address} for {one.prefix}{HEART}",
                f"is it running there, with this prefix? {name}.host, {name}.port, {name}.prefix",
            )


def _other(values: Configuration, one: Instrument) -> str:
    """A prefix that is known here, and at whose name the address answers."""
    defaults = (f.default.prefix for f in (type(values).model_fields[k] for k in _NAMES))
    known = dict.fromkeys((*(i.prefix for i in values.instruments.values()), *defaults))
    known.pop(one.prefix, None)
    for prefix in known:
        if search(prefix + HEART, one.port, one.host, _SEARCH_S) is not None:
            return prefix
    return ""


_NAMES: Final = ("amrr", "haloscope")


def _timed(name: str, one: Instrument) -> Finding:
    answers = f"{one.prefix} answers at {one.address}"
    try:
        stamp = time_stamp(one.prefix + HEART, one.host, one.port)
    except OSError as error:
        return wrong(
            name, f"{answers}, but its heartbeat cannot be read: {error}", "see its log; restart it"
        )
    offset_s = stamp - time.time()
    if abs(offset_s) > LARGEST_OFFSET_S:
        return wrong(
            name,
            f"{answers}; its last heartbeat is {offset_s:+.0f} s from this host's clock",
            "synchronise both clocks; if the heart has stopped, restart the IOC",
        )
    return good(name, answers)
