"""What bluesky and ophyd do at every message of a plan without effect, left out of the way.

- bluesky formats the whole call stack for every plan object that it wraps (``Plan.__init__`` calls
  ``traceback.format_stack()``), so that a plan that was never iterated can say where it was made.
  Here the place is noted as file and line, which costs a microsecond; the warning stays.
- It writes every message into its tracing span, with the device in words, which for ophyd means its
  whole list of components, and opens and closes spans, though nothing records them where no
  tracing is set up. That is done only where it is. And it ends the spans of open runs at each
  pause, and warns "No open traces left to close!" when such a run ends: nobody can do anything
  about that.
- event-model holds every event against a JSON schema, which takes a millisecond, half of it to
  write arrays into messages that nobody sees. What the schema demands of an event is asked here in
  a few lines; the schema speaks where that fails. Starts, descriptors and stops are held against
  theirs.
- ophyd works out the signature of every callback of a status, to call those of old that take no
  argument. A plain function that takes one is seen at once.
- bluesky asks each device at each message whether it has all methods of a protocol. A class that
  has them all need not be asked twice.
- It makes a text that knows its state machine each time it looks at its state, five times at every
  message. The one of before serves as long as the state lasts.
- It makes two tasks for every wait, to end it early when a time-out or another group says so. Where
  neither is given the statuses are waited for as they are.

Each is of the versions of which it is known; with others it is left as it is.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, Final

import bluesky.bundlers
import bluesky.run_engine
import bluesky.utils
import event_model
import ophyd.status
from bluesky import RunEngine
from bluesky.run_engine import LoggingPropertyMachine
from bluesky.utils import Msg
from opentelemetry import trace

__all__ = ["spare_the_idle", "wait_plainly", "without_spans"]

#: The versions of which all this is known.
KNOWN: Final = {"bluesky": "1.15.1", "ophyd": "1.11.2", "event-model": "1.24.0"}

log = logging.getLogger("cryohalo.run_engine")


def spare_the_idle() -> None:
    """Take it out of the way, for this process; see the module's text."""
    for package, known in KNOWN.items():
        version = importlib.metadata.version(package)
        if version == known:
            _SPARED[package]()
        else:
            log.warning(
                "%s %s is installed, not %s: what it does at each point without effect is left as "
                "it is, and each may cost up to twice the time",
                package,
                version,
                known,
            )


def without_spans(engine: RunEngine) -> None:
    """Let the engine's messages open no tracing spans, where no tracing is set up."""
    if importlib.metadata.version("bluesky") != KNOWN["bluesky"]:
        return
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    for name, command in list(engine._command_registry.items()):  # noqa: SLF001
        # Its own: what else has been put in their place, a check say, may wrap something, too.
        method = getattr(command, "__func__", None)
        plain = getattr(method, "__wrapped__", None)
        if plain is not None and method is vars(RunEngine).get(f"_{name}"):
            engine.register_command(name, plain.__get__(engine))


