"""``IOC:`` in process: what devices ask of a server where there is none."""

from __future__ import annotations

from collections.abc import Callable

from pvdb.records import Record, counter, readback, text


def server_records(parameters_hash: str, refusal: Callable[[], str]) -> list[Record]:
    """Stand-ins for the health records that ``devices.parts.clock.ServerHealth`` reads.

    Args:
        parameters_hash: Of the model.
        refusal: Gives the last refused put in words.
    """
    return [
        counter("IOC:HEARTBEAT", lambda: 0, "Stands still: there is no server"),
        text("IOC:UPTIME", lambda: "0 days, 00:00:00", "Time since the start", length=39),
        counter("IOC:CA_CLNT_CNT", lambda: 0, "Channel Access clients"),
        counter("IOC:RECORD_CNT", lambda: 0, "Records served"),
        readback("IOC:MEM_USED", lambda: 0.0, "Resident memory", "MB", precision=1),
        readback("IOC:IOC_CPU_LOAD", lambda: 0.0, "Load of one core", "%", precision=1),
        text("IOC:HOSTNAME", lambda: "in process", "Host", length=39),
        text("IOC:Version_RBV", lambda: "simulated", "Software version", length=39),
        text("IOC:ParametersHash_RBV", lambda: parameters_hash, "Hash of the model"),
        counter("IOC:Dropped_RBV", lambda: 0, "Updates dropped for slow clients"),
        text("IOC:Refusal_RBV", refusal, "The last refused put and why"),
    ]
