"""bluesky-queueserver's own lister, validator and executor over the plans: as a queue has them."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bluesky_queueserver import validate_plan
from bluesky_queueserver.manager.profile_ops import (
    existing_plans_and_devices_from_nspace,
    load_allowed_plans_and_devices,
    prepare_plan,
)

import plans
from cryohalo.catalog import Catalog, DocumentWriter
from cryohalo.queue_plans import queue_plans
from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from plans.offered import OFFERED

PERMISSIONS = Path(__file__).parents[2] / "cryohalo" / "queue_permissions.yaml"
NAMES = {name for names in OFFERED.values() for name in names}
#: Plans of one instrument that no queue offers: parts, which need an open run, or objects; and the
#: opening of an envelope, whose key a queue would keep.
PARTS = {
    *("digitize", "step", "sweep", "amplifier_gain"),
    *("approach", "locate", "pump_off", "provenance", "unseal", "back_at", "calibrated_scan"),
    *("set_up",),
}
#: What a queue cannot give, and so is not described by a type: objects of a session.
OBJECTS = {"online", "analysing", "report", "per_step", "known", "rod", "amplifier", "settings"}
OBJECTS |= {"ready", "look"}

HALO, AMRR = {"haloscope": "haloscope"}, {"refrigerator": "refrigerator"}
CALIBRATION = {"receiver_gain_db": 104.0, "receiver_temperature_k": 1.2}
#: For each plan what it needs, and then all that a queue may give it.
ARGUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "run_cycles": (AMRR, {"cycles": 3, "record_phases": False}),
    "load_map": (
        AMRR | {"plate_uw": [0, 20], "detector1_uw": [0], "detector2_uw": [0, 5.0]},
        {"tolerance_k": 0.01, "max_cycles": 9},
    ),
    "temperature_stability": (AMRR, {"temperature_k": 0.95, "cycles": 5, "feed_forward": True}),
    "cooldown": (AMRR, {"heater_power_uw": 500, "tolerance_k": 0.01, "agree": 2, "max_cycles": 9}),
    "safe_start": (AMRR, {"stage_temperature_k": 1.55}),
    "safe_shutdown": (AMRR, {}),
    "recover_from_quench": (AMRR, {"restart": True, "longest_s": 3600}),
    "load_curve": (
        {**AMRR, "powers_uw": [500.0, 600]},
        {"tolerance_k": 0.01, "max_cycles": 20},
    ),
    "temperature_curve": (
        {**AMRR, "temperatures_k": [0.95, 1.0]},
        {"tolerance_k": 0.01, "tolerance_uw": 9.0, "max_cycles": 20},
    ),
    "waypoint_scan": (
        {**AMRR, "waypoint": "pump_high", "values": [1.2, 1.4]},
        {"tolerance_k": 0.01, "max_cycles": 20},
    ),
    "optimize_waypoints": (
        {**AMRR, "bounds": {"pump_high": [1.1, 1.4], "flow_time": [60, 90.0]}},
        {"objective": "power", "temperature_k": 1, "points": 4, "tolerance_uw": 5.0},
    ),
    "cool_and_ramp": (HALO, {"field_t": 11.9, "cold_k": 0.05, "longest_s": 7200.0}),
    "map_modes": (
        {**HALO, "start_mhz": 1100, "stop_mhz": 1100.4},
        {"step_khz": 20.0, "pull_khz": 15.0},
    ),
    "tune_to": ({**HALO, "frequency_mhz": 1100.0}, {"tolerance_khz": 2.0, "attempts": 5}),
    "set_coupling": (HALO, {"beta": 2, "low": 1.7, "high": 2.3, "frequency_mhz": 1100.0}),
    "set_jpa": (
        {**HALO, "target_mhz": 1100.0},
        {"gain_db": 19.0, "tolerance_db": 0.5, "source": "Noise source", "attempts": 5},
    ),
    "transmission": ({**HALO, "center_mhz": 1100.0}, {}),
    "reflection": ({**HALO, "center_mhz": 1100.0}, {}),
    "y_factor": (
        {**HALO, "frequency_mhz": 1100.0},
        {"temperatures_k": [0.025, 0.1, 0.2], "averages": 100},
    ),
    "jpa_noise": (
        {**HALO, "target_mhz": 1100.0, "calibration": CALIBRATION},
        {"averages": 100},
    ),
    "line_attenuation": ({**HALO, "frequency_mhz": 1100.0}, {}),
    "noise_in_situ": (
        {**HALO, "target_mhz": 1100.0, "calibration": CALIBRATION},
        {"averages": 100},
    ),
    "calibrate": ({**HALO, "frequency_mhz": 1100.0}, {"averages": 100, "in_situ": True}),
    "calibrate_band": (
        {**HALO, "frequencies_mhz": [1100.0, 1105]},
        {
            "averages": 100,
            "in_situ": True,
            "earlier": {**CALIBRATION, "points": [{"frequency_mhz": 1100.0}]},
        },
    ),
    "scan": (
        {**HALO, "frequencies_mhz": [1100, 1100.01]},
        {
            "averages": [100, 200],
            "calibration": CALIBRATION,
            "skip_mhz": [[1100.1, 1100.2]],
            "done_mhz": [1100.0],
            "tolerances": {"gain_db": 19, "beta_low": 1.7},
        },
    ),
    "rescan": (
        {**HALO, "candidates_mhz": [1100.01]},
        {"averages": 100, "half_width_khz": 10.0, "step_khz": 5.0, "tolerances": {"gain_db": 19}},
    ),
    "adaptive_scan": (
        {**HALO, "frequencies_mhz": [1100.0, 1100.01], "target_per_gev": 2e-15},
        {
            "band_mhz": [1100.0, 1100.01],
            "skip_mhz": [[1100.1, 1100.2]],
            "calibration": CALIBRATION,
            "tolerances": {"tuning_khz": 2.0},
            "first_averages": 200,
        },
    ),
    "field_off": (
        {**HALO, "candidates_mhz": [1100.01]},
        {
            "field_t": 0,
            "confirmed": True,
            "ramp_back": False,
            "back_t": 12.0,
            "averages": 100,
            "calibration": CALIBRATION,
            "done_mhz": [1100.0],
            "of": ["3f2a"],
        },
    ),
    "high_resolution": (
        {**HALO, "frequency_mhz": 1100.0},
        {"bandwidth_hz": 20.0, "duration_s": 60.0, "calibration": CALIBRATION},
    ),
    "map_crossings": ({**HALO, "targets_mhz": [1100.0]}, {}),
    "campaign": (
        {**HALO, "name": "march", "frequencies_mhz": [1100.0]},
        {
            "averages": 100,
            "rescan_averages": 200,
            "skip_mhz": [[1100.1, 1100.2]],
            "find_crossings": True,
            "field_off": True,
            "calibration": CALIBRATION,
        },
    ),
    "make_safe": (HALO, {}),
    "clear_interlocks": ({"instrument": "haloscope"}, {}),
}
#: A plan's name, an argument, and a value that no queue should take.
WRONG = [
    ("scan", "haloscope", "nobody"),
    ("scan", "haloscope", "refrigerator"),
    ("scan", "haloscope", 5),
    ("scan", "averages", "many"),
    ("scan", "frequencies_mhz", 1100.0),
    ("scan", "tolerances", [1.0]),
    ("scan", "tolerances", {"gain_db": "high"}),
    ("scan", "skip_mhz", [[1100.0, "end"]]),
    ("scan", "colour", "red"),
    ("campaign", "name", 7),
    ("cooldown", "refrigerator", "haloscope"),
    ("cooldown", "agree", 1.5),
    ("optimize_waypoints", "bounds", {"pump_high": [1.1]}),
    ("clear_interlocks", "instrument", "nobody"),
]


class Queue:
    """A worker's namespace, looked at by the queue server's own functions."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        found = existing_plans_and_devices_from_nspace(nspace=namespace)
        self.plans, self.devices, self._plans_there, self._devices_there = found
        self._allowed_plans, self._allowed_devices = load_allowed_plans_and_devices(
            existing_plans=self.plans,
            existing_devices=self.devices,
            path_user_group_permissions=str(PERMISSIONS),
        )

    @staticmethod
    def item(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"item_type": "plan", "name": name, "kwargs": kwargs, "user_group": "primary"}

    def refusal(self, name: str, kwargs: dict[str, Any]) -> str:
        """Why the plan may not be queued, "" if it may."""
        accepted, why = validate_plan(
            self.item(name, kwargs),
            allowed_plans=self._allowed_plans["primary"],
            allowed_devices=self._allowed_devices["primary"],
        )
        assert accepted == (not why)
        return why

    def run(self, engine: Any, name: str, kwargs: dict[str, Any], **more: Any) -> Any:
        """Run a plan as the worker does."""
        ready = prepare_plan(
            {**self.item(name, kwargs), **more},
            plans_in_nspace=self._plans_there,
            devices_in_nspace=self._devices_there,
            allowed_plans=self._allowed_plans,
            allowed_devices=self._allowed_devices,
            nspace=self.namespace,
        )
        return engine(ready["callable"](*ready["args"], **ready["kwargs"]), **ready["meta"])


