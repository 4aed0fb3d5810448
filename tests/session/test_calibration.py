"""Points of a run for calibrating the model, and the command that fits them."""

import json
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from typer.testing import CliRunner

from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.studies.ranges import with_values
from cryohalo import cli
from cryohalo.calibration import measured_points
from cryohalo.catalog import Catalog, CatalogError, DocumentWriter
from cryohalo.commands.studies import QUICK
from devices.simulated.amrr import Refrigerator
from plans.refrigerator import cooling, waypoints
from plans.shared.common import in_run

GARNET, LEAK = "molecular_field_scale", "exchangers.parasitic_w"
TRUTH = {GARNET: 1.05, LEAK: 90e-6}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A load curve, a held temperature and a scan, of a machine unlike the default."""
    root = tmp_path_factory.mktemp("runs")
    machine = SimulatedRefrigerator(with_values(RefrigeratorParameters(), {**QUICK, **TRUTH}))
    device = Refrigerator(name="refrigerator", machine=machine)
    engine = RunEngine({})
    writer = DocumentWriter(root)
    engine.subscribe(writer)
    limits: dict[str, Any] = {"tolerance_k": 0.002, "max_cycles": 40}
    try:
        engine(cooling.load_curve(device, [300.0, 800.0], tolerance_k=2e-3, max_cycles=150))
        engine(cooling.temperature_curve(device, [1.0], tolerance_uw=50.0, **limits))
        engine(waypoints.waypoint_scan(device, "regen_hot_end", [1.1, 1.15], **limits))
        engine(in_run(iter(()), {}))  # type: ignore[arg-type]
    finally:
        device.bench.close()
    return root


def named(catalog: Path, plan: str) -> Any:
    (run,) = Catalog(catalog).named(plan)
    return run


def test_points_are_what_the_documents_say(catalog: Path) -> None:
    run = named(catalog, "load_curve")
    points = measured_points(run)
    events = list(run.events("primary"))
    assert [p.load_w for p in points] == pytest.approx([300e-6, 800e-6], rel=1e-6)
    for point, event in zip(points, events, strict=True):
        data = event["data"]
        assert point.values["chx_k"] == data["refrigerator_cycle_mean_chx_temperature"]
        assert point.values["lowest_k"] == data["refrigerator_cycle_min_chx_temperature"]
        assert point.values["work_j"] == data["refrigerator_cycle_work"]
        assert point.cycle == RefrigeratorParameters().cycle


def test_a_held_temperature_compares_means_alone(catalog: Path) -> None:
    (point,) = measured_points(named(catalog, "temperature_curve"))
    assert set(point.values) == {"chx_k", "work_j", "rejected_j"}
    assert point.values["chx_k"] == pytest.approx(1.0, abs=0.005)


def test_each_point_of_a_scan_has_its_own_waypoint(catalog: Path) -> None:
    first, second = measured_points(named(catalog, "waypoint_scan"))
    assert first.cycle.regen_hot_end_t == pytest.approx(1.1)
    assert second.cycle.regen_hot_end_t == pytest.approx(1.15)


def test_a_run_without_points_is_refused(catalog: Path) -> None:
    bare = next(run for run in Catalog(catalog) if "plan_args" not in run.start)
    with pytest.raises(CatalogError, match="has no points"):
        measured_points(bare)


class Altered:
    """A run whose start document and events say something else."""

    def __init__(self, run: Any, plan: str | None = None, **values: list[float | None]) -> None:
        self.uid, self.documents = run.uid, run.documents
        self.start = {**run.start, "plan_name": plan or run.start["plan_name"]}
        self._events = [{**e, "data": dict(e["data"])} for e in run.events("primary")]
        for name, column in values.items():
            for event, value in zip(self._events, column, strict=True):
                event["data"].pop(f"refrigerator_{name}", None)
                if value is not None:
                    event["data"][f"refrigerator_{name}"] = value

    def events(self, stream: str) -> Any:
        assert stream == "primary"
        return iter(self._events)


def test_a_point_that_had_not_settled_is_left_out(
    catalog: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run: Any = Altered(named(catalog, "load_curve"), point_converged=[0.0, 1.0])
    (point,) = measured_points(run)
    assert point.load_w == pytest.approx(800e-6)
    assert point.label.endswith(":2")
    assert "points [1] had not settled" in caplog.text
    none: Any = Altered(named(catalog, "load_curve"), point_converged=[0.0, 0.0])
    with pytest.raises(CatalogError, match="none of its points had settled"):
        measured_points(none)


@pytest.mark.parametrize("plan", ["cooldown", "temperature_stability", "optimize_waypoints"])
def test_every_cycle_of_another_plan_is_no_point(catalog: Path, plan: str) -> None:
    run: Any = Altered(named(catalog, "load_curve"), plan, point_converged=[None, None])
    with pytest.raises(CatalogError, match=f"'{plan}' are not points"):
        measured_points(run)


def test_a_load_of_a_detectors_stage_is_refused(catalog: Path) -> None:
    run: Any = Altered(named(catalog, "load_curve"), "load_map", detector1_power=[0.0, 150.0])
    with pytest.raises(CatalogError, match="detector1_power is 150 uW"):
        measured_points(run)


def test_the_command_finds_the_machine_again(catalog: Path, tmp_path: Path) -> None:
    uid = named(catalog, "load_curve").uid[:8]
    known = tmp_path / "known.toml"
    known.write_text(f"{GARNET} = {TRUTH[GARNET]}\n")
    arguments = [
        "calibrate",
        uid,
        "--parameters",
        str(known),
        "--catalog",
        str(catalog),
        "--output",
        str(tmp_path),
        "--quick",
    ]
    fit = ["--fit", LEAK, "--error", "chx_k=0.003", "--error", "lowest_k=0.006",
           "--error", "highest_k=0.006"]  # fmt: skip
    done = CliRunner().invoke(cli.app, [*arguments, *fit], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "calibration.json").read_text())
    for row in document["parameters"]:
        assert abs(row["value"] - TRUTH[row["name"]]) < 4.0 * row["error"]
        assert row["determined"]
    machine = (tmp_path / "machine.toml").read_text()
    assert "molecular_field_scale" in machine
    assert "dt_s" not in machine, "the fit's resolution is no parameter of the machine"
    assert "nodes" not in machine
    assert (tmp_path / "calibration.png").exists()


@pytest.mark.parametrize("bad", ["chx_k", "chx_k=-1", "flow=1", "chx_k=much"])
def test_the_command_refuses_an_error_that_is_none(catalog: Path, bad: str) -> None:
    arguments = ["calibrate", "x", "--catalog", str(catalog), "--fit", LEAK, "--error", bad]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 2
    assert "is not NAME=VALUE" in done.output
