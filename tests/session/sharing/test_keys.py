"""The key's file is its owner's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryohalo.errors import CatalogError
from cryohalo.sharing.key import key_in, make_key


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "key"
    key = make_key(file)
    assert len(key) == 64
    assert file.stat().st_mode & 0o777 == 0o600
    assert make_key(file) == key == key_in(file)
    assert make_key(tmp_path / "other") != key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    make_key(file)
    file.chmod(mode)
    with pytest.raises(CatalogError, match="others may read"):
        key_in(file)


@pytest.mark.parametrize("data", [b"", b"\n", b"two words", b"\xff\xfe", b"a" * 5000])
def test_what_is_no_key_is_refused_by_the_file_s_name(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(CatalogError, match="key"):
        key_in(file)


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"none.*[Nn]o such file"):
        key_in(tmp_path / "none")
