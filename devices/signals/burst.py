"""Puts that leave for the IOC together, in one packet.

pyepics sends every put by itself and then waits a tenth of a millisecond for events. A packet with
all settings of an analyzer is answered by the IOC in one go. What pyepics does with arrays and long
texts is not repeated here: ``can_join`` says which puts this is for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeGuard

from epics import ca, dbr
from ophyd import EpicsSignal, OphydObject

from devices.hardware.naming import as_raw, is_linear

__all__ = ["can_join", "flush", "host_of", "is_whole", "join", "send_numbers"]

_NUMBERS: Final = (dbr.DOUBLE, dbr.FLOAT, dbr.LONG, dbr.SHORT, dbr.ENUM)
_WHOLE: Final = (dbr.LONG, dbr.SHORT, dbr.CHAR)
#: libca's status of what it has given up with the channel (caerr.h; pyepics does not name it).
_ECA_DISCONN: Final = 192
#: What has not been answered yet: libca keeps the address alone.
_unanswered: set[Callable[[int], None]] = set()


def _answered(event: Any) -> None:
    """Called by libca, on a thread of its own."""
    answered = event.usr  # libca's is no reference of its own
    _unanswered.discard(answered)
    answered(event.status)


_ON_ANSWER: Final = dbr.make_callback(_answered, dbr.event_handler_args)


def can_join(signal: OphydObject, value: Any) -> TypeGuard[EpicsSignal]:
    """Whether a put to ``signal`` may leave with others: a connected scalar, number, state or text.

    A text must fit a string of Channel Access. Asking also gives this thread libca's context, which
    ``join`` and ``flush`` need.
    """
    pv = getattr(signal, "_write_pv", None)
    if pv is None or not pv.wait_for_connection(timeout=0.0):
        return False
    if ca.field_type(pv.chid) == dbr.STRING:
        return pv.nelm == 1 and isinstance(value, str) and len(value.encode()) < dbr.MAX_STRING_SIZE
    return ca.field_type(pv.chid) in _NUMBERS and pv.nelm == 1


def host_of(signal: OphydObject) -> str:
    """Host that serves, or served last, the PV of a signal; "" if it was never connected.

    pyepics' own property may ask the network, which a lost PV does not answer.
    """
    pv = getattr(signal, "_write_pv", None) or getattr(signal, "_read_pv", None)
    return "" if pv is None else str(pv._args.get("host") or "")  # noqa: SLF001


def is_whole(signal: EpicsSignal) -> bool:
    """Whether a signal takes whole numbers only; False while its PV is lost.

    A record that holds whole numbers of another unit takes others of ours.
    """
    pv = signal._write_pv  # noqa: SLF001 (ophyd has no public way)
    if is_linear(pv):
        return False
    return bool(pv.wait_for_connection(timeout=0.0)) and ca.field_type(pv.chid) in _WHOLE


def join(signal: EpicsSignal, value: Any, completed: Callable[..., None]) -> None:
    """Put ``value`` to ``signal`` with the next ``flush``.

    Args:
        signal: One that ``can_join``.
        value: A number, the name of a state, or a text.
        completed: Called, where ophyd calls it for a put of its own, when the put has completed;
            with ``refused=True`` if the IOC has refused it, which pyepics keeps to itself. Not if
            libca has given it up: the channel is told lost a moment later.

    Raises:
        ValueError: No such state.
        ca.ChannelAccessException: Libca does not take the put.
    """
    pv = signal._write_pv  # noqa: SLF001 (ophyd has no public way)
    kind = ca.field_type(pv.chid)
    data = _as_sent(kind, value, pv)
    run = signal.cl.get_dispatcher().get_thread_context("get_put")

    def answered(status: int) -> None:
        if status != _ECA_DISCONN:
            run(completed, refused=status != dbr.ECA_NORMAL)

    _unanswered.add(answered)
    status = ca.libca.ca_array_put_callback(
        kind, 1, pv.chid, ctypes.byref(data), _ON_ANSWER, ctypes.py_object(answered)
    )
    if status != dbr.ECA_NORMAL:
        _unanswered.discard(answered)
    ca.PySEVCHK("put", status)


def _as_sent(kind: int, value: Any, pv: Any) -> Any:
    """The bytes of a value."""
    data = dbr.Map[kind]()
    value = as_raw(pv, value)
    if kind == dbr.STRING:
        data.value = value.encode()
        return data
    if isinstance(value, str):
        value = tuple(pv.enum_strs).index(value)
    data.value = value if kind in (dbr.DOUBLE, dbr.FLOAT) else int(value)
    return data


def send_numbers(puts: Sequence[tuple[Any, float]]) -> list[tuple[Any, float, Exception]]:
    """Send numbers in one packet, in their order; nobody waits for what becomes of them.

    Args:
        puts: PVs of pyepics, each of one number, with what to put. One that is lost is left out.

    Returns:
        Those that could not be sent, with the reason.
    """
    failed, sent = [], False
    for pv, value in puts:
        try:
            if pv.wait_for_connection(timeout=0.0):  # also gives this thread libca's context
                kind = ca.field_type(pv.chid)
                data = _as_sent(kind, value, pv)
                ca.PySEVCHK("put", ca.libca.ca_array_put(kind, 1, pv.chid, ctypes.byref(data)))
                sent = True
        except Exception as error:
            failed.append((pv, value, error))
    if sent:  # else this thread may have no context, and libca would make it one of its own
        ca.flush_io()
    return failed


def flush() -> None:
    """Send what has joined, if anything has."""
    if _unanswered:
        ca.flush_io()
