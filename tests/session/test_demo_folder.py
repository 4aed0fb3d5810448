"""A demonstration replaces what an earlier one wrote, and touches nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cryohalo.catalog import DocumentWriter
from cryohalo.demo.folder import SEED_KEY, ForeignFolderError, clear
from cryohalo.demo.page import Page


def run(folder: Path, uid: str, **metadata: object) -> None:
    writer = DocumentWriter(folder)
    writer("start", {"uid": uid, "time": 1.0, **metadata})
    writer.close()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What a demonstration leaves behind."""
    folder = tmp_path / "demo"
    for uid in ("one", "two"):
        run(folder / "catalog", uid, **{SEED_KEY: 2022})
    Page(folder).write(seed=2022)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_the_runs_of_an_earlier_demonstration_go(output: Path) -> None:
    (output / "notes.txt").write_text("mine")
    clear(output, output / "catalog")
    assert set(content(output)) == {"index.html", "notes.txt"}
    clear(output, output / "catalog")  # one that was interrupted before its first run


def test_a_new_folder_is_as_good(tmp_path: Path) -> None:
    clear(tmp_path / "new", tmp_path / "new" / "catalog")
    clear(tmp_path, tmp_path / "catalog")


def foreign_run(output: Path) -> None:
    run(output / "catalog", "mine", plan_name="scan")


def damaged_run(output: Path) -> None:
    (output / "catalog" / "x.msgpack").write_bytes(b"damaged")


def other_file(output: Path) -> None:
    (output / "catalog" / "notes.txt").write_text("mine")


def folder_within(output: Path) -> None:
    (output / "catalog" / "more").mkdir()


def linked_run(output: Path) -> None:
    run(output.parent / "mine", "linked", **{SEED_KEY: 1})
    (output / "catalog" / "l.msgpack").symlink_to(output.parent / "mine" / "linked.msgpack")


def linked_catalog(output: Path) -> None:
    shutil.move(output / "catalog", output.parent / "mine")
    (output / "catalog").symlink_to(output.parent / "mine")


def catalog_a_file(output: Path) -> None:
    shutil.rmtree(output / "catalog")
    (output / "catalog").write_text("mine")


def another_page(output: Path) -> None:
    shutil.rmtree(output / "catalog")
    (output / "index.html").write_text("<title>My home page</title>")


def figures_alone(output: Path) -> None:
    shutil.rmtree(output / "catalog")
    (output / "index.html").unlink()
    (output / "figures" / "mine.png").write_bytes(b"mine")


@pytest.mark.parametrize(
    "make",
    [foreign_run, damaged_run, other_file, folder_within, linked_run, linked_catalog,
     catalog_a_file, another_page, figures_alone],
)  # fmt: skip
def test_whatever_no_demonstration_wrote_is_left_and_told(
    output: Path, make: Callable[[Path], None]
) -> None:
    make(output)
    before = content(output.parent)
    with pytest.raises(ForeignFolderError, match="give another --output"):
        clear(output, output / "catalog")
    assert content(output.parent) == before
