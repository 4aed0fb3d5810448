"""A RunEngine for a session: finite time-outs, checked metadata, a thread that can be ended.

What bluesky and ophyd do at each message without effect is left out: ``cryohalo.sparing``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any, Final

from bluesky import RunEngine
from bluesky.utils import Msg

from cryohalo.holding import hold_before_failing
from cryohalo.metadata import check_metadata, plain_metadata
from cryohalo.sparing import spare_the_idle, wait_plainly, without_spans
from instruments.printable import escaped

__all__ = [
    "close_run_engine",
    "keep_reasons",
    "make_run_engine",
    "set_epics_timeouts",
    "silence_libca",
    "tell_failures_once",
]

#: How long a signal may take to connect (assumed: several searches of a busy network).
CONNECTION_TIMEOUT_S: Final = 20.0
#: How long a reading may take (assumed: a 100 000 point spectrum over a slow link).
READ_TIMEOUT_S: Final = 10.0
#: How long a put with completion may take where no plan or device states a shorter time. The
#: longest action known to complete in a put is a field ramp of the haloscope's magnet.
PUT_TIMEOUT_S: Final = 3600.0

log = logging.getLogger("cryohalo.run_engine")


def make_run_engine(
    metadata: Mapping[str, Any] | None = None, *, call_returns_result: bool = True
) -> RunEngine:
    """Build a RunEngine for a session.

    Args:
        metadata: Goes into every start document.
        call_returns_result: Calls return a ``RunEngineResult`` (run uids, the plan's return value,
            exit status) instead of the uids alone.

    Returns:
        The RunEngine. End it with ``close_run_engine``.

    Raises:
        UnfitError: The metadata hold what no document can hold; the message names the key.
    """
    spare_the_idle()
    set_epics_timeouts()
    silence_libca()
    tell_failures_once()
    engine = RunEngine(plain_metadata(metadata or {}), call_returns_result=call_returns_result)
    check_metadata(engine)
    keep_reasons(engine)
    without_spans(engine)
    wait_plainly(engine)
    hold_before_failing(engine)
    return engine


def keep_reasons(engine: RunEngine) -> None:
    """Let the reason given to ``engine.abort`` reach the stop document.

    bluesky's ``run_wrapper`` closes a run that is aborted with the reason None, and that wins over
    what the engine was told.
    """
    close_run = engine._close_run  # noqa: SLF001  (bluesky offers no public way)

    async def close_with_reason(message: Msg) -> Any:
        if not message.kwargs.get("reason"):
            told = {**message.kwargs, "reason": engine._reason}  # noqa: SLF001
            message = message._replace(kwargs=told)
        closed = await close_run(message)
        # A suspension rewinds to the last checkpoint: not into a run that is closed.
        engine._reset_checkpoint_state()  # noqa: SLF001
        return closed

    engine.register_command("close_run", close_with_reason)


def close_run_engine(engine: RunEngine, timeout_s: float = 10.0) -> None:
    """Stop the RunEngine's event loop and join its thread.

    Raises:
        TimeoutError: The thread did not end in time: a callback blocks its loop.
    """
    loop, thread = engine.loop, engine._th  # noqa: SLF001  (bluesky offers no public way)
    if loop.is_running():
        loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimeoutError(f"the RunEngine's thread did not end within {timeout_s:g} s")
    if not loop.is_closed():
        loop.close()


def set_epics_timeouts() -> None:
    """Give every ophyd signal finite time-outs: connecting, reading and putting.

    ophyd waits forever for a put to complete unless it has a time-out, and a RunEngine that waits
    on a dead IOC then hangs forever. ophyd allows this only before its first EPICS signal is made.
    """
    from ophyd.signal import EpicsSignalBase

    try:
        EpicsSignalBase.set_defaults(
            timeout=READ_TIMEOUT_S,
            connection_timeout=CONNECTION_TIMEOUT_S,
            write_timeout=PUT_TIMEOUT_S,
        )
    except RuntimeError:
        if _put_timeout_in_force() == PUT_TIMEOUT_S:  # an earlier session of this process set them
            return
        log.warning(
            "ophyd signals were made before this session: they keep their time-outs, and a put to "
            "one of them may wait for ever for an IOC that is gone"
        )


def _put_timeout_in_force() -> float | None:
    from ophyd.signal import EpicsSignalBase

    found: float | None = vars(EpicsSignalBase)["_EpicsSignalBase__default_write_timeout"]
    return found


class _Once(logging.Filter):
    """Takes the traceback off what the RunEngine logs of a plan that failed.

    The RunEngine raises the same exception to its caller, who shows it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg == "Run aborted" and record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            record.msg = f"Run aborted: {type(error).__name__} {escaped(error)}".rstrip()
            record.args = record.exc_info = None
        return True


_ONCE: Final = _Once()


def tell_failures_once() -> None:
    """Log a plan's failure in one line; the caller shows the traceback if it wants to."""
    logging.getLogger("bluesky").addFilter(_ONCE)


@functools.cache  # once: libca keeps the handler's address, pyepics only the newest handler
def silence_libca() -> None:
    """Keep libca from printing on stderr whenever an IOC ends.

    Nothing is lost: signals know that they are disconnected, and statuses that wait for one fail.
    """
    from epics import ca

    ca.replace_printf_handler(None)