@pytest.fixture(scope="module")
def instruments() -> Iterator[dict[str, Any]]:
    from devices.simulated.amrr import Refrigerator
    from devices.simulated.haloscope import Haloscope

    made = {
        "haloscope": Haloscope(name="haloscope", seed=11),
        "refrigerator": Refrigerator(name="refrigerator"),
    }
    yield made
    for device in made.values():
        device.bench.close()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def queue(instruments: dict[str, Any], catalog: Catalog) -> Queue:
    return Queue({**instruments, **queue_plans(instruments, catalog)})


def every_plan() -> dict[str, Any]:
    """All generator functions of the plans' room, private ones included."""
    found = {}
    for info in pkgutil.walk_packages(plans.__path__, "plans."):
        module = importlib.import_module(info.name)
        found |= {n: f for n, f in vars(module).items() if inspect.isgeneratorfunction(f)}
    return found


def test_every_plan_of_one_instrument_is_offered_or_is_a_part() -> None:
    ours = (Haloscope, Refrigerator, Haloscope | Refrigerator)
    found = set()
    for name, plan in every_plan().items():
        first = next(iter(inspect.signature(plan).parameters.values()), None)
        if not name.startswith("_") and first is not None and first.annotation in ours:
            found.add(name)
    assert found == NAMES | PARTS
    assert not NAMES & PARTS
    assert set(ARGUMENTS) == NAMES


