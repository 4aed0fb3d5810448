"""What is served: the pages' files, the frames, the strips, and the one way to set something."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

from tornado import web, websocket

from cryohalo.page.alarms import AlarmBook, NotAcknowledgedError, wanted
from cryohalo.page.archive import ArchiveError, samples
from cryohalo.page.board import Board
from cryohalo.page.encoding import number
from cryohalo.page.layout import Layout
from cryohalo.page.puts import NotSetError, set_variable
from cryohalo.page.strips import STRIP_S, Strips
from cryohalo.page.viewers import Hub, Viewer
from cryohalo.page.waterfall import HIGHEST, LOWEST, Waterfall
from cryohalo.processes.access import own_origin, refused, same_token
from instruments.printable import escaped
from pvdb.advice import ADVICE, AFTERWARDS, OTHERWISE

__all__ = ["MOST_VIEWERS", "Bench", "application"]

log = logging.getLogger("cryohalo.page")

STATIC: Final = Path(__file__).parent / "static"
#: Windows on one instrument; the next one is refused (assumed).
MOST_VIEWERS: Final = 30
_LONGEST_COUNT: Final = 16
_LONGEST_HISTORY_S: Final = 7 * 86_400.0
#: Nothing of another site, no script that is not a file of ours, no frame around us.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass
class Bench:
    """One instrument with its viewers."""

    layout: Layout
    board: Board
    hub: Hub
    strips: Strips
    waterfall: Waterfall


class _Guarded(web.RequestHandler):
    """Refuses what does not come from this computer's own page."""

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.clear_header("Server")

    def prepare(self) -> None:
        host = self.request.host
        if code := refused(host, self.request.headers.get("Origin")):
            raise web.HTTPError(code, "from another site, or for host %s", escaped(host, 60))

    def write_error(self, status_code: int, **_: Any) -> None:
        self.finish({"error": f"{status_code} {self._reason}"})

    def bench(self, name: str) -> Bench:
        """The instrument's, by its name in the address."""
        found: Bench | None = self.settings["benches"].get(name)
        if found is None:
            raise web.HTTPError(404)
        return found


class _File(_Guarded, web.StaticFileHandler):
    """A file of ``static``; asked for anew at each load, so that an update is seen."""

    def get_cache_time(self, *_: Any) -> int:
        return 0

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")


class _Start(_Guarded):
    def get(self) -> None:
        self.redirect(f"/{next(iter(self.settings['benches']))}")


class _Page(_Guarded):
    def get(self, name: str) -> None:
        title = self.bench(name).layout.title
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        whole = Template((STATIC / "page.html").read_text())
        drawing = (STATIC / f"{name}.html").read_text()
        self.finish(whole.substitute(instrument=name, title=title, drawing=drawing))


class _About(_Guarded):
    """What a page is made of beside its drawing."""

    def get(self, name: str) -> None:
        bench, settings = self.bench(name), self.settings
        self.finish(
            {
                "instrument": name,
                "prefix": bench.board.prefix,
                "instruments": {key: one.layout.title for key, one in settings["benches"].items()},
                "charts": [asdict(chart) for chart in bench.layout.charts],
                "controls": bench.layout.controls,
                "stops": bench.layout.stops,
                "settable": settings["token"] is not None,
                "history": bool(settings["history"]),
                "queue": settings["queue"],
                "advice": {
                    "named": [(one.named, one.do) for one in ADVICE],
                    "otherwise": OTHERWISE,
                    "afterwards": AFTERWARDS,
                },
            }
        )


class _Strips(_Guarded):
    """The charts' past: from the history server if there is one and it answers, else our own."""

    async def get(self, name: str) -> None:
        bench = self.bench(name)
        seconds = _seconds(self.get_query_argument("seconds", "300"))
        source, error = "page", ""
        times, values = bench.strips.last(min(seconds, STRIP_S))
        base = self.settings["history"]
        if base and seconds > STRIP_S:
            names = bench.strips.names
            try:
                full = [bench.board.prefix + one for one in names]
                times, values = await samples(base, full, seconds)
                source = "history"
            except ArchiveError as failure:
                error = escaped(failure)
        self.set_header("Content-Type", "application/json")
        rows = dict(zip(bench.strips.names, values.tolist(), strict=True))
        told = ",".join(f"{json.dumps(k)}:[{','.join(map(number, v))}]" for k, v in rows.items())
        stamps = ",".join(f"{one:.3f}" for one in times.tolist())
        head = f'"source":{json.dumps(source)},"error":{json.dumps(error)}'
        self.finish(f'{{{head},"t":[{stamps}],"v":{{{told}}}}}')


class _Waterfall(_Guarded):
    """Rows of the waterfall after those that the page has."""

    def get(self, name: str) -> None:
        waterfall = self.bench(name).waterfall
        since = self.get_query_argument("since", "0")
        if not (since.isascii() and since.isdecimal() and len(since) < _LONGEST_COUNT):
            raise web.HTTPError(400)
        rows = waterfall.since(int(since))
        self.finish({"count": waterfall.count, "rows": rows, "sigma": [LOWEST, HIGHEST]})


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise web.HTTPError(400) from None
    if not (math.isfinite(seconds) and 1.0 <= seconds <= _LONGEST_HISTORY_S):
        raise web.HTTPError(400)
    return seconds


