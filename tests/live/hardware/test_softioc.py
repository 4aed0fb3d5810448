"""Devices and plans in front of EPICS base's softIoc: the least set, under a laboratory's names."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ophyd import EpicsSignal
from typer.testing import CliRunner

from cryohalo.cli import app
from cryohalo.processes.addresses import wait_served
from tests.live.against_base import softioc
from tests.plans.haloscope.table import STEPS, Y_FACTOR

FILE = Path(__file__).parent / "lab.toml"
PREFIX = "LAB:"
PATIENCE_S = 20.0


class Laboratory:
    """A softIoc that can be ended and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        from cryohalo.hardware.file import read_hardware
        from cryohalo.hardware.pictures import Pictures
        from cryohalo.hardware.softioc import database

        self.folder, self.port = folder, port
        hardware = read_hardware(FILE)
        pictures = Pictures(hardware.description("haloscope"), STEPS)
        self.database = folder / "lab.db"
        self.database.write_text(
            database("haloscope", hardware.laboratory("haloscope", PREFIX), pictures)
        )
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = softioc.start(self.database, self.port, self.folder / "lab.log")
        wait_served(["BL:ROD:POS"], self.port)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)


@pytest.fixture(scope="module")
def laboratory(pool: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    port = pool.ports.pop(0)
    found = Laboratory(tmp_path_factory.mktemp("softioc"), port)
    found.start()
    yield found
    found.kill()
    pool.ports.append(port)


@pytest.fixture(scope="module")
def session(laboratory: Laboratory) -> Iterator[Any]:
    from cryohalo.session import Session

    runs = laboratory.folder / "runs"
    with Session.open(runs, halo_prefix=PREFIX, hardware=FILE) as opened:
        yield opened


@pytest.fixture
def put(laboratory: Laboratory, epics_base: Callable[..., Any]) -> Callable[..., str]:
    """A put by another client: EPICS base's caput."""

    def caput(*arguments: str) -> str:
        done = epics_base("caput", "-t", *arguments)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return caput


def test_numbers_units_limits_and_states_are_ours(session: Any, put: Callable[..., str]) -> None:
    haloscope = session.haloscope
    put("BL:ROD:POS", "35000")
    assert haloscope.rod.where() == pytest.approx(35.0)
    assert haloscope.rod.limits == pytest.approx((20.0, 60.0))
    assert haloscope.rod.describe()["haloscope_rod"]["units"] == "deg"
    put("LS372:T6", "31.5")
    assert haloscope.fridge.mxc.get(use_monitor=False) == pytest.approx(0.0315)
    haloscope.settings.set({"vna_center": 1100.02, "jpa_pump": "On"}).wait(PATIENCE_S)
    assert haloscope.vna.center.get() == pytest.approx(1100.02)
    assert haloscope.jpa.pump.get() == "On"
    raw = [EpicsSignal(name, name="raw", string=True) for name in ("ZNB:CENT", "SGS:OUT")]
    for signal in raw:
        signal.wait_for_connection(timeout=PATIENCE_S)
    assert float(raw[0].get()) == pytest.approx(1.10002e9)
    assert raw[1].get() == "ON"
    for signal in raw:
        signal.destroy()


@pytest.mark.parametrize(
    ("path", "places"),
    [("rod", (36.0, 35.5)), ("antenna", (5.5, 4.5)), ("magnet.field", (11.0, 12.0))],
)
def test_a_move_ends_where_it_was_sent(
    session: Any, path: str, places: tuple[float, float]
) -> None:
    """By a put that completes (rod), and by the readback (antenna, field)."""
    mover = session.haloscope
    for name in path.split("."):
        mover = getattr(mover, name)
    for place in places:
        mover.set(place).wait(PATIENCE_S)
        assert mover.where() == pytest.approx(place, abs=mover.reach)


def test_a_type_that_pyepics_has_wrong_does_no_harm(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its constructor may overwrite the type that the connection has found, on another thread."""
    daq = session.haloscope.daq
    monkeypatch.setattr(daq.counter._read_pv, "ftype", 13)
    before = daq.counter.get(use_monitor=False)
    daq.trigger().wait(PATIENCE_S)
    assert daq.counter.get(use_monitor=False) == before + 1


def test_a_check_finds_what_is_wrong(laboratory: Laboratory, tmp_path: Path) -> None:
    good = CliRunner().invoke(app, ["hardware", "check", str(FILE), "--halo-prefix", PREFIX])
    assert good.exit_code == 0, good.output
    assert "42 of the 42 PVs of the least set are there" in good.output
    assert "refuses y_factor: there is no NoiseSource:Temp, NoiseSource:Temp_RBV" in good.output
    bad = tmp_path / "bad.toml"
    text = FILE.read_text()
    for old, new in {
        '"PS1:B", unit = "G", factor = 1e-4': '"PS1:B", unit = "mT", factor = 1e-3',
        '"BL:ANT:POS"': '"BL:ANT:NOWHERE"',
        '"DIG:COUNT"': '"DIG:PSD"',
        'Off = "OFF"': 'Off = "AUS"',
        '"Magnet:Quench_RBV", ': "",
    }.items():
        assert old in text
        text = text.replace(old, new)
    bad.write_text(text)
    arguments = ["hardware", "check", str(bad), "--halo-prefix", PREFIX, "--wait", "2"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 1
    for words in (
        "PS1:B  counts in G, not in mT",
        "BL:ANT:NOWHERE  not found",
        "LAB:Magnet:Quench_RBV  not found, and it guards",
        "SGS:OUT  has no state AUS among OFF, ON",
        "DIG:PSD  is no whole number but an array of 1200",
    ):
        assert words in found.output


def test_a_stopped_move_says_so(session: Any) -> None:
    from devices.waiting.status import NotReachedError

    antenna = session.haloscope.antenna
    antenna.set(5.0).wait(PATIENCE_S)
    status = antenna.set(0.0)
    antenna.stop()
    with pytest.raises(NotReachedError, match="asked for 0 mm"):
        status.wait(PATIENCE_S)
    antenna.set(5.0).wait(PATIENCE_S)


def test_a_scan_of_three_steps(session: Any, laboratory: Laboratory, tmp_path: Path) -> None:
    from plans.haloscope.scan import scan

    plan = scan(session.haloscope, STEPS, averages=1000, calibration=Y_FACTOR)
    (run,) = session.run(plan)
    documents = list(run.documents())
    names = [name for name, _ in documents]
    assert names == ["start", "descriptor", "event", "event", "event", "stop"]
    start, stop = documents[0][1], documents[-1][1]
    assert stop["exit_status"] == "success"
    assert start["unwatched"]["haloscope"][0].startswith("LAB:Magnet:Quench_RBV")
    events = [document["data"] for name, document in documents if name == "event"]
    for event, target in zip(events, STEPS, strict=True):
        assert event["haloscope_measured_cavity_frequency"] == pytest.approx(target, abs=1e-3)
        assert event["haloscope_measured_beta"] == pytest.approx(2.0, abs=0.05)
        assert event["haloscope_measured_jpa_gain"] == pytest.approx(20.0, abs=0.4)
        assert event["haloscope_magnet_field"] == pytest.approx(12.0, abs=0.01)
        assert event["haloscope_fridge_mxc"] < 0.05
        assert not any("sim_" in key or "still" in key for key in event)
    rods = [event["haloscope_rod"] for event in events]
    assert len(set(rods)) == 3
    arguments = [
        "--catalog",
        str(laboratory.folder / "runs"),
        "--output",
        str(tmp_path / "reports"),
    ]
    analyzed = CliRunner().invoke(app, ["analyze", start["uid"][:8], *arguments])
    assert analyzed.exit_code == 0, analyzed.output
    assert "verdict: all 3 spectra used" in analyzed.output


def test_a_plan_that_needs_what_there_is_not_refuses_by_name(session: Any) -> None:
    from devices.hardware.absent import AbsentError
    from plans.haloscope.calibration import y_factor

    before, runs = session.haloscope.settings.read(), len(session.catalog)
    with pytest.raises(AbsentError, match=r"y_factor needs .*: LAB:NoiseSource:Temp, "):
        session.run(y_factor(session.haloscope, 1100.0))
    assert len(session.catalog) == runs
    after = session.haloscope.settings.read()
    assert {k: v["value"] for k, v in before.items()} == {k: v["value"] for k, v in after.items()}


def test_a_guard_that_is_not_there_must_be_stated(laboratory: Laboratory) -> None:
    from cryohalo.hardware.file import read_hardware
    from devices.haloscope import Haloscope
    from devices.hardware.aliases import Laboratory as Aliases

    known = read_hardware(FILE).laboratory("haloscope", PREFIX)
    assert known is not None
    stated = Aliases(PREFIX, known.aliases, known.absent - {"Magnet:Quench_RBV"})
    device = Haloscope(PREFIX, name="haloscope", laboratory=stated, description="any")
    try:
        with pytest.raises(TimeoutError, match=r"LAB:Magnet:Quench_RBV.*must say so: absent ="):
            device.connect(PATIENCE_S)
    finally:
        device.destroy()


def test_a_lost_ioc_holds_the_plan_which_goes_on_when_it_is_back(
    session: Any, laboratory: Laboratory, caplog: pytest.LogCaptureFixture
) -> None:
    from plans.haloscope.scan import scan

    engine, lost, back = session.run_engine, threading.Event(), threading.Event()

    def end_the_ioc(name: str, document: Any) -> None:
        if name == "event" and not lost.is_set():
            lost.set()
            laboratory.kill()

    def restart(state: str, _: str) -> None:
        if lost.is_set() and not back.is_set() and state in ("suspending", "paused"):
            back.set()
            threading.Thread(target=laboratory.start, daemon=True).start()

    engine.subscribe(end_the_ioc)
    engine.state_hook = restart
    with caplog.at_level(logging.INFO):
        (run,) = session.run(scan(session.haloscope, STEPS, averages=1000, calibration=Y_FACTOR))
    engine.state_hook = None
    assert lost.is_set()
    assert back.is_set()
    documents = list(run.documents())
    targets = [
        document["data"]["haloscope_measured_target_frequency"]
        for name, document in documents
        if name == "event"
    ]
    assert targets == STEPS
    assert documents[-1][1]["exit_status"] == "success"
