"""What survives a crash: setpoints, the physical state, the put log."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from instruments.errors import Refused
from iocs import haloscope as haloscope_ioc
from iocs.records import Put
from iocs.supervision import storage
from iocs.supervision.journal import Journal
from iocs.supervision.put_log import PutLog
from iocs.supervision.saving import Saving
from tests.iocs.driving import let_pass, start, values
from tests.iocs.plants import make

CONTENT = {"array": np.arange(3.0), "nan": float("nan"), "tuple": (1, 2), "z": [1 + 2j], "n": None}


def test_a_file_gives_back_what_was_saved_bit_by_bit(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    storage.save(path, CONTENT)
    np.testing.assert_equal(storage.load(path), CONTENT)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "file.json"
    storage.save(path, {"a": 1})
    storage.save(path, {"a": 2})
    whole = path.read_bytes()
    bad = {"cut": whole[:-3], "flipped": whole[:-2] + b"3}", "empty": b""}[damage]
    path.write_bytes(bad)
    assert storage.load(path) == {"a": 1}


def test_a_crash_while_writing_leaves_the_last_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    storage.save(path, {"a": 1})
    path.with_suffix(".new").write_bytes(b"half of someth")
    assert storage.load(path) == {"a": 1}


def test_nothing_saved_is_nothing_loaded(tmp_path: Path) -> None:
    assert storage.load(tmp_path / "file.json") is None


def test_time_goes_on_at_once_from_a_snapshot(tmp_path: Path) -> None:
    async def life(begun_s: float) -> float:
        ioc = make("haloscope", "--state-dir", str(tmp_path), "--speed", "100")
        ioc.restore()
        assert ioc.simulation.driver.machine.time_s == pytest.approx(begun_s, abs=1.0)
        await ioc.start()
        ahead_s = ioc.clock.until_due_s() * ioc.clock.speed  # before the loop's first turn
        assert ahead_s <= ioc.clock.step_s
        ioc.clock.paused = True
        await let_pass(ioc, 5000.0)
        await ioc.stop()
        return ioc.simulation.driver.machine.time_s

    ended_s = asyncio.run(life(0.0))
    asyncio.run(life(ended_s))


def test_an_ioc_comes_back_with_its_setpoints_and_its_physics(tmp_path: Path) -> None:
    async def first_life() -> dict[str, object]:
        ioc = make("haloscope", "--state-dir", str(tmp_path), "--seed", "5")
        ioc.restore()
        ioc.clock.paused = True
        put = start(ioc, "DAQ:Acquire", 1)
        await ioc.database.put("VNA:Center", 1101.0)
        await ioc.database.put("Fridge:MXC_RBV.HIGH", 0.035)
        await let_pass(ioc, 33.25)
        await ioc.stop()
        put.cancel()
        await asyncio.gather(put, return_exceptions=True)
        return values(ioc)

    async def second_life() -> dict[str, object]:
        ioc = make("haloscope", "--state-dir", str(tmp_path), "--seed", "5")
        ioc.restore()
        ioc.clock.paused = True
        await ioc.database.post()
        assert ioc.database["Fridge:MXC_RBV"].upper_warning_limit == 0.035
        assert ioc.database["DAQ:Acquire"].value == "Acquire"
        await ioc.stop()
        return values(ioc)

    before, after = asyncio.run(first_life()), asyncio.run(second_life())
    # The step that was asked for is over, not a state of the machine.
    different = {name for name in before if before[name] != after[name]}
    assert different <= {"Sim:Step"}


CHANGED = {"Fridge:MXC_RBV.HIGH": 0.035, "LO:Frequency_RBV.HIHI": 1200.0}
SEVERITY = "LO:Frequency_RBV.HHSV"
"""Its record has no such limit by default, and its name comes before the limit's."""


def test_changed_alarm_limits_live_through_every_restart(tmp_path: Path) -> None:
    async def life(first: bool) -> dict[str, object]:
        ioc = make("haloscope", "--state-dir", str(tmp_path))
        ioc.restore()
        await ioc.database.post()
        if first:
            for name, value in CHANGED.items():
                await ioc.database.put(name, value)
            await ioc.database.put(SEVERITY, "MINOR")
        found = {name: ioc.database[name] for name in (*CHANGED, SEVERITY)}
        for channel in found.values():
            await channel.process(0.0)
        await ioc.stop()
        return {name: channel.value for name, channel in found.items()}

    wanted = {**CHANGED, SEVERITY: "MINOR"}
    assert [asyncio.run(life(number == 0)) for number in range(3)] == [wanted] * 3


def test_a_snapshot_of_another_model_is_not_used(tmp_path: Path) -> None:
    storage.save(tmp_path / "snapshot.json", {"time_s": 1.0, "machine": {"parameters": "other"}})
    ioc = make("amrr", "--state-dir", str(tmp_path))
    ioc.restore()
    assert ioc.plant.machine.time_s == 0.0
    assert (tmp_path / "snapshot.bad").exists()


