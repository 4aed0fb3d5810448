"""``cryohalo queue``: plans in a queue, submitted from any process."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cryohalo.commands.control_room import ConfigOption
from cryohalo.commands.options import plain_console, tell
from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.configuration import Configuration
    from cryohalo.queueing.client import Manager
    from cryohalo.queueing.keeper import Wanted

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Plans in a queue (docs/how_to/queue.md); it runs with `cryohalo up`.",
)
console = plain_console()

#: How long a worker may take to connect to both instruments.
START_S: Final = 60.0


def _open(config: Path | None) -> tuple[Manager, Wanted]:
    values = _values(config)
    if importlib.util.find_spec("bluesky_queueserver") is None:
        raise ValueError("the queue needs an extra: pip install 'cryohalo[queue]'")
    if not values.queue.use:
        raise ValueError("this site has no queue: use = true in [queue], then cryohalo up")
    from cryohalo.provenance import operator
    from cryohalo.queueing.client import Manager
    from cryohalo.queueing.keeper import Wanted

    return Manager(values.queue.port, operator()), Wanted(values.queue_wanted)


def _values(config: Path | None) -> Configuration:
    from cryohalo.configuration import read

    return read(config).values


@app.command()
def start(config: ConfigOption = None) -> None:
    """Let the queue go, now and when a plan is submitted later, until it is stopped."""
    manager, wanted = _open(config)
    items, running = manager.queue()
    if wanted.read() is None:
        wanted.write(running)
    console.print(f"the queue goes; {len(items)} wait")


@app.command()
def submit(
    plan: Annotated[str, typer.Argument(help="The plan's name.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE...", help="Its arguments; a value is JSON, or else a text."
        ),
    ] = None,
    front: Annotated[bool, typer.Option("--front", help="Before all that wait.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put a plan into the queue. It is validated first: exit code 1 says why it was refused.

    cryohalo queue submit campaign haloscope=haloscope name=march frequencies_mhz=[1100.0,1100.01]
    """
    kwargs: dict[str, Any] = {}
    for text in arguments or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
        if name in kwargs:
            raise typer.BadParameter(f"{name} is given twice")
        kwargs[name] = _value(value)
    from cryohalo.queueing.client import until

    manager, wanted = _open(config)
    until(manager, lambda s: s["worker_environment_exists"], "the worker has not started", START_S)
    item = manager.add({"name": plan, "kwargs": kwargs}, "front" if front else "back")
    console.print(item["item_uid"])
    if wanted.read() is None:
        tell("the queue is stopped: cryohalo queue start")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """What runs, what waits, what has run."""
    manager, wanted = _open(config)
    state = manager.status()
    items, running = manager.queue()
    past = manager.history()
    goes = wanted.read() is not None
    if as_json:
        found = {"goes": goes, "status": state, "running": running, "queue": items, "past": past}
        typer.echo(json.dumps(found, indent=2))
        return
    console.print(f"the queue {'goes' if goes else 'is stopped'} ({state['manager_state']})")
    for item in past[-10:]:
        result = item["result"]
        words = escaped(result["msg"].strip().splitlines()[-1]) if result["msg"].strip() else ""
        console.print(f"{result['exit_status']:<10} {_item(item)}  {words}".rstrip())
    if running:
        console.print(f"{'runs':<10} {_item(running)}")
    for item in items:
        console.print(f"{'waits':<10} {_item(item)}")


def _item(item: dict[str, Any]) -> str:
    given = ", ".join(f"{name}={json.dumps(v)}" for name, v in item.get("kwargs", {}).items())
    return escaped(f"{item['name']}({given}), {item['user']}", 300)


@app.command()
def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Abort the plan that runs; it goes back to the front.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Stop the queue after the plan that runs, or now; nothing is taken out of it."""
    manager, wanted = _open(config)
    wanted.clear()
    state = manager.status()["manager_state"]
    if state not in ("executing_queue", "paused"):
        console.print("the queue is stopped")
    elif now:
        _abort(manager)
    else:
        manager.ask("queue_stop")
        console.print("the queue stops after the plan that runs")


def _abort(manager: Manager) -> None:
    """Pause at once, and abort once it is paused."""
    from cryohalo.queueing.client import until

    if manager.status()["manager_state"] != "paused":
        manager.ask("re_pause", {"option": "immediate"})
        until(manager, lambda s: s["manager_state"] in ("paused", "idle"), "it is not paused")
    if manager.status()["manager_state"] == "paused":
        manager.ask("re_abort")
        until(manager, lambda s: s["manager_state"] == "idle", "the plan is not aborted")
    console.print("the plan was aborted")
