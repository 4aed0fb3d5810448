"""Limits, offset, direction and names of positions, and the fields that clients ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instruments.errors import Refused
from tests.iocs.conftest import Run
from tests.iocs.machines.motor.conftest import MotorBench
from tests.iocs.plants import make


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