@pytest.mark.parametrize("other", [("--seed", "6"), ("--parameters", "other.toml")])
def test_a_snapshot_of_another_seed_or_model_is_refused_aloud(
    tmp_path: Path, other: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other.toml").write_text("[rod]\nsettle_s = 0.3\n")
    option, value = other[0], other[1] if other[0] == "--seed" else str(tmp_path / other[1])

    async def story() -> None:
        first = make("haloscope", "--state-dir", str(tmp_path))
        first.restore()
        first.clock.paused = True
        await let_pass(first, 3.0)
        await first.stop()
        second = make("haloscope", "--state-dir", str(tmp_path), option, value)
        second.restore()
        assert second.plant.machine.time_s == 0.0
        await second.stop()

    asyncio.run(story())
    assert "snapshot.json is not used" in caplog.text


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_half_a_snapshot_leaves_the_machine_as_it_was(tmp_path: Path, name: str) -> None:
    ioc = make(name, "--state-dir", str(tmp_path))
    machine = ioc.plant.machine
    fresh = machine.state()
    damaged = make(name).plant.machine
    damaged.step(5 * damaged.dt_s)
    for key in sorted(fresh):
        storage.save(tmp_path / "snapshot.json", {"machine": {**damaged.state(), key: None}})
        ioc.restore()
        np.testing.assert_equal(machine.state(), fresh, err_msg=key)


def test_files_are_written_in_a_thread_and_errors_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = [True]
    save = storage.save
    writers: list[threading.Thread] = []

    def watched(path: Path, content: object, mark: str = "") -> None:
        writers.append(threading.current_thread())
        if full[0]:
            raise OSError("disk full")
        save(path, content, mark)

    monkeypatch.setattr(storage, "save", watched)

    async def story() -> None:
        ioc = make("haloscope", "--state-dir", str(tmp_path))
        assert ioc.store is not None
        for full[0] in (True, True, False):
            await ioc.store.begin()
            assert ("disk full" in ioc.saving.error) is full[0]
        assert ioc.saving.error == ""

    asyncio.run(story())
    assert len(writers) == 6
    assert threading.main_thread() not in writers
    assert storage.load(tmp_path / "snapshot.json") is not None
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_saved_setpoint_that_no_longer_fits_is_refused_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage.save(tmp_path / "setpoints.json", {"VNA:Center": 1e9, "Gone": 1, "VNA:Averages": 3})
    ioc = make("haloscope", "--state-dir", str(tmp_path))
    ioc.restore()
    centre, gone = (record.getMessage() for record in caplog.records)
    left_out = "setpoints.json: VNA:Center is left out: VNA:Center = 1000000000 MHz is outside"
    assert left_out in centre
    assert "Gone is left out: there is no such record" in gone
    assert ioc.plant.machine.vna.averages == 3


def test_every_put_is_logged_with_who_from_where_old_and_new(tmp_path: Path) -> None:
    async def story() -> None:
        ioc = make("haloscope", "--state-dir", str(tmp_path))
        await ioc.database.post()
        channel = ioc.database["VNA:Averages"]
        await ioc.database.put_from_wire(channel, [b"4"], 0, "ann@desk1", ("10.0.0.7", 4242))
        with pytest.raises(Refused):
            await ioc.database.put("VNA:Averages", 0)
        ioc.put_log.close()

    asyncio.run(story())
    lines = [json.loads(line) for line in (tmp_path / "puts.log").read_text().splitlines()]
    done, refused = lines
    assert (done["pv"], done["old"], done["new"]) == ("VNA:Averages", 1, 4)
    assert (done["client"], done["address"]) == ("ann@desk1", "10.0.0.7:4242")
    assert done["sim_time_s"] == 0.0
    assert "outside 1 to 9999" in refused["refused"]


def test_no_other_user_may_read_what_is_kept(tmp_path: Path) -> None:
    storage.save(tmp_path / "snapshot.json", {"truth": 42.0})
    log = PutLog(tmp_path, lambda: 0.0)
    log([Put("A", 1.0, 2.0, "", "")])
    log.close()
    journal = Journal(tmp_path, lambda: 0.0, Saving())
    journal.accepted("A", 2.0)
    journal.close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes) == {"snapshot.json", "puts.log", "journal-000000000001.log"}
    assert set(modes.values()) == {0o600}


def test_a_folder_of_the_other_machine_is_refused_and_left_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life() -> None:
        ioc = make("amrr", "--state-dir", str(tmp_path))
        ioc.restore()
        await ioc.start()
        await ioc.stop()

    asyncio.run(life())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr("iocs.ioc.serve", lambda *_, **__: pytest.fail("it serves"))
    assert haloscope_ioc.run(["--state-dir", str(tmp_path), "--port", "1"]) == 2
    assert "keeps the state of another machine" in capsys.readouterr().err
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"}
    assert after == before
