"""Parameters fitted to measured points: found within errors, and said where they are not."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amrr.design.points import Effort, at_load, running
from amrr.parameters import CycleParameters, RefrigeratorParameters
from amrr.studies import calibration_files as files
from amrr.studies.calibration import ERRORS, Calibration, MeasuredPoint, calibrate
from amrr.studies.ranges import with_values

GARNET, LEAK = "molecular_field_scale", "exchangers.parasitic_w"
SMALL = with_values(RefrigeratorParameters(), {"regenerator.nodes": 8, "dt_s": 0.5})
ROUGH = Effort(tolerance_k=2e-3, most_cycles=60)
TRUTH = {GARNET: 1.06, LEAK: 100e-6}
LOADS_W = (200e-6, 700e-6)


def measured(values: dict[str, float], seed: int | None = None) -> list[MeasuredPoint]:
    """What a machine with these values would be measured to do, with noise by the errors."""
    machine = running(with_values(SMALL, values))
    rng = np.random.default_rng(seed)
    points = []
    for load_w in LOADS_W:
        state = at_load(machine, load_w, ROUGH)
        noise = rng.normal(size=len(ERRORS)) if seed is not None else np.zeros(len(ERRORS))
        seen = {
            name: float(getattr(state, name) + error * n)
            for (name, error), n in zip(ERRORS.items(), noise, strict=True)
        }
        points.append(MeasuredPoint(load_w, SMALL.cycle, seen, f"{1e6 * load_w:g}"))
    return points


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return calibrate(measured(TRUTH, seed=5), (GARNET, LEAK), start=SMALL, effort=ROUGH)


def test_two_parameters_are_found_within_their_errors(fitted: Calibration) -> None:
    pulls = (fitted.values - np.array(list(TRUTH.values()))) / fitted.errors
    assert np.all(np.abs(pulls) < 4.0)
    # The start was 16 and 20 errors away; the data tell both from it.
    away = np.abs(fitted.start - np.array(list(TRUTH.values()))) / fitted.errors
    assert np.all(away > 5.0)
    assert fitted.determined == (True, True)
    assert fitted.doubts == ()
    assert fitted.converged
    assert fitted.degrees == 4
    assert fitted.parameters.molecular_field_scale == fitted.values[0]


def test_the_correlation_is_that_of_two_causes_of_warmth(fitted: Calibration) -> None:
    # A weaker refrigerant and a larger leak both warm: the data see their sum best.
    assert fitted.correlation[0, 1] == fitted.correlation[1, 0] < -0.5
    assert np.allclose(np.diag(fitted.correlation), 1.0)
    best, worst = fitted.directions
    assert best.error < worst.error
    assert best.weights[GARNET] * best.weights[LEAK] > 0.0
    assert worst.weights[GARNET] * worst.weights[LEAK] < 0.0


def test_the_files_have_residuals_and_the_machine(fitted: Calibration) -> None:
    document = json.loads(files.as_json(fitted, {"runs": ["x"]}))
    assert [p["value"] for p in document["parameters"]] == list(fitted.values)
    assert document["doubts"] == []
    lines = files.residuals_csv(fitted).splitlines()
    assert len(lines) == 1 + len(fitted.residuals) == 7
    text = "\n".join(files.table(fitted))
    assert "chi-square" in text
    assert GARNET in text


def test_what_the_data_do_not_say_is_said() -> None:
    # Superfluid onset far above: no temperature depends on the field at the winding.
    name = "regenerator_magnet.peak_field_factor"
    found = calibrate(measured({}), (LEAK, name), start=SMALL, effort=ROUGH)
    assert found.determined == (True, False)
    assert any(f"{name} is not determined" in doubt for doubt in found.doubts)
    assert "do not determine" in "\n".join(files.table(found))


def test_a_model_that_does_not_describe_the_data_is_not_believed() -> None:
    warm = [
        replace(p, values={**p.values, "highest_k": p.values["highest_k"] + 0.1})
        for p in measured({})
    ]
    found = calibrate(warm, (LEAK,), start=SMALL, effort=ROUGH)
    assert any("does not describe the data" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"names": ("dt_s",)}, "'dt_s' is no assumed"), ({"names": ()}, "different parameters"),
     ({"names": (LEAK, LEAK)}, "different parameters"), ({"points": ()}, "0 measured values"),
     ({"use": ("flow",)}, "'flow' is not one of"),
     ({"errors": {**ERRORS, "chx_k": 0.0}}, "error of chx_k = 0")],
)  # fmt: skip
def test_a_fit_that_cannot_be_is_refused(change: dict[str, Any], said: str) -> None:
    point = MeasuredPoint(600e-6, CycleParameters(), {"chx_k": 0.9})
    given: dict[str, Any] = {"points": (point,), "names": (LEAK,), "start": SMALL, **change}
    points, names = given.pop("points"), given.pop("names")
    with pytest.raises(ValueError, match=said):
        calibrate(points, names, **given)


def test_a_machine_to_begin_with_that_quenches_is_named() -> None:
    bad = with_values(SMALL, {"regenerator_magnet.diode_cold_v": 1.5})
    point = MeasuredPoint(600e-6, CycleParameters(), {"chx_k": 0.9})
    with pytest.raises(ValueError, match=r"no periodic state to begin with: .*quench"):
        calibrate([point], (LEAK,), start=bad, effort=ROUGH)
