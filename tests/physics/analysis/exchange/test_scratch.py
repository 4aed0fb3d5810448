"""Spectra that memory should not hold: kept in a temporary file, read from there block by block."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from haloscope.analysis import blocks, scratch
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.exchange.documents import Document, spectra_from_documents
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.exchange.test_documents_and_online import documents
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture(scope="module")
def measured() -> Spectra:
    """Spectra with a dead one and a tone, somewhat longer than what is kept of them."""
    spectra = make(scan_targets(30), seed=51, bins=15100)
    power = spectra.power_w.copy()
    power[11] = 0
    power[4, 9000] *= 2
    return replace(spectra, power_w=power)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds five spectra."""
    monkeypatch.setattr(scratch, "MOST_IN_MEMORY", 5 * 60_000)


def test_spectra_from_a_file_give_what_they_give_from_memory(
    measured: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = spectra_from_documents(documents(measured))
    monkeypatch.setattr(scratch, "MOST_IN_MEMORY", 5 * 60_000)
    on_disk = spectra_from_documents(documents(measured))
    assert scratch._map_of(on_disk.power_w) is not None
    assert on_disk.fingerprint() == held.fingerprint()
    one, other = analyze(held), analyze(on_disk)
    assert one.quality.cut == 1
    assert other.verdict() == one.verdict()
    assert other.spikes == one.spikes
    assert np.array_equal(other.normalised, one.normalised)
    assert np.array_equal(other.limit.coupling_per_gev, one.limit.coupling_per_gev, equal_nan=True)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("first", [-7, 7])
def test_of_spectra_of_unequal_length_the_part_that_all_have_is_kept(
    measured: Spectra, first: int
) -> None:
    """Rounding makes some a few bins shorter."""
    length = 15_000

    def unequal() -> Iterator[Document]:
        for name, document in documents(measured):
            data = document.get("data", {})
            if "halo_2_daq_spectrum" in data:
                more = first if document["seq_num"] == 1 else document["seq_num"] % 3
                cut = data["halo_2_daq_spectrum"][: length + more]
                document = {**document, "data": {**data, "halo_2_daq_spectrum": cut}}
            yield name, document

    read = spectra_from_documents(unequal(), whole=True)
    bins = length + min(first, 0)
    assert np.array_equal(read.power_w, measured.power_w[:, :bins])


@pytest.mark.usefixtures("small")
def test_what_was_read_of_a_file_is_given_back(
    measured: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 4)
    spectra = spectra_from_documents(documents(measured))
    power, whole_kb = windows_of(spectra, Options()).power, spectra.power_w.nbytes / 1024
    assert np.isfinite(spectra.power_w).all()
    assert _resident_kb() > 0.9 * whole_kb
    scratch.let_go(spectra.power_w)
    seen = 0
    for rows in blocks.blocks(len(power)):
        assert not np.shares_memory(power[rows], spectra.power_w)
        seen = max(seen, _resident_kb())
    assert seen < 4 * 60
    assert np.array_equal(power[slice(0, 4)], power[slice(0, 30)][:4])


def _resident_kb() -> int:
    """Memory of this process that scratch files take."""
    ours, total = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line.split()[0].endswith(":"):
            ours = "(deleted)" in line and tempfile.gettempdir() in line
        elif ours and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


@pytest.mark.usefixtures("small")
def test_no_room_for_temporary_files_is_told(
    measured: Spectra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OSError, match=r"0 MB of them do not fit .* in .*none: No such .* TMPDIR"):
        spectra_from_documents(documents(measured))
    full = open("/dev/full", "wb")  # noqa: SIM115 - closed by what it is given to
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", lambda **_: full)
    with pytest.raises(OSError, match="No space left on device; TMPDIR names another folder"):
        spectra_from_documents(documents(measured))
    assert full.closed
