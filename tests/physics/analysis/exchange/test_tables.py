"""CSV tables with a description: read as they are, and each mistake told by its name."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from haloscope.analysis.exchange.beside import compared, curve
from haloscope.analysis.exchange.tables import read_described
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from tests.physics.analysis.generator import make, scan_targets

DESCRIPTION = """
format = "cryohalo-spectra-csv"
version = 1
volume_m3 = 36.85e-3
field_ratio = 0.86
[list]
file = "runs.csv"
table = "t{number}.csv"
[values]
num_averages = 5000
cavity_frequency_hz = { column = "cavity" }
loaded_q = { column = "q" }
beta = 2.0
magnet_field_t = 12
form_factor = 0.6
jpa_resonance_hz = "cavity_frequency_hz"
jpa_bandwidth_hz = 190e3
jpa_gain_peak_db = 20
[errors]
loaded_q = 300
[calibration]
line_attenuation_db = 0.4
receiver_gain_db = 104
assumed = ["line_attenuation_db"]
[options]
baseline = "pade"
"""
BINS = 40


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """Three tables, the second with two spectra."""
    own = make(scan_targets(3), seed=2, bins=BINS, dtype=float)
    lines = ["number,cavity,q"]
    for k, (power, start) in enumerate(zip(own.power_w, own.frequency_start_hz, strict=True)):
        lines.append(f"{k},{own.cavity_frequency_hz[k]:.1f},{35000 + k}")
        columns = {"frequency": start + 10.0 * np.arange(BINS), "power": power}
        columns |= {"again": power[::-1]} if k == 1 else {}
        rows = zip(*columns.values(), strict=True)
        text = "\n".join(",".join(f"{value:.12g}" for value in row) for row in rows)
        (tmp_path / f"t{k}.csv").write_text(f"# made\n{','.join(columns)}\n{text}\n")
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "own.toml"
    path.write_text(DESCRIPTION)
    return path


def test_tables_are_read_as_they_are(described: Path) -> None:
    found = read_described(described)
    own = make(scan_targets(3), seed=2, bins=BINS, dtype=float)
    spectra = found.spectra
    assert spectra.labels == ("t0:power", "t1:power", "t1:again", "t2:power")
    np.testing.assert_allclose(spectra.power_w[[0, 1, 3]], own.power_w, rtol=1e-11)
    np.testing.assert_allclose(spectra.frequency_start_hz[[0, 1, 3]], own.frequency_start_hz)
    assert spectra.step_hz == pytest.approx(10.0)
    assert spectra.loaded_q.tolist() == [35000, 35001, 35001, 35002]
    np.testing.assert_array_equal(spectra.jpa_resonance_hz, spectra.cavity_frequency_hz)
    np.testing.assert_array_equal(spectra.target_frequency_hz, spectra.cavity_frequency_hz)
    assert spectra.errors["loaded_q"].tolist() == [300] * 4
    assert spectra.calibration.assumed == ("line_attenuation_db",)
    assert found.settings.over(Options()).baseline == "pade"


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def table(name: str, content: str | bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = content.encode() if isinstance(content, str) else content
        (path.parent / name).write_bytes(data)

    return change


MISTAKES = {
    "another format": (replaced("cryohalo-spectra-csv", "mine"), "needed format ="),
    "no volume": (replaced("volume_m3 = 36.85e-3", ""), "missing: volume_m3"),
    "two values": (replaced("beta = 2.0\nmagnet_field_t = 12", ""),
                   "missing: values.beta, values.magnet_field_t"),
    "a name misspelt": (replaced("beta = 2.0", "bete = 2.0"), "unknown: values.bete"),
    "an error misspelt": (replaced("[errors]\nloaded_q", "[errors]\nloaded"),
                          "unknown: errors.loaded"),
    "no attenuation": (replaced("line_attenuation_db = 0.4", ""),
                       "missing: calibration.line_attenuation_db"),
    "no gain": (replaced("receiver_gain_db = 104", ""), "receiver_gain_db"),
    "a setting misspelt": (replaced("baseline =", "baselin ="), r"'baselin' \(baseline\?\)"),
    "a setting out of range": (replaced('baseline = "pade"', "window_hz = -1"),
                               "own.toml: options: window_hz is -1, must be above 0"),
    "a text": (replaced("beta = 2.0", "beta = 'two'"), "beta is 'two'"),
    "itself": (replaced("beta = 2.0", "beta = 'beta'"), "beta is 'beta'"),
    "no column": (replaced('{ column = "q" }', '{ column = "Q" }'),
                  "a column of the list: number, cavity, q"),
    "no list": (replaced('file = "runs.csv"', 'file = "none.csv"'), "none.csv"),
    "both": (replaced("version = 1", 'version = 1\ntables = ["t0.csv"]'), "either tables or"),
    "elsewhere": (replaced("t{number}.csv", "../t{number}.csv"), "no name of a file in the folder"),
    "a path": (replaced('"runs.csv"', '"/etc/passwd"'), "no name of a file in the folder"),
    "an attribute": (replaced("t{number}.csv", "t{number.real}.csv"), "list.table is"),
    "no brackets": (replaced("t{number}.csv", "t.csv"), "list.table is"),
    "not a number": (table("t1.csv", "f,p\n1,2\n2,x\n3,4\n"), "t1.csv: not a table of numbers"),
    "ragged": (table("t1.csv", "f,p\n1,2\n2\n3,4\n"), "t1.csv: not a table of numbers"),
    "uneven": (table("t1.csv", "f,p\n1,2\n2,3\n4,4\n"), "t1.csv: its frequencies do not ascend"),
    "backwards": (table("t1.csv", "f,p\n3,2\n2,3\n1,4\n"), "t1.csv: its frequencies do not ascend"),
    "empty": (table("t1.csv", ""), "t1.csv: 0 lines"),
    "a picture": (table("t1.csv", b"\x89PNG\xff\xfe"), "t1.csv: not a text"),
    "twice": (table("t1.csv", "f,p,p\n1,2,3\n2,2,3\n3,2,3\n"), "t1.csv: columns of one name: p"),
    "no power": (table("t1.csv", "f\n1\n2\n3\n"), r"columns.power_w is \[\]"),
    "a bad list": (table("runs.csv", "number,cavity,q\n0,1.1e9,high\n"), "q of t0.csv is 'high'"),
    "an empty list": (table("runs.csv", "number,cavity,q\n"), "the list has no line"),
    "beta below 0": (replaced("beta = 2.0", "beta = -2.0"), "beta of spectrum 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_by_its_name(name: str, described: Path) -> None:
    change, words = MISTAKES[name]
    change(described)
    with pytest.raises((ValueError, OSError), match=words):
        read_described(described)


def test_damaged_files_are_refused_or_read(described: Path) -> None:
    """One byte in a hundred changed: nothing but a refusal in words, or numbers, comes of it."""
    rng = random.Random(7)
    names = ["own.toml", "runs.csv", "t1.csv"]
    whole = {name: (described.parent / name).read_bytes() for name in names}
    for _ in range(300):
        name = rng.choice(names)
        data = bytearray(whole[name])
        for _ in range(max(1, len(data) // 300)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (described.parent / name).write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.2
                                              else data)  # fmt: skip
        with contextlib.suppress(ValueError, OSError):
            read_described(described)
        (described.parent / name).write_bytes(whole[name])


def test_a_limit_beside_another(noise_result: Result, tmp_path: Path) -> None:
    """A curve at twice our own limit: theirs / ours is 2."""
    own = noise_result.limit
    rows = np.stack([own.mass_ev, 2 * own.coupling_per_gev], axis=1)[noise_result.excluded]
    path = tmp_path / "theirs.txt"
    np.savetxt(path, np.vstack([[rows[0, 0], 1.0], rows]), header="theirs", fmt="%.15e")
    found = compared(noise_result, curve(str(path)))
    assert found.expected[1] == pytest.approx(2, rel=1e-3)
    assert f"at {found.points} points" in str(found)
    with pytest.raises(ValueError, match="have no point"):
        compared(noise_result, curve("quax"))
    path.write_text("# only\n4.5e-6 none\n")
    with pytest.raises(ValueError, match=r"line 2: '4.5e-6 none'"):
        curve(str(path))
