"""Traces from files of others: read as they are, and each mistake told in words."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cryohalo import cli
from haloscope.measuring.trace_files import read_trace
from tests.physics.haloscope.measuring.traces import (
    LOADED_Q,
    NU0_HZ,
    WIDTH_HZ,
    Line,
    frequencies,
    reflected,
    transmitted,
)

NU = frequencies()
S11 = Line().through(NU, reflected(NU, 2.0))
S21 = Line().through(NU, transmitted(NU))


def lines(*columns: np.ndarray) -> str:
    rows = np.stack(columns, axis=1)
    return "\n".join(" ".join(f"{value:.12g}" for value in row) for row in rows) + "\n"


def of_one_port(s: np.ndarray = S11) -> str:
    return "! made\n# Hz S RI R 50\n" + lines(NU, s.real, s.imag)


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ("# Hz S RI R 50", (NU, S11.real, S11.imag)),
        ("# GHz S MA R 50", (NU * 1e-9, abs(S11), np.degrees(np.angle(S11)))),
        ("# mhz S db R 50", (NU * 1e-6, 20 * np.log10(abs(S11)), np.degrees(np.angle(S11)))),
    ],
)
def test_every_form_of_touchstone_is_one_trace(
    options: str, columns: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    (tmp_path / "t.s1p").write_text(f"{options}\n{lines(*columns)}")
    trace = read_trace(tmp_path / "t.s1p")
    assert trace.name == "S11"
    np.testing.assert_allclose(trace.frequency_hz, NU, rtol=1e-11)
    np.testing.assert_allclose(trace.s, S11, rtol=1e-8)


def test_two_ports_come_in_touchstone_s_own_order(tmp_path: Path) -> None:
    """Of two ports version 1 has S11 S21 S12 S22."""
    four = [S11, S21, 2 * S21, 3 * S11]
    columns = [part for s in four for part in (s.real, s.imag)]
    (tmp_path / "t.s2p").write_text("# Hz S RI R 50\n" + lines(NU, *columns))
    for which, s in zip(("11", "21", "12", "22"), four, strict=True):
        np.testing.assert_allclose(read_trace(tmp_path / "t.s2p", which).s, s, rtol=1e-8)
    assert read_trace(tmp_path / "t.s2p").name == "S21"


def test_csv_is_the_same_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "# made\nfrequency_hz,re,im\n" + lines(NU, S11.real, S11.imag).replace(" ", ",")
    )
    np.testing.assert_allclose(read_trace(path).s, S11, rtol=1e-9)
    db, deg = 20 * np.log10(abs(S11)), np.degrees(np.angle(S11))
    path.write_text("frequency_hz,db,deg\n" + lines(NU, db, deg).replace(" ", ","))
    np.testing.assert_allclose(read_trace(path).s, S11, rtol=1e-8)
    path.write_text("frequency_hz,db\n" + lines(NU, db).replace(" ", ","))
    np.testing.assert_allclose(read_trace(path).s, abs(S11), rtol=1e-8)


MISTAKES = {
    "t.s1p": {
        "": "no line of options",
        "hello\n": "no line of options",
        "# Hz S RI R 50\n": "points, needed 2|no Touchstone file",
        "# Hz S RI R 50\n1e9 0.1\n2e9 0.1 0.1\n": "no Touchstone file|points",
        "# Hz S RI R 50\n1e9 a b\n": "no Touchstone file",
        "# Hz S RI R 50\n1e9 nan 0\n2e9 0 0\n": "point 1 is no number",
        "# Hz S RI R 50\n2e9 0 0\n1e9 0 0\n": "do not ascend",
        "[Version] 2.0\n# Hz S RI R 50\n[Number of Ports] 100000\n": "of 100000 ports",
        "[Number of Ports] many\n# Hz S RI R 50\n": "number of ports is 'many'",
    },
    "t.csv": {
        "": "its header is ''",
        "f,re,im\n1,2,3\n": "its header is 'f,re,im'",
        "frequency_hz,re,im\n1,2\n": "columns under 3 headers|not a table",
        "frequency_hz,re,im\n1,2,x\n": "not a table of numbers",
        "frequency_hz,db\n1,9e9\n2,0\n": "point 1 is no number",
    },
}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [(name, text, words) for name, cases in MISTAKES.items() for text, words in cases.items()],
)
def test_a_mistake_is_told(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        read_trace(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


def test_other_files_and_parameters_are_refused(tmp_path: Path) -> None:
    for name in ("t.s4p", "t.npy", "t"):
        with pytest.raises(ValueError, match="needed a file that ends in"):
            read_trace(tmp_path / name)
    (tmp_path / "t.s1p").write_text(of_one_port())
    with pytest.raises(ValueError, match="has no S21"):
        read_trace(tmp_path / "t.s1p", "21")
    with pytest.raises(ValueError, match="S31: needed 11"):
        read_trace(tmp_path / "t.s1p", "31")
    (tmp_path / "t.s1p").write_bytes(b"\x80\xff\xfe")
    with pytest.raises(ValueError, match="not a text"):
        read_trace(tmp_path / "t.s1p")
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "none.s1p")


def test_damaged_touchstone_is_refused_or_read(tmp_path: Path) -> None:
    rng = random.Random(3)
    two = [part for s in (S11, S21, S21, S11) for part in (s.real, s.imag)]
    whole = {"t.s1p": of_one_port(), "t.s2p": "# GHz S MA R 50\n" + lines(NU, *two)}
    whole["t.ts"] = "[Version] 2.0\n# Hz S RI R 50\n[Number of Ports] 1\n[Network Data]\n" + lines(
        NU, S11.real, S11.imag
    )
    assert read_trace_of(tmp_path, "t.ts", whole["t.ts"].encode())
    for _ in range(200):
        name = rng.choice(list(whole))
        data = bytearray(whole[name].encode())
        for _ in range(rng.choice((1, 5, 50))):
            data[rng.randrange(min(len(data), rng.choice((80, 10**6))))] = rng.randrange(256)
        with contextlib.suppress(ValueError):
            read_trace_of(tmp_path, name, bytes(data))


def read_trace_of(folder: Path, name: str, data: bytes) -> bool:
    (folder / name).write_bytes(data)
    return bool(read_trace(folder / name).frequency_hz.size)


def values(*arguments: str) -> dict[str, dict[str, float]]:
    done = CliRunner().invoke(cli.app, ["trace", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, dict[str, float]] = json.loads(done.output)["values"]
    return found


def test_the_command_fits_a_cavity_an_amplifier_and_a_line(tmp_path: Path) -> None:
    noise = np.random.default_rng(5)

    def write(name: str, nu: np.ndarray, s: np.ndarray) -> str:
        s = s + 1e-3 * abs(s).max() * (
            noise.standard_normal(s.size) + 1j * noise.standard_normal(s.size)
        )
        (tmp_path / name).write_text("# Hz S RI R 50\n" + lines(nu, s.real, s.imag))
        return str(tmp_path / name)

    cavity = values(write("cavity.s1p", NU, S11))
    assert cavity["beta"]["value"] == pytest.approx(2, abs=5 * cavity["beta"]["error"])
    near = pytest.approx(NU0_HZ, abs=5 * cavity["cavity_frequency_hz"]["error"])
    assert cavity["cavity_frequency_hz"]["value"] == near
    through = values(write("through.s1p", NU, S21), "--as", "transmission")
    assert through["loaded_q"]["value"] == pytest.approx(LOADED_Q, rel=0.01)
    nu = NU0_HZ + np.linspace(-1e6, 1e6, 401)
    gain = 1 + 99 / (1 + (2 * (nu - NU0_HZ) / 200e3) ** 2)
    on, off = write("on.s1p", nu, np.sqrt(gain) + 0j), write("off.s1p", nu, np.ones(401) + 0j)
    amplifier = values(on, "--as", "gain", "--reference", off)
    assert amplifier["jpa_gain_peak_db"]["value"] == pytest.approx(20, abs=0.05)
    assert amplifier["jpa_bandwidth_hz"]["value"] == pytest.approx(200e3, rel=0.01)
    full = write("full.s1p", nu, 10 ** (-0.8 / 20) * np.ones(401) + 0j)
    line = values(full, "--as", "attenuation", "--reference", off)
    assert line["line_attenuation_db"]["value"] == pytest.approx(0.4, abs=0.002)


def test_what_cannot_be_fitted_is_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.s1p"
    path.write_text(of_one_port())
    with pytest.raises(ValueError, match=r"t.s1p, S11 as gain: needed --reference"):
        CliRunner().invoke(cli.app, ["trace", str(path), "--as", "gain"], catch_exceptions=False)
    flat = 1 + 1e-3 * np.random.default_rng(1).standard_normal(NU.size)
    path.write_text(of_one_port(flat + 0j))
    with pytest.raises(ValueError, match=r"t.s1p, S11 as reflection: "):
        CliRunner().invoke(cli.app, ["trace", str(path)], catch_exceptions=False)


def test_a_trace_that_the_model_does_not_describe_ends_with_3(tmp_path: Path) -> None:
    """A second resonance, a fifth as high, in the first one's flank."""
    second = 0.2 * transmitted(NU, NU0_HZ + 1.5 * WIDTH_HZ)
    noise = np.random.default_rng(2).standard_normal((2, NU.size)) * 1e-4
    (tmp_path / "t.s1p").write_text(of_one_port(S11 + second + noise[0] + 1j * noise[1]))
    done = CliRunner().invoke(cli.app, ["trace", str(tmp_path / "t.s1p")])
    assert done.exit_code == 3
    assert "loaded_q" in done.output


def test_without_scikit_rf_the_message_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "t.s1p").write_text(of_one_port())
    program = (
        "import sys; sys.modules['skrf'] = None\n"
        "from haloscope.measuring.trace_files import read_trace\n"
        "try:\n    read_trace(sys.argv[1])\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "t.s1p")],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "pip install cryohalo[touchstone]" in done.stdout


def test_a_file_of_any_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "t.s1p").open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(OSError, match="more than 20000000 bytes"):
        read_trace(tmp_path / "t.s1p")