def test_the_lister_takes_every_plan_there_is(instruments: dict[str, Any]) -> None:
    """In a start-up script of a user's own, which imports whatever it likes."""
    everything = every_plan()
    assert len(everything) > 50
    listed = Queue({**instruments, **everything})
    assert set(listed.plans) == set(everything)
    assert not listed.refusal("cooldown", {"refrigerator": "refrigerator"})
    assert not listed.refusal("scan", {**ARGUMENTS["scan"][0], **ARGUMENTS["scan"][1]})


def test_every_parameter_is_described_and_has_a_type(queue: Queue) -> None:
    for name in NAMES:
        for parameter in queue.plans[name]["parameters"]:
            assert parameter["description"], (name, parameter["name"])
            typed = "annotation" in parameter
            assert typed != (parameter["name"] in OBJECTS), (name, parameter["name"])
        assert queue.plans[name]["description"]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_plan_is_validated(queue: Queue, name: str) -> None:
    needed, more = ARGUMENTS[name]
    assert not queue.refusal(name, needed)
    documented = {"md": {"operator": "queue"}} if _takes(queue, name, "md") else {}
    assert not queue.refusal(name, {**needed, **more, **documented})
    for missing in needed:
        if missing != "frequencies_mhz" or name not in ("scan", "campaign"):  # a range will do
            left = {key: value for key, value in needed.items() if key != missing}
            assert missing in queue.refusal(name, left)


