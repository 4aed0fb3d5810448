"""Somebody with the running IOC, its PVs, its files and this source, but not the key, attacks.

Each attack is tried on a run that hides by the seed, where it finds the axion to prove that it can,
and on a blind one, where it must find nothing.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from haloscope.apparatus.blinding import BlindKey
from haloscope.apparatus.digitizer import gamma_mean
from haloscope.apparatus.injection import canonical, envelope, envelope_hash, hidden_line
from haloscope.axion import AxionLine
from instruments.random import generator
from iocs.ioc import Ioc
from tests.iocs.blind.keys import (
    KEY,
    LINE,
    assert_silent,
    awake,
    blind,
    elsewhere,
    ended,
    everything,
    secrets_of,
    spectrum,
)
from tests.iocs.driving import start, values, wait_for
from tests.iocs.plants import make

SEED = 19
BAND = (1100.0e6, 1100.01e6)
COUPLING = 7.0e-16
SEEDED = ("--seed", str(SEED), "--inject", str(COUPLING), "--inject-band", "1100", "1100.01")
AVERAGES = 2000
#: Where a maximum of the flattened middle of a spectrum can be: chance hits a line once in 100.
PLACES = 40_000
SPECTRA = {"DAQ:Spectrum_RBV", "DAQ:Preview_RBV"}
SPECTRA |= {f"DAQ:HighRes:{name}_RBV" for name in ("StreamReal", "StreamImag", "NoiseDensity")}


@pytest.fixture
def same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every life has the same noise: what differs is then the line's doing alone."""
    monkeypatch.setattr(BlindKey, "noise_seed", lambda _: 77)


def seeded() -> Ioc:
    return make("haloscope", *SEEDED)


