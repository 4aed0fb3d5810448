"""Rule 5.

Motor records complete their puts when the move ends, and their fields agree with each other.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from instruments.errors import Refused
from iocs.records import Database
from iocs.supervision.simulation import Simulation
from pvdb.parts.clock import SimClock
from pvdb.parts.motor import MotorRecord
from pvdb.parts.motor_axis import MotorSettings
from pvdb.parts.motor_fields import motor_records
from pvdb.parts.motor_status import Bits
from tests.iocs.conftest import Bench, Run, monitor
from tests.iocs.plants import make
from tests.iocs.toy import Toy

SETTINGS = MotorSettings(
    name="Rod",
    description="Tuning rod",
    units="mm",
    precision=4,
    resolution=0.001,
    max_velocity=2.0,
    acceleration_s=0.1,
    deadband=0.001,
)


class MotorBench(Bench):
    def __init__(self) -> None:
        self.toy = Toy()
        self.puts = []
        self.lock = ""
        self.motor = MotorRecord(
            self.toy.axis, SETTINGS, lambda: self.toy.time_s, lambda: self.lock
        )
        self.database = Database(motor_records(self.motor), "TOY:", on_put=self.puts.append)
        self.clock = SimClock(self.toy)
        self.clock.paused = True
        self.simulation = Simulation(self.toy, self.clock, self.database, (self.motor.process,))

    def __getitem__(self, field: str) -> Any:
        return self.database[f"Rod.{field}"].value if field != "VAL" else self.database["Rod"].value

    async def put(self, field: str, value: Any) -> None:
        await self.database.put("Rod" if field == "VAL" else f"Rod.{field}", value)

    def start(self, field: str, value: Any) -> asyncio.Task[None]:
        return asyncio.create_task(self.put(field, value))


@pytest.fixture
def rod() -> MotorBench:
    return MotorBench()


def test_a_put_completes_when_the_move_has_ended_and_rbv_is_there(
    rod: MotorBench, run: Run
) -> None:
    async def story() -> None:
        await rod.database.post()
        move = rod.start("VAL", 2.0)
        await rod.let_pass(1.0)
        assert not move.done()
        assert (rod["DMOV"], rod["MOVN"], rod["VAL"]) == (0, 1, 2.0)
        assert rod["RBV"] == pytest.approx(1.0)
        assert int(rod["MSTA"]) & Bits.MOVING
        done = await monitor(rod.database["Rod.DMOV"])
        await rod.let_pass(1.5)
        await move
        assert (rod["DMOV"], rod["MOVN"], rod["RBV"]) == (1, 0, 2.0)
        assert done.values() == [1]
        assert int(rod["MSTA"]) & Bits.DONE

    run(story())


def test_a_short_move_still_shows_dmov_going_down(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.database.post()
        done = await monitor(rod.database["Rod.DMOV"])
        move = rod.start("VAL", 0.01)
        await rod.let_pass(0.1)
        await move
        assert done.values() == [0, 1]

    run(story())


def test_dmov_goes_down_and_up_even_if_the_axis_is_there_already(rod: MotorBench, run: Run) -> None:
    rod.toy.axis.move_to = lambda _: None  # type: ignore[method-assign]

    async def story() -> None:
        await rod.database.post()
        done = await monitor(rod.database["Rod.DMOV"])
        move = rod.start("VAL", 0.0)
        await rod.let_pass(0.1)
        await move
        assert done.values() == [0, 1]

    run(story())


def test_a_motion_has_not_ended_at_the_moment_of_its_start(rod: MotorBench) -> None:
    """Guards look after a put, too; an axis that is there already must not seem done then."""
    axis, motor = rod.toy.axis, rod.motor
    axis.move_to = lambda _: None  # type: ignore[method-assign]
    motor.move(0.0)
    motor.process()
    assert (motor.at_rest(), motor.motion.moving()) == (False, True)
    rod.toy.time_s += 0.1
    motor.process()
    assert (motor.at_rest(), motor.motion.moving()) == (True, False)


def test_a_put_of_the_present_position_completes(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 0.0)
        await rod.let_pass(0.2)
        await move

    run(story())


def test_stop_ends_the_move_and_val_becomes_rbv(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 5.0)
        await rod.let_pass(1.0)
        stop = rod.start("STOP", 1)
        await rod.let_pass(0.2)
        await asyncio.gather(move, stop)
        assert rod["VAL"] == rod["RBV"] == pytest.approx(1.0)
        assert (rod["DMOV"], rod["STOP"]) == (1, 0)

    run(story())


@pytest.mark.parametrize("target", [10.1, -10.1, float("nan")])
def test_a_target_beyond_the_limits_is_refused(rod: MotorBench, run: Run, target: float) -> None:
    async def story() -> None:
        await rod.database.post()
        with pytest.raises(Refused):
            await rod.put("VAL", target)
        await rod.let_pass(0.5)
        assert (rod["VAL"], rod["RBV"], rod["DMOV"]) == (0.0, 0.0, 1)
        assert rod["LVIO"] == (0 if target != target else 1)

    run(story())


def test_a_good_move_clears_the_limit_violation(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        with pytest.raises(Refused):
            await rod.put("VAL", 99.0)
        move = rod.start("VAL", 0.5)
        await rod.let_pass(1.0)
        await move
        assert rod["LVIO"] == 0

    run(story())


def test_limits_agree_wherever_they_are_told(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.put("HLM", 4.0)
        await rod.database.post()
        channel = rod.database["Rod"]
        assert (channel.lower_ctrl_limit, channel.upper_ctrl_limit) == (-10.0, 4.0)
        assert (rod["HLM"], rod["DHLM"], rod["LLM"], rod["DLLM"]) == (4.0, 4.0, -10.0, -10.0)
        assert rod.motor.frame.high == 4.0
        with pytest.raises(Refused, match=r"outside -10 to 4 mm"):
            await rod.put("VAL", 4.5)
        with pytest.raises(Refused, match=r"high limit \(dial\) = 99 mm is outside -10 to 10 mm"):
            await rod.put("HLM", 99.0)

    run(story())


def test_offset_and_direction_turn_dial_into_user_positions(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.put("DIR", "Neg")
        await rod.put("OFF", 1.0)
        move = rod.start("VAL", 3.0)
        await rod.let_pass(3.0)
        await move
        assert rod["RBV"] == pytest.approx(3.0)
        assert rod["DRBV"] == pytest.approx(-2.0)
        assert (rod["LLM"], rod["HLM"]) == (-9.0, 11.0)

    run(story())


def test_set_mode_calls_the_present_position_by_a_new_name(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.put("SET", "Set")
        await rod.put("VAL", 25.0)
        await rod.put("SET", "Use")
        await rod.database.post()
        assert (rod["RBV"], rod["VAL"], rod["OFF"], rod["DRBV"]) == (25.0, 25.0, 25.0, 0.0)
        assert rod["DMOV"] == 1

    run(story())


def test_a_move_shorter_than_a_post_is_seen_to_begin_and_end(
    rod: MotorBench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posting gives way to other tasks; the machine must not use that to end the move."""

    async def story() -> None:
        done = await monitor(rod.database["Rod.DMOV"])
        process = rod.database["Rod"].process

        async def slowly(now: float) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            await process(now)

        monkeypatch.setattr(rod.database["Rod"], "process", slowly)
        rod.clock.paused, rod.clock.speed = False, 0.0
        driving = asyncio.create_task(rod.simulation.run())
        await rod.put("VAL", 0.001)
        driving.cancel()
        assert done.values() == [0, 1]

    run(story())


