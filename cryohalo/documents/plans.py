"""The page of plans with their arguments, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from cryohalo.documents.docstrings import prose_of, section_of
from cryohalo.documents.markdown import code, table, text
from cryohalo.running.arguments import Argument, arguments_of, instruments_of, summary_of
from plans.offered import offered

__all__ = ["page"]

_HEAD = """# Plans and their arguments

Made from the plans themselves. Each can be run by `cryohalo run NAME` (an argument `powers_uw` is
the option `--powers-uw`; lists and maps are given as JSON), at the session's prompt by
`RE(NAME(haloscope, ...))`, and in a queue. How they work together is in [devices and
plans](../plans.md).
"""


def page() -> str:
    """Every plan that can be run as it is: for the refrigerator, the haloscope, either."""
    groups: dict[str, list[Callable[..., Any]]] = {}
    for plan in offered():
        groups.setdefault(" or ".join(instruments_of(plan)), []).append(plan)
    parts = [_HEAD]
    for instruments in sorted(groups, key=lambda one: (" or " in one, one)):
        plans = sorted(groups[instruments], key=lambda plan: plan.__name__)
        index = ((f"[{one.__name__}](#{_anchor(one)})", text(summary_of(one))) for one in plans)
        heading = f"## For the {instruments}\n"
        parts += [heading, table(("plan", "what it does"), index), *map(_plan, plans)]
    return "\n".join(parts)


def _anchor(plan: Callable[..., Any]) -> str:
    return plan.__name__.lower()


def _plan(plan: Callable[..., Any]) -> str:
    """One plan: its text, its arguments, what it returns and raises."""
    prose = "\n\n".join(map(text, prose_of(plan)))
    arguments = table(("argument", "type", "default", "meaning"), _rows(plan))
    ends = [
        f"**{name}** {text(found)}\n"
        for name in ("Returns", "Raises")
        if (found := section_of(plan, name))
    ]
    where = f"In {code(plan.__module__)}.\n"
    return "\n".join([f"### {plan.__name__}\n", f"{prose}\n", where, arguments, *ends])


def _rows(plan: Callable[..., Any]) -> Iterator[tuple[str, ...]]:
    for one in arguments_of(plan):
        yield code(one.name), code(_type(one)), _default(one), text(one.help)


def _default(argument: Argument) -> str:
    return "" if argument.needed else code(repr(argument.default))


def _type(argument: Argument) -> str:
    told = inspect.formatannotation(argument.annotation)
    return re.sub(r"\b(?:collections\.abc|typing)\.", "", told)
