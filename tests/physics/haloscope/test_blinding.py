"""Key files: what is drawn, what is kept, what the world sees of it."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from haloscope.apparatus.blinding import BlindKey, KeyFileError
from haloscope.apparatus.injection import open_envelope

BAND = (1.09e9, 1.11e9)
COUPLINGS = (6e-16, 1.5e-15)


def drawn(**how: float) -> BlindKey:
    return BlindKey.drawn(BAND, COUPLINGS, **how)


def test_chance_draws_from_the_whole_band() -> None:
    lines = [drawn().line for _ in range(400)]
    places = sorted((line.frequency_hz - BAND[0]) / (BAND[1] - BAND[0]) for line in lines)
    assert all(COUPLINGS[0] <= line.coupling_per_gev <= COUPLINGS[1] for line in lines)
    assert 0 <= places[0] < 0.05
    assert 0.95 < places[-1] <= 1
    # Kolmogorov's distance of 400 uniform numbers: above 0.13 once in 3e5 times.
    assert max(abs(place - (i + 0.5) / 400) for i, place in enumerate(places)) < 0.13


def test_an_empty_envelope_holds_nothing_and_its_machine_a_line_of_no_strength() -> None:
    key = drawn(empty=1.0)
    assert open_envelope(key.contents, key.hash) is None
    (line,) = key.lines()
    assert line.coupling_per_gev == 0.0
    assert line.frequency_hz == key.line.frequency_hz
    full = drawn(empty=0.0)
    assert open_envelope(full.contents, full.hash) == full.line == full.lines()[0]


def test_the_hash_is_sha256_of_the_text_which_holds_no_key() -> None:
    key = drawn()
    assert key.hash == hashlib.sha256(key.contents.encode("ascii")).hexdigest()
    assert set(json.loads(key.contents)) == {"axion_line", "blind", "nonce"}
    assert len(bytes.fromhex(key.nonce)) == 32
    assert len(key.unseal_key) <= 39  # an EPICS string
    assert repr(key) == f"<BlindKey of envelope {key.hash}>"


def test_the_machine_stays_the_same_and_its_spectra_never_do() -> None:
    key = drawn()
    assert key.seed == key.seed > 2**64
    assert len({key.seed, *(key.noise_seed() for _ in range(10))}) == 11


def test_the_file_is_its_owners_and_gives_back_what_was_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    key = drawn(empty=0.5)
    key.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert BlindKey.read(path) == key
    with pytest.raises(FileExistsError):
        drawn().write(path)
    assert BlindKey.read(path) == key


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    drawn().write(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"others may read it \(mode {mode:04o}\)"):
        BlindKey.read(path)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "5", "{}", '{"form": "cryohalo blind key 2"}', "[" * 90_000, "x" * 200_000],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"a\.key: "):
        BlindKey.read(path)


@pytest.mark.parametrize(
    ("band", "couplings", "empty"),
    [
        ((1.11e9, 1.09e9), COUPLINGS, 0.0),
        ((0.0, 1.0e9), COUPLINGS, 0.0),
        (BAND, (1e-15, float("inf")), 0.0),
        (BAND, (float("nan"), 1e-15), 0.0),
        (BAND, COUPLINGS, 1.5),
        (BAND, COUPLINGS, float("nan")),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    band: tuple[float, float], couplings: tuple[float, float], empty: float
) -> None:
    with pytest.raises(ValueError, match="blind injection: "):
        BlindKey.drawn(band, couplings, empty)