def _takes(queue: Queue, name: str, argument: str) -> bool:
    return any(one["name"] == argument for one in queue.plans[name]["parameters"])


@pytest.mark.parametrize(("name", "argument", "value"), WRONG)
def test_wrong_arguments_are_refused_before_they_are_queued(
    queue: Queue, name: str, argument: str, value: Any
) -> None:
    assert argument in queue.refusal(name, {**ARGUMENTS[name][0], argument: value})


def test_without_an_instrument_there_are_no_plans_for_it(
    instruments: dict[str, Any], catalog: Catalog
) -> None:
    alone = queue_plans({"halo": instruments["haloscope"]}, catalog)
    assert "scan" in alone
    assert "cooldown" not in alone
    queue = Queue({"halo": instruments["haloscope"], **alone})
    assert not queue.refusal("scan", {"haloscope": "halo", "start_mhz": 1100.0, "stop_mhz": 1101})
    assert queue.refusal("scan", {"haloscope": "haloscope", "frequencies_mhz": [1100.0]})


#: bluesky's own, as an operator puts them into the queue.
STANDARD = [
    ("count", {"args": [["haloscope.fridge"], 2]}),
    ("sleep", {"args": [0.01]}),
    ("mv", {"args": ["haloscope.jpa.pump_power", -40, "haloscope.switch.selected", "Cavity"]}),
    ("list_scan", {"args": [["haloscope.fridge"], "haloscope.jpa.pump_power", [-40, -39]]}),
]


@pytest.mark.parametrize(("name", "given"), STANDARD)
def test_blueskys_own_plans_run(queue: Queue, name: str, given: dict[str, Any]) -> None:
    engine = make_run_engine()
    try:
        assert queue.run(engine, name, {}, **given).exit_status == "success"
    finally:
        close_run_engine(engine)


def test_queued_plans_run(queue: Queue, catalog: Catalog) -> None:
    """Device names become devices, and a campaign goes on from the catalog."""
    engine = make_run_engine()
    engine.subscribe(DocumentWriter(catalog.root))
    try:
        scanned = queue.run(
            engine,
            "scan",
            {
                "haloscope": "haloscope",
                "frequencies_mhz": [1100.0],
                "averages": 50,
                "tolerances": {"gain_tolerance_db": 0.5},
            },
        )
        assert scanned.plan_result == [1100.0]
        [run] = catalog
        assert run.start["plan_args"]["tolerances"]["gain_tolerance_db"] == 0.5
        assert run.start["plan_args"]["tolerances"]["beta_low"] == 1.8
        request = {
            **HALO,
            "name": "queued",
            "frequencies_mhz": [1100.0],
            "averages": 50,
            "calibration": {**CALIBRATION, "line_attenuation_db": 0.4},
        }
        assert queue.run(engine, "campaign", request).plan_result.taken_mhz == [1100.0]
        assert queue.run(engine, "campaign", request).plan_result.taken_mhz == []
        cleared = queue.run(engine, "clear_interlocks", {"instrument": "refrigerator"})
        assert cleared.plan_result == ""
    finally:
        close_run_engine(engine)


def test_the_start_up_is_listed_by_the_queue_servers_own_command(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("qserver-list-plans-devices")
    done = subprocess.run(
        [command, "--startup-module", "cryohalo.queue_startup", "--file-dir", tmp_path],
        env={
            **os.environ,
            "CRYOHALO_CATALOG__FOLDER": str(tmp_path / "runs"),
            "CRYOHALO_CONNECT": "no",
            "EPICS_CA_ADDR_LIST": "127.0.0.1",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    listed = yaml.safe_load((tmp_path / "existing_plans_and_devices.yaml").read_text())
    assert set(listed["existing_plans"]) == NAMES | {"count", "list_scan", "mv", "sleep"}
    assert set(listed["existing_devices"]) == {"haloscope", "refrigerator"}