class _Keyed(_Guarded):
    """What takes the token, and JSON."""

    def has_token(self) -> bool:
        """Whether the request has it; what it is told otherwise has been told."""
        token = self.settings["token"]
        if token is None:
            self.refuse(403, "this page is read-only: it was started with --read-only")
        elif not same_token(self.request.headers.get("Authorization", ""), token):
            log.warning("%s with a wrong token or none was refused", escaped(self.request.path, 60))
            self.refuse(401, "this page is read-only without the token")
        else:
            return True
        return False

    def told(self) -> Any:
        """The body, None for none that is JSON."""
        if self.request.headers.get("Content-Type", "").split(";")[0] != "application/json":
            return None
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None

    def refuse(self, status: int, why: str) -> None:
        """Say no."""
        self.set_status(status)
        self.finish({"error": why})


class _Put(_Keyed):
    """``{"name": ..., "value": ...}`` with the token; without a body, only the token is tried."""

    async def post(self, name: str) -> None:
        if not self.has_token():
            return None
        bench = self.bench(name)
        if not self.request.body:
            self.finish({"done": "the token is right"})
            return None
        wanted = self._wanted()
        if wanted is None:
            return self.refuse(400, "the request is not {name, value} as JSON")
        pv, value = wanted
        try:
            done = await set_variable(bench.board, pv, value)
        except NotSetError as error:
            log.warning("put of %s to %s: %s", escaped(value, 60), escaped(pv, 60), error)
            return self.refuse(409, str(error))
        log.info("put of %s to %s%s: %s", escaped(value, 60), bench.board.prefix, pv, done)
        self.finish({"done": done})
        return None

    def _wanted(self) -> tuple[str, Any] | None:
        told = self.told()
        if not isinstance(told, dict) or set(told) != {"name", "value"}:
            return None
        return (told["name"], told["value"]) if isinstance(told["name"], str) else None


class _Acknowledge(_Keyed):
    """``{"alarms": [[name, id, severity], ...], "who": ...}`` with the token."""

    async def post(self, name: str) -> None:
        if not self.has_token():
            return None
        bench, book = self.bench(name), self.settings["alarms"]
        if book is None:
            return self.refuse(404, "there is no log of alarms: this page was started without one")
        seen = wanted(self.told())
        if seen is None:
            return self.refuse(400, "the request is not {alarms: [[name, id, severity]], who}")
        try:
            count = await book.acknowledge(bench.board.prefix, *seen)
        except NotAcknowledgedError as error:
            return self.refuse(409, str(error))
        self.finish({"done": f"{count} acknowledged"})
        return None


class _Frames(websocket.WebSocketHandler):
    """The frames of one viewer; what it sends is not listened to."""

    viewer: Viewer | None = None

    def check_origin(self, origin: str) -> bool:
        return own_origin(origin, self.request.host)

    def prepare(self) -> None:
        bench = self.settings["benches"].get(self.path_args[0])
        if bench is None:
            raise web.HTTPError(404)
        if code := refused(self.request.host, None):  # of the origin see check_origin
            raise web.HTTPError(code)
        if len(bench.hub.viewers) >= MOST_VIEWERS:
            raise web.HTTPError(503)

    def open(self, *names: str, **_: str) -> None:
        bench: Bench = self.settings["benches"][names[0]]
        self.set_nodelay(True)
        self.viewer = Viewer(bench.board, self._send, self.close, bench.hub.beside)
        bench.hub.viewers.add(self.viewer)

    async def _send(self, text: str) -> None:
        await self.write_message(text)

    def on_message(self, message: str | bytes) -> None:
        self.close(1003)

    def on_close(self) -> None:
        if self.viewer is not None:
            self.viewer.end()
            for bench in self.settings["benches"].values():
                bench.hub.viewers.discard(self.viewer)


def application(
    benches: Mapping[str, Bench],
    token: str | None,
    history: str,
    *,
    queue: bool = False,
    alarms: AlarmBook | None = None,
) -> web.Application:
    """The web application over these instruments.

    Args:
        benches: Instrument to its bench.
        token: Lets its holder set variables; None: nothing can be set.
        history: Base address of a server with the archiver's JSON route, "" for none.
        queue: Whether a queue of plans is shown.
        alarms: The log of alarms, None for none.
    """
    return web.Application(
        [
            (r"/", _Start),
            (r"/api/([a-z]+)/about", _About),
            (r"/api/([a-z]+)/strips", _Strips),
            (r"/api/([a-z]+)/waterfall", _Waterfall),
            (r"/api/([a-z]+)/put", _Put),
            (r"/api/([a-z]+)/acknowledge", _Acknowledge),
            (r"/ws/([a-z]+)", _Frames),
            (r"/static/(.*)", _File, {"path": str(STATIC)}),
            (r"/([a-z]+)", _Page),
        ],
        benches=benches,
        token=token,
        history=history,
        queue=queue,
        alarms=alarms,
        log_function=_log,
        websocket_max_message_size=1024,
        websocket_ping_interval=20,
        default_handler_class=_Nowhere,
    )


class _Nowhere(_Guarded):
    def prepare(self) -> None:
        super().prepare()
        raise web.HTTPError(404)


def _log(handler: web.RequestHandler) -> None:
    status = handler.get_status()
    level = logging.DEBUG if status < 400 else logging.INFO
    path = escaped(handler.request.path, 100)
    log.log(level, "%d %s %s", status, handler.request.method, path)
