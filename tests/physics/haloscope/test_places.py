"""Parameter files whose values are right each for itself, and leave a part no room."""

from __future__ import annotations

from typing import Any

import pytest

from haloscope.description import Description, MistakesError, describe
from haloscope.parameters import SHIPPED, HaloscopeParameters
from haloscope.parameters.reviewing import reviewed

CAPP = describe(HaloscopeParameters.capp12tb())


def stating(tmp_path: Any, **groups: dict[str, Any]) -> str:
    """A file that takes over CAPP-12TB's values but for these."""
    lines = ['name = "X"', 'base = "capp12tb"']
    for group, values in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value!r}" for key, value in values.items())]
    path = tmp_path / "x.toml"
    path.write_text("\n".join(lines))
    return str(path)


MISTAKES: list[tuple[dict[str, dict[str, float]], str]] = [
    ({"rod": {"low_limit_deg": 0.0, "high_limit_deg": 180.0}}, "0.07634 to 0.8397 cavity radii"),
    ({"rod": {"velocity_deg_per_s": 5.0}}, "5 deg/s, must not be above rod.highest_velocity"),
    ({"antenna": {"velocity_mm_per_s": 5.0}}, "5 mm/s, must not be above antenna.highest_vel"),
    ({"antenna": {"reference_position_mm": 50.0}}, "50 mm, must be between antenna.low_limit_mm"),
    ({"network_analyzer": {"default_power_dbm": 50.0}}, "50 dBm, must be between"),
    ({"analysis": {"target_snr": 1.0}}, "is 1, must be above 1.282 for analysis.confidence of 0.9"),
    ({"digitizer": {"bin_width_hz": 1e6}}, "make a spectrum of 1e+11 Hz, must be less than twice"),
    ({"digitizer": {"bins": 1}}, "digitizer.bins is 1, must be 20 or more"),
    ({"receiver": {"intermediate_hz": 5e9}}, "5e+09 Hz, must be below the lowest frequency of"),
    ({"cavity": {"radius_m": 1e-320}}, "must make a cavity of cavity.radius_m"),
]


@pytest.mark.parametrize(("groups", "words"), MISTAKES)
def test_what_leaves_no_room_is_a_mistake(
    tmp_path: Any, groups: dict[str, dict[str, float]], words: str
) -> None:
    told = reviewed(stating(tmp_path, **groups)).mistakes
    assert any(words in line for line in told), told
    content = CAPP.as_dict()
    for group, values in groups.items():
        content[group] |= values
    with pytest.raises(MistakesError) as refused:
        Description.from_mapping(content)
    assert any(words in line for line in refused.value.found)


DOUBTS: list[tuple[dict[str, dict[str, float]], str]] = [
    ({"operation": {"band_low_hz": 0.94e9}}, "the rod tunes from 1.02138e+09 to 1.14932e+09 Hz"),
    ({"rod": {"low_limit_deg": -60.0}}, "has some frequencies twice"),
    ({"jpa": {"highest_resonance_hz": 1.1e9}}, "not above its place at operation.band_high_hz"),
    ({"operation": {"jpa_offset_hz": -3e6}}, "the target is hardly amplified"),
    ({"operation": {"step_hz": 2e5}}, "frequencies between steps are left out"),
    ({"receiver": {"filter_half_width_hz": 10e3}}, "less than half of analysis.window_hz, 75000"),
    ({"cavity": {"volume_m3": 0.3685}}, "that is a cavity 52.2 radii long"),
]


@pytest.mark.parametrize(("groups", "words"), DOUBTS)
def test_what_probably_is_a_slip_is_told(
    tmp_path: Any, groups: dict[str, dict[str, float]], words: str
) -> None:
    found = reviewed(stating(tmp_path, **groups))
    assert found.mistakes == ()
    assert any(words in line for line in found.warnings), found.warnings


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_ones_leave_room(name: str) -> None:
    told = reviewed(name).warnings
    assert not [line for line in told if "inherited" not in line and "unverified" not in line]
