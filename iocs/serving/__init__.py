"""Serving a PV database over Channel Access: what both IOCs start with.

``server`` is the way in: options, readiness, signals, exit codes. ``caproto_overrides`` and
``clients.circuit`` hold all that had to be mended in caproto; what its overrides are made of is in
``listening``, ``clients``, ``filtering`` and ``sending``.
"""

from iocs.serving.server import (
    Hook,
    Server,
    ServerOptions,
    add_arguments,
    options_from,
    serve,
    set_environment,
)

__all__ = [
    "Hook",
    "Server",
    "ServerOptions",
    "add_arguments",
    "options_from",
    "serve",
    "set_environment",
]
