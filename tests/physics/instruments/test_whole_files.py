"""A file is there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from instruments.whole_files import replacing


def test_a_file_takes_the_place_of_the_last_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    file.write_text("old")
    with replacing(file) as part:
        part.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_and_no_remainder(tmp_path: Path, error: BaseException) -> None:
    file = tmp_path / "told.json"
    file.write_text("old")

    def half() -> None:
        with replacing(file) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        half()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o644, 0o644), (None, 0o640)])
def test_who_may_read_it_is_said_or_as_of_any_new_file(
    tmp_path: Path, mode: int | None, expected: int
) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file", mode) as part:
            part.write_text("whole")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "file"):
        pass