def test_a_second_put_redirects_and_both_complete_at_rest(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        first = rod.start("VAL", 5.0)
        await rod.let_pass(0.5)
        second = rod.start("VAL", -1.0)
        await rod.let_pass(0.5)
        assert not first.done()
        await rod.let_pass(2.0)
        await asyncio.gather(first, second)
        assert rod["RBV"] == -1.0

    run(story())


def test_tweak_home_and_pause(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        await rod.put("TWV", 0.5)
        tweak = rod.start("TWF", 1)
        await rod.let_pass(1.0)
        await tweak
        assert rod["RBV"] == 0.5
        move = rod.start("VAL", 2.0)
        await rod.let_pass(0.5)
        await rod.put("SPMG", "Pause")
        await rod.let_pass(1.0)
        assert not move.done()
        assert rod["RBV"] == pytest.approx(1.0)
        await rod.put("SPMG", "Go")
        await rod.let_pass(1.5)
        await move
        assert rod["RBV"] == 2.0
        home = rod.start("HOMR", 1)
        await rod.let_pass(13.0)
        await home
        assert rod["RBV"] == rod["VAL"] == -10.0
        assert int(rod["MSTA"]) & Bits.HOMED

    run(story())


def test_a_pause_at_rest_leaves_it_done(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 0.5)
        await rod.let_pass(1.0)
        await move
        await rod.put("SPMG", "Pause")
        await rod.let_pass(0.2)
        assert (rod["DMOV"], rod["MOVN"]) == (1, 0)
        await rod.put("SPMG", "Go")
        assert (rod["DMOV"], rod["VAL"]) == (1, 0.5)

    run(story())


def test_a_paused_move_that_may_not_go_on_stays_paused(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        move = rod.start("VAL", 2.0)
        await rod.let_pass(0.5)
        await rod.put("SPMG", "Pause")
        rod.lock = "digitizing"
        with pytest.raises(Refused, match="digitizing"):
            await rod.put("SPMG", "Go")
        await rod.let_pass(0.2)
        assert (rod["SPMG"], rod["DMOV"]) == ("Pause", 0)
        rod.lock = ""
        await rod.put("SPMG", "Go")
        await rod.let_pass(3.0)
        await move
        assert rod["RBV"] == 2.0

    run(story())


@pytest.mark.parametrize("jog", ["JOGF", "JOGR"])
def test_the_end_of_a_jog_stops_that_jog_and_no_other_motion(
    rod: MotorBench, run: Run, jog: str
) -> None:
    other = "JOGR" if jog == "JOGF" else "JOGF"

    async def story() -> None:
        puts = [rod.start("VAL", 2.0)]
        await rod.let_pass(0.5)
        puts.append(rod.start(jog, 0))
        await rod.let_pass(0.1)
        assert (rod["MOVN"], rod["VAL"]) == (1, 2.0)
        await rod.let_pass(3.0)
        await asyncio.gather(*puts)
        puts = [rod.start(jog, 1)]
        await rod.let_pass(1.0)
        puts.append(rod.start(other, 0))
        await rod.let_pass(0.1)
        assert (rod["MOVN"], rod[jog], rod["VAL"]) == (1, 1, 2.0)
        puts.append(rod.start(jog, 0))
        await rod.let_pass(0.5)
        await asyncio.gather(*puts)
        assert (rod["MOVN"], rod[jog]) == (0, 0)
        assert rod["VAL"] == rod["RBV"] != 2.0

    run(story())


def test_an_interlock_keeps_it_where_it_is(rod: MotorBench, run: Run) -> None:
    rod.lock = "digitizing"

    async def story() -> None:
        with pytest.raises(Refused, match="Rod: digitizing"):
            await rod.put("VAL", 1.0)

    run(story())


def test_what_waits_for_go_is_refused_there_by_an_interlock_and_goes_on_waiting(
    rod: MotorBench, run: Run
) -> None:
    rod.lock = "digitizing"

    async def story() -> None:
        await rod.put("SPMG", "Pause")
        puts = [rod.start("VAL", 2.0)]
        await rod.let_pass(0.2)
        with pytest.raises(Refused, match="Rod: digitizing"):
            await rod.put("SPMG", "Move")
        assert (rod["SPMG"], rod["VAL"], rod["DMOV"]) == ("Pause", 2.0, 0)
        rod.lock = ""
        await rod.put("SPMG", "Go")
        await rod.let_pass(3.0)
        await asyncio.gather(*puts)
        assert rod["RBV"] == 2.0

    run(story())


def test_a_target_that_may_not_follow_a_home_search_is_forgotten(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        puts = [rod.start("HOMF", 1)]
        await rod.let_pass(1.0)
        puts.append(rod.start("VAL", 2.0))
        await rod.let_pass(1.0)
        rod.lock = "digitizing"
        await rod.let_pass(20.0)
        await asyncio.gather(*puts)
        assert rod["VAL"] == rod["RBV"] == -10.0

    run(story())


def test_retries_that_all_end_short_are_a_miss_until_a_move_arrives(
    rod: MotorBench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = rod.toy.axis
    to = axis.move_to

    async def story() -> None:
        await rod.put("RTRY", 2)
        monkeypatch.setattr(axis, "move_to", lambda target: to(0.5 * (axis.position + target)))
        move = rod.start("VAL", 4.0)
        await rod.let_pass(2.5)
        assert (rod["RCNT"], rod["MISS"], rod["DMOV"]) == (1, 0, 0)
        await rod.let_pass(9.0)
        await move
        assert rod["RBV"] == 3.5
        assert (rod["RCNT"], rod["MISS"], rod["DMOV"]) == (3, 1, 1)
        monkeypatch.setattr(axis, "move_to", to)
        move = rod.start("VAL", 4.0)
        await rod.let_pass(2.0)
        await move
        assert (rod["RCNT"], rod["MISS"], rod["RBV"]) == (0, 0, 4.0)

    run(story())


def test_a_target_that_no_count_of_steps_can_hold_is_refused(rod: MotorBench, run: Run) -> None:
    async def story() -> None:
        for field in ("DHLM", "DLLM"):
            await rod.put(field, 0.0)
        for field in ("VAL", "DVAL", "RLV"):
            with pytest.raises(Refused, match=r"is outside -2147483\.647 to "):
                await rod.put(field, 1e300)
        await rod.put("SET", "Set")
        for field in ("VAL", "DVAL"):
            with pytest.raises(Refused, match=r"is outside -2147483\.647 to "):
                await rod.put(field, -1e300)
        assert (rod["VAL"], rod["RVAL"], rod["OFF"]) == (0.0, 0, 0.0)

    run(story())


def test_names_of_positions_outlive_the_ioc(tmp_path: Path, run: Run) -> None:
    put = {"DIR": "Neg", "OFF": 12.0, "FOFF": "Frozen", "HLM": 11.0, "RTRY": 2, "TWV": 0.25}
    kept = [*put, "LLM", "DHLM", "DLLM", "VAL", "RBV"]

    async def life(puts: dict[str, Any]) -> dict[str, Any]:
        ioc = make("haloscope", "--state-dir", str(tmp_path))
        ioc.clock.paused = True
        ioc.restore()
        await ioc.start()
        for field, value in puts.items():
            await ioc.database.put(f"Antenna.{field}", value)
        await ioc.database.post()
        found = {field: ioc.database[f"Antenna.{field}"].value for field in kept if field != "VAL"}
        found["VAL"] = ioc.database["Antenna"].value
        await ioc.stop()
        return found

    first = run(life(put))
    assert {field: first[field] for field in put} == put
    assert run(life({})) == first


CLIENT_FIELDS = (
    "OFF DIR FOFF SET VELO ACCL EGU MOVN DMOV HLS LLS HLM LLM TDIR STOP HOMF HOMR RBV VAL VMAX "
    "PREC RDBD DLLM DHLM OUT MRES SREV UREV ERES DVAL DRBV RVAL RRBV SPMG TWV TWF TWR JOGF JOGR "
    "MSTA LVIO MISS RCNT RTRY ATHM CNEN DESC RTYP NAME STAT SEVR VBAS BDST DIFF RLV"
)


@pytest.mark.parametrize("field", CLIENT_FIELDS.split())
def test_every_field_that_the_clients_ask_for_is_there(rod: MotorBench, field: str) -> None:
    assert rod.database[f"Rod.{field}"].reported_record_type == "motor"