def flattened(values: np.ndarray) -> np.ndarray:
    """The middle of a spectrum over its local median, less 1; tones are clipped."""
    middle = values[values.size // 2 - PLACES // 2 :][:PLACES]
    near = np.interp(
        np.arange(PLACES), np.arange(50, PLACES, 100), np.median(middle.reshape(-1, 100), axis=1)
    )
    smooth = np.convolve(near, np.ones(1001) / 1001, mode="same")
    return np.clip(middle / smooth - 1, -0.2, 0.2)[2000:-2000]


def excess(values: np.ndarray) -> tuple[float, float]:
    """Where the largest excess of a line's width is, Hz from the middle, and its significance."""
    sums = np.convolve(flattened(values), np.ones(100), mode="same")
    spread = 1.4826 * np.median(np.abs(sums - np.median(sums))) + 1e-9  # 0: no noise is left
    at = int(np.argmax(sums))
    return (at + 2000 - PLACES // 2) * 10.0, float(sums[at] / spread)


def offset_hz(line: AxionLine) -> float:
    """Where the bulk of a line is, Hz from 1100 MHz."""
    return line.frequency_hz + 500.0 - 1100e6


# -- the hash ------------------------------------------------------------------------------------


def search_the_hash(published: str) -> AxionLine | None:
    """Every seed that somebody might have given, the nonce that follows from it."""
    for seed in range(64):
        for line in (hidden_line(seed, *BAND, COUPLING), None):
            if envelope_hash(envelope(line, seed)) == published:
                return line
    return None


def test_the_hash_cannot_be_searched_for_the_line(tmp_path: Path) -> None:
    assert search_the_hash(seeded().plant.seal.hash) == hidden_line(SEED, *BAND, COUPLING)
    published = blind(tmp_path).plant.seal.hash
    assert search_the_hash(published) is None
    # Knowing the very line is not enough: the nonce has 256 bits of chance.
    for nonce in ("", "0" * 64, generator(0, "blind injection nonce").bytes(32).hex()):
        assert envelope_hash(canonical(LINE, nonce, blind=True)) != published
    assert published == envelope_hash(canonical(LINE, KEY.nonce, blind=True))


def test_two_key_files_of_the_same_line_share_nothing() -> None:
    one, two = (BlindKey.drawn((1.1e9, 1.1e9), (1e-15, 1e-15)) for _ in range(2))
    assert one.line == two.line
    assert not {one.hash, one.nonce, one.noise_key, one.unseal_key, one.seed} & {
        *(two.hash, two.nonce, two.noise_key, two.unseal_key, two.seed),
    }
    assert len(one.nonce) == len(one.noise_key) == 64
    assert one.noise_seed() != one.noise_seed()


# -- the noise -----------------------------------------------------------------------------------


async def readable_numbers(ioc: Ioc) -> list[int]:
    """Whole numbers that a client reads, and that a seed might be; and the usual guesses."""
    found = {0, 1, SEED}
    for name, channel in ioc.database.channels.items():
        if isinstance(channel.value, int) and not name.startswith("IOC:"):
            found.add(channel.value)
    hashed = ioc.database["Sim:EnvelopeHash_RBV"].value
    return sorted(found | {int(hashed, 16), int(hashed[:32], 16), int(hashed[:8], 16)})


def take_the_noise_away(
    taken: np.ndarray, seeds: list[int], number: int
) -> tuple[float, float, float]:
    """Divide by the noise that each seed would give: the best correlation, and what is left."""
    best = (0.0, 0.0, 0.0)
    for seed in seeds:
        noise = gamma_mean(generator(seed, "digitizer", number), AVERAGES, taken.size)
        together = float(np.corrcoef(flattened(taken), flattened(noise))[0, 1])
        if abs(together) > abs(best[0]):
            best = (together, *excess(taken / noise))
    return best


@pytest.mark.usefixtures("same_noise")
def test_the_noise_cannot_be_taken_away(tmp_path: Path) -> None:
    async def attack(ioc: Ioc) -> tuple[float, float, float]:
        await awake(ioc)
        taken = await spectrum(ioc, AVERAGES)
        number = ioc.database["DAQ:Counter_RBV"].value
        found = take_the_noise_away(taken, await readable_numbers(ioc), number)
        await ended(ioc)
        return found

    together, at_hz, sigma = asyncio.run(attack(seeded()))
    assert together > 0.9
    assert sigma > 5
    assert abs(at_hz - offset_hz(hidden_line(SEED, *BAND, COUPLING))) < 1000
    together, _, _ = asyncio.run(attack(blind(tmp_path)))
    # Of some 40 seeds the best of chance alone, five standard deviations.
    assert abs(together) < 5 / np.sqrt(PLACES - 4000)


def test_a_spectrum_is_not_taken_twice_with_the_same_noise(tmp_path: Path) -> None:
    """The state's folder is copied back; once there is a field, once there is none."""

    async def life(ioc: Ioc, field: bool) -> np.ndarray:
        await awake(ioc)
        if not field:
            await ioc.database.put("Switch", 0)
            ioc.plant.machine.conditions = _without_field(ioc.plant.machine.conditions)
        taken = await spectrum(ioc, AVERAGES)
        await ended(ioc)
        return taken

    def attack(build: Callable[[Path], Ioc]) -> tuple[float, float, float]:
        first = tmp_path / "state"
        shutil.rmtree(first, ignore_errors=True)

        async def begin() -> None:
            ioc = build(first)
            await awake(ioc)
            await ended(ioc)

        asyncio.run(begin())
        shutil.copytree(first, tmp_path / "copy", dirs_exist_ok=True)
        on = asyncio.run(life(build(first), True))
        shutil.rmtree(first)
        shutil.move(tmp_path / "copy", first)
        off = asyncio.run(life(build(first), False))
        together = float(np.corrcoef(flattened(on), flattened(off))[0, 1])
        return (together, *excess(on / off))

    def by_seed(state: Path) -> Ioc:
        return make("haloscope", *SEEDED, "--state-dir", str(state))

    together, at_hz, _ = attack(by_seed)
    assert together > 0.9
    assert abs(at_hz - offset_hz(hidden_line(SEED, *BAND, COUPLING))) < 1000
    together, _, _ = attack(lambda state: blind(tmp_path, "--state-dir", str(state)))
    assert abs(together) < 6 / np.sqrt(PLACES - 4000)


def _without_field(conditions: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: replace(conditions(), field_t=0.0)


# -- all that is not a spectrum ------------------------------------------------------------------


async def stream(ioc: Ioc, center_mhz: float) -> None:
    """A time stream as wide as the line."""
    for name, value in (("Center", center_mhz), ("Bandwidth", 10_000.0), ("Duration", 5.0)):
        await ioc.database.put(f"DAQ:HighRes:{name}", value)
    await wait_for(ioc, start(ioc, "DAQ:HighRes:Acquire", 1))


async def search(ioc: Ioc) -> list[dict[str, Any]]:
    """The cavity passes the line in steps; all that can be read after each of them."""
    await awake(ioc)
    seen = [values(ioc)]
    for target_mhz in (1099.99, 1100.0, 1100.003, 1100.25):
        await ioc.database.put("LO:Frequency", target_mhz - 10.7)
        await ioc.database.put("VNA:Center", target_mhz)
        await spectrum(ioc, 100)
        await stream(ioc, target_mhz)
        seen.append({**values(ioc), **{name: repr(told) for name, told in everything(ioc)}})
    await ended(ioc)
    return seen


def told_apart(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> set[str]:
    """Names of what differs at some step, without field and without the host's own."""
    names = {
        name
        for first, second in zip(one, other, strict=True)
        for name in first
        if first[name] != second[name]
    }
    bare = {name.partition(" ")[0].partition(".")[0] for name in names}
    return {name for name in bare if not name.startswith("IOC:")}


@pytest.mark.usefixtures("same_noise")
def test_nothing_that_can_be_read_but_spectra_depends_on_what_is_hidden(tmp_path: Path) -> None:
    """Values, alarms, limits, metadata, fields: as with the line elsewhere, or with none."""
    here = asyncio.run(search(blind(tmp_path)))
    for other in (elsewhere(), elsewhere(offset_hz=15e6), replace(KEY, hidden=False)):
        there = asyncio.run(search(blind(tmp_path, key=other)))
        differ = told_apart(here, there)
        assert differ == SPECTRA | {"Sim:EnvelopeHash_RBV"}


@pytest.mark.usefixtures("same_noise")
def test_a_spectrum_holds_the_line_and_noise_that_does_not_know_it(tmp_path: Path) -> None:
    async def take(ioc: Ioc) -> np.ndarray:
        await awake(ioc)
        taken = await spectrum(ioc, AVERAGES)
        await ended(ioc)
        return taken

    here = asyncio.run(take(blind(tmp_path)))
    there = asyncio.run(take(blind(tmp_path, key=elsewhere(offset_hz=15e6))))
    ratio = here / there
    touched = np.flatnonzero(ratio != 1.0)
    assert touched.size
    assert ratio.min() >= 1.0
    frequency = 1100e6 + (touched - here.size // 2) * 10.0
    idler = 2 * (1100e6 - 100e3) - frequency
    near = np.minimum(abs(frequency - LINE.frequency_hz), abs(idler - LINE.frequency_hz))
    assert near.max() < 12e3


# -- files and logs ------------------------------------------------------------------------------


def test_no_file_and_no_log_tells_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    state = tmp_path / "state"

    async def life() -> None:
        ioc = blind(tmp_path, "--state-dir", str(state))
        await awake(ioc)
        await ioc.store.begin()
        await spectrum(ioc, 100)
        await ended(ioc)

    asyncio.run(life())
    asyncio.run(life())
    names = {path.name for path in state.iterdir()}
    assert {"snapshot.json", "setpoints.json", "envelope.json", "puts.log"} <= names
    for path in state.iterdir():
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path.name
        assert_silent(path.name)
        held = path.read_bytes()
        assert_silent(held.decode(errors="replace"))
        frequency = np.float64(LINE.frequency_hz).tobytes()
        assert frequency not in held
        assert all(frequency not in part for part in _unpacked(held))
    assert_silent(caplog.text)


def _unpacked(held: bytes) -> list[bytes]:
    """Arrays in a file of the state."""
    packed = re.findall(rb"[A-Za-z0-9+/=]{40,}", held)
    return [base64.b64decode(part[: len(part) // 4 * 4]) for part in packed]


def test_nothing_that_can_be_read_holds_a_secret(tmp_path: Path) -> None:
    async def story() -> None:
        ioc = blind(tmp_path)
        await awake(ioc)
        await spectrum(ioc, 100)
        told = "\n".join(f"{name} {value!r}" for name, value in everything(ioc))
        assert_silent(told)
        assert_silent(repr(KEY))
        assert ioc.database["Sim:Seed_RBV"].value == ioc.plant.seed == -1
        assert not set(secrets_of(KEY)) & set(map(str, ioc.plant.identity().values()))
        await ended(ioc)

    asyncio.run(story())
