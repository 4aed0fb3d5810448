"""The reference pages of the site say what the code says, all of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ophyd import Component, Device
from pydantic import BaseModel, Field

from amrr.parameters import RefrigeratorParameters
from cryohalo.commands import options
from cryohalo.configuration.model import Configuration
from cryohalo.documents import command_line, markdown, pages, settings
from cryohalo.documents.docstrings import attributes_of, prose_of, section_of
from cryohalo.running.arguments import arguments_of
from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from plans.offered import offered


@cache
def page(name: str) -> str:
    return pages.PAGES[name]()


@pytest.mark.parametrize("name", pages.PAGES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    head = 0
    for line in page(name).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|---"):
            head = cells
        if line.startswith("| ") and head:
            assert cells == head, line
        head = head if line.startswith("|") else 0


def test_every_plan_has_each_of_its_arguments() -> None:
    text = page("plans.md")
    for plan in offered():
        own = re.search(rf"^### {plan.__name__}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
        assert own, plan.__name__
        for argument in arguments_of(plan):
            assert f"| `{argument.name}` |" in own[1], (plan.__name__, argument.name)
            assert markdown.text(argument.help) in own[1], (plan.__name__, argument.name)


def test_every_signal_of_both_devices_is_listed_with_its_variable() -> None:
    text = page("devices.md")
    for kind in (Refrigerator, Haloscope):
        names = [walk.dotted_name for walk in kind.walk_components() if not _is_device(walk.item)]
        assert len(names) > 100
        assert not [name for name in names if f"| `{name}` |" not in text]
    assert "| `chx.temperature` | `CHX:Temp_RBV` | K | hinted |" in text
    assert "| `daq.spectrum` | `DAQ:Spectrum" in text
    assert "Component attribute" not in text


def _is_device(item: Component[Any]) -> bool:
    return issubclass(item.cls, Device)


def test_every_parameter_of_the_refrigerator_is_listed_with_its_origin() -> None:
    rows = [line for line in page("refrigerator_values.md").splitlines() if line.startswith("| `")]
    leaves = RefrigeratorParameters().flat()
    assert len(rows) == len(leaves)
    assert "| `setpoint_k` | `1.6` | paper |" in "\n".join(rows)
    assert not [row for row in rows if "| assumed |" in row and row.endswith("|  |")]


def test_every_key_of_the_configuration_is_listed_with_its_default() -> None:
    text = page("configuration.md")
    for name, info in Configuration.model_fields.items():
        if not isinstance(info.default, BaseModel):
            continue
        section = text.split(f"## `[{name}]`")[1].split("\n## ")[0]
        for key in type(info.default).model_fields:
            assert f"| `{key}` |" in section, (name, key)


def test_the_allowed_range_of_a_key_is_the_one_it_is_held_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Section(BaseModel):
        """Of a test."""

        wide: float = Field(default=2.0, gt=1.0, le=3.0, description="how wide")

    class Whole(BaseModel):
        part: Section = Section()

    monkeypatch.setattr(settings, "Configuration", Whole)
    assert "| `wide` | `2.0` | above 1, at most 3 | how wide |" in settings.page()


def test_every_command_and_exit_code_is_listed() -> None:
    text = page("commands.md")
    for name in ("runs show", "queue submit", "blind seal", "demo", "config new"):
        assert re.search(rf"^##+ `cryohalo {name}`$", text, re.M), name
    assert "`--halo-parameters NAME|FILE`" in text
    constants = {n: v for n, v in vars(options).items() if re.match(r"EXIT_[A-Z_]+$", n)}
    assert set(constants.pop("EXIT_CODES")) == {0, *constants.values()}
    assert all(f"| {code} | {told} |" in text for code, told in options.EXIT_CODES.items())
    assert "&#x27;" not in text
    assert "..." not in text.split("## `cryohalo version`")[0]


def test_an_option_that_is_new_appears_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    told = command_line._told()
    monkeypatch.setattr(command_line, "_told", lambda: f"{told}\n* `--novel`: Is new.\n")
    assert "* `--novel`: Is new." in command_line.page()


def test_pages_are_written_where_they_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGES", {"a.md": lambda: "A\n", "b.md": lambda: "B\n"})
    folder = tmp_path / "generated"
    assert [path.name for path in pages.write(folder)] == ["a.md", "b.md"]
    (folder / "b.md").write_text("old")
    assert [path.name for path in pages.write(folder)] == ["b.md"]
    assert (folder / "b.md").read_text() == "B\n"
    assert pages.write(folder) == []


def test_what_is_between_backquotes_stays_code_and_the_rest_means_nothing_to_markdown() -> None:
    assert markdown.text("``a|b`` costs $5 * 3,\n  x[0] <y>") == (
        r"`a\|b` costs \$5 \* 3, x\[0\] \<y>"
    )
    assert markdown.table(("a",), ()) == ""


def plan(first: int = 1) -> None:
    """Do a thing.

    It takes a while.

    Parameters
    ----------
    first
        Nothing.

    Returns
    -------
    float
        What it
        found.
    """


class Held:
    """A thing.

    Attributes:
        one: The first,
            in two lines.
        two: The second.
    """


def test_docstrings_are_taken_apart() -> None:
    assert prose_of(plan) == ["Do a thing.", "It takes a while."]
    assert section_of(plan, "Returns") == "float What it found."
    assert section_of(plan, "Raises") == ""
    assert attributes_of(Held) == {"one": "The first, in two lines.", "two": "The second."}
    assert prose_of(Held) == ["A thing."]