def wait_plainly(engine: RunEngine) -> None:
    """Let a ``wait`` without a time-out and without groups to watch make no tasks."""
    if importlib.metadata.version("bluesky") != KNOWN["bluesky"]:
        return
    stock = engine._command_registry["wait"]  # noqa: SLF001  (bluesky offers no public way)

    async def wait(message: Msg) -> Any:
        more = message.kwargs
        timed = more.get("timeout") is not None or not more.get("error_on_timeout", True)
        if timed or more.get("watch"):
            return await stock(message)
        group = message.args[0] if message.args else more["group"]
        makers = engine._groups.pop(group, set())  # noqa: SLF001
        if not makers:
            return True
        engine._call_waiting_hook(engine._status_objs.pop(group))  # noqa: SLF001
        try:
            futures = [make() for make in makers]
            if not all(future.done() for future in futures):
                # The first failure ends it; the engine throws it into the plan.
                await asyncio.wait(futures, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            engine._call_waiting_hook(None)  # noqa: SLF001
        return True

    engine.register_command("wait", wait)


def _spare_bluesky() -> None:
    bluesky.utils.Plan.__init__ = _init_plan  # type: ignore[method-assign]
    bluesky.run_engine._set_span_msg_attributes = _trace_if_recorded  # noqa: SLF001
    RunEngine._close_run_trace = _close_open_trace  # type: ignore[method-assign]  # noqa: SLF001
    LoggingPropertyMachine.__get__ = _state_said  # type: ignore[method-assign]
    bluesky.run_engine.check_supports = _supporting  # type: ignore[assignment]
    bluesky.bundlers.maybe_collect_asset_docs = _asset_documents  # type: ignore[assignment]


def _init_plan(self: Any, f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    self._iter = f(*args, **kwargs)
    caller = sys._getframe(2)  # noqa: SLF001  (0 is here, 1 bluesky's wrapper, 2 who made the plan)
    place = f"{caller.f_code.co_filename}:{caller.f_lineno}"
    self._stack = [f"RuntimeWarning: plan `{f.__name__}` made at {place} was never iterated, "]
    self._stack += ["did you mean to use `yield from`?"]


_trace: Final = bluesky.run_engine._set_span_msg_attributes  # noqa: SLF001


def _trace_if_recorded(span: Any, message: Any) -> None:
    if span.is_recording():
        _trace(span, message)


_close_trace: Final = RunEngine._close_run_trace  # noqa: SLF001


def _close_open_trace(self: RunEngine, msg: Msg) -> None:
    """Close the span of a run, unless a pause has: bluesky then warns of what it did itself."""
    if self._run_tracing_spans:
        _close_trace(self, msg)


_say_state: Final = LoggingPropertyMachine.__get__
#: Where an engine has what was said of its state last, and of which state that is.
_SAID: Final = "_state_said"


def _state_said(self: LoggingPropertyMachine, engine: Any, owner: Any = None) -> Any:
    """A RunEngine's state as bluesky says it."""
    if engine is None:
        return _say_state(self, engine, owner)
    with engine._state_lock:  # noqa: SLF001  (under it bluesky changes the state)
        said, state = vars(engine).get(_SAID, (None, None))
        if said is None or said.state_machine.actual_state is not state:
            said = _say_state(self, engine, owner)
            vars(engine)[_SAID] = said, said.state_machine.actual_state
    return said


#: Classes, each with a protocol all of whose methods are the class's own.
_supports: Final[set[tuple[type, type]]] = set()
_check_supports: Final = bluesky.run_engine.check_supports


def _supporting(device: Any, protocol: type) -> Any:
    """The device, which has all methods of a protocol; else as bluesky."""
    kind = type(device)
    if (kind, protocol) not in _supports:
        _check_supports(device, protocol)
        if all(hasattr(kind, name) for name in _members(protocol)):
            _supports.add((kind, protocol))
    return device


def _members(protocol: type) -> set[str]:
    """What a protocol demands, those it is made of included."""
    own = {*vars(protocol), *getattr(protocol, "__annotations__", ())}
    found = {name for name in own if not name.startswith("_")}
    return found.union(*(_members(base) for base in protocol.__bases__ if base is not object))


_collect: Final = bluesky.utils.maybe_collect_asset_docs


async def _asset_documents(message: Msg, device: Any, *args: Any, **more: Any) -> Any:
    """Documents of files that a device writes; ours write none."""
    if hasattr(device, "collect_asset_docs"):
        async for document in _collect(message, device, *args, **more):
            yield document


def _spare_ophyd() -> None:
    ophyd.status.adapt_old_callback_signature = _adapted


_adapt: Final = ophyd.status.adapt_old_callback_signature


def _adapted(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The callback, if it is a plain function whose one argument is the status; else as ophyd."""
    if isinstance(callback, FunctionType) and not hasattr(callback, "__wrapped__"):
        code = callback.__code__
        if code.co_argcount == 1 and not code.co_kwonlyargcount:
            return callback
    adapted: Callable[..., Any] = _adapt(callback)
    return adapted


class EventCheck:
    """In place of event-model's validator of events: the same verdicts.

    Args:
        schema: The validator.
    """

    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def validate(self, document: Mapping[str, Any]) -> None:
        """Refuse what is no event.

        Raises:
            jsonschema.ValidationError: Says what is wrong.
        """
        if not _is_event(document):
            self._schema.validate(document)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._schema, name)


_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "descriptor": str,
    "seq_num": int,
    "uid": str,
    "data": dict,
    "filled": dict,
    "time": (int, float),
    "timestamps": dict,
}


def _is_event(document: Mapping[str, Any]) -> bool:
    """Whether it certainly is one."""
    if document.keys() != _KINDS.keys() or isinstance(document["time"], bool):
        return False
    if isinstance(document["seq_num"], bool):
        return False
    kinds = all(isinstance(document[name], kind) for name, kind in _KINDS.items())
    return kinds and all(isinstance(found, bool | str) for found in document["filled"].values())


def _spare_event_model() -> None:
    validators = event_model.schema_validators
    name = event_model.DocumentNames.event
    if not isinstance(validators[name], EventCheck):
        validators[name] = EventCheck(validators[name])


_SPARED: Final = {
    "bluesky": _spare_bluesky,
    "ophyd": _spare_ophyd,
    "event-model": _spare_event_model,
}
