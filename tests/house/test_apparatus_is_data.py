"""No number of CAPP-12TB stands in code: they are in its parameter file, in tests and in pages.

Two rules. A number with three digits or more that is one of its values, in any unit, is none to be
written anywhere. One of fewer digits is written under a name: there name and number together tell.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from haloscope.description.checking import quantities
from haloscope.parameters import GROUPS, HaloscopeParameters

ROOT = Path(__file__).parents[2]
ROOMS = ("instruments", "haloscope", "pvdb", "iocs", "devices", "plans", "cryohalo")
CAPP = HaloscopeParameters.capp12tb()
#: Powers of ten between the units that code counts in.
SCALES = (1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9)
#: Its reference, which has two digits alone, and what the letter derives from its values.
ALSO = (1.1e9, 4050.0, 3.718, 4.527e-6)
#: Ends of names that are units.
UNITS = ("_hz", "_khz", "_mhz", "_ghz", "_k", "_mk", "_db", "_dbm", "_t", "_mm", "_deg", "_s")
#: What code calls some values.
ALIASES = {
    "field": "magnet.full_field_t",
    "search_field": "magnet.full_field_t",
    "warm_mxc": "safety.suspend_above_k",
    "cold_mxc": "safety.resume_below_k",
    "cold": "safety.resume_below_k",
    "warm_above_base": "safety.heater_cut_above_base_k",
    "tolerance": "operation.gain_tolerance_db",
    "tuning": "operation.tuning_tolerance_hz",
    "step": "operation.step_hz",
    "first_pump": "operation.first_pump_dbm",
    "take_up": "operation.rod_take_up_deg",
    "coupling_depth": "operation.coupling_depth_mm",
    "half_width": "operation.rescan_half_width_hz",
    "pull": "operation.crossing_pull_hz",
    "beta": "antenna.reference_beta",
    "loaded_q": "cavity.unloaded_q",
    "receiver_temperature": "receiver.rest_noise_k",
    "receiver_gain": "receiver.rest_gain_db",
    "spacing": "operation.calibration_spacing_hz",
    "every": "operation.calibration_every_s",
}
#: Numbers that are something else, by file: each with what it is.
SOMETHING_ELSE: dict[str, set[float]] = {
    "haloscope/analysis/exchange/hdf5_child.py": {1100.0},  # how much a file may unpack to
    "haloscope/analysis/report/figures.py": {1.1},  # a line's width in points
    "haloscope/analysis/statistics/bayes.py": {0.9},  # a confidence, where a caller gives none
    "haloscope/analysis/statistics/montecarlo.py": {10.0},  # bins of its own spectra
    "haloscope/apparatus/motion.py": {60.0},  # of a drive without creep
    "haloscope/apparatus/timeline.py": {1.1},  # a tenth of scatter about 1
    "haloscope/axion.py": {1.1},  # of the Earth's speed, to be safe
    "instruments/magnets/supply.py": {0.05},  # of any supply at start-up
}


def _digits(value: float) -> int:
    return len(f"{abs(value):.12e}".partition("e")[0].replace(".", "").rstrip("0"))


def _mantissa(value: float) -> float:
    """A number without its power of a thousand, so that units do not matter."""
    return round(abs(value) / 10.0 ** (3 * math.floor(math.log10(abs(value)) / 3)), 9)


def _values() -> dict[str, tuple[float, ...]]:
    found = {}
    for what in quantities(GROUPS):
        group, _, key = what.name.partition(".")
        value = getattr(getattr(CAPP, group), key)
        if what.kind != "text":
            found[what.name] = value if isinstance(value, tuple) else (float(value),)
    return found


VALUES = _values()
TELLING = {
    _mantissa(value)
    for values in (*VALUES.values(), ALSO)
    for value in values
    if value and (_digits(value) >= 3 or value in ALSO)
}


def _base(name: str) -> str:
    plain = name.lower().lstrip("_")
    return next((plain.removesuffix(unit) for unit in UNITS if plain.endswith(unit)), plain)


NAMED: dict[str, set[float]] = {}
for _name, _of in VALUES.items():
    NAMED.setdefault(_base(_name.partition(".")[2]), set()).update(
        map(_mantissa, filter(None, _of))
    )
for _alias, _name in ALIASES.items():
    NAMED.setdefault(_alias, set()).update(map(_mantissa, VALUES[_name]))


def _number(node: ast.AST | None) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _number(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value:
        return abs(float(node.value))
    return None


def _pairs(tree: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Names and what is written under them: assignments, defaults, arguments, keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name | ast.Attribute):
                    yield getattr(target, "id", getattr(target, "attr", "")), node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts, strict=False):
                        yield getattr(one, "id", ""), value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.arguments):
            plain = [*node.posonlyargs, *node.args]
            for one, value in zip(plain[::-1], node.defaults[::-1], strict=False):
                yield one.arg, value
            for one, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                yield one.arg, default
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def found_in(code: str, allowed: set[float] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """What stands in code that is CAPP-12TB's: line and number."""
    tree = ast.parse(code)
    found = []
    for node in ast.walk(tree):
        value = _number(node) if isinstance(node, ast.Constant) else None
        if value and value not in allowed and _mantissa(value) in TELLING:
            found.append(f"{getattr(node, 'lineno', 0)}: {value:g}")
    for name, node in _pairs(tree):
        elements = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
        for element in elements:
            value = _number(element)
            if value and value not in allowed and _mantissa(value) in NAMED.get(_base(name), ()):
                found.append(f"{getattr(element, 'lineno', 0)}: {name} {value:g}")
    return found


FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_all_rooms_are_looked_at() -> None:
    assert len(FILES) > 300
    assert len(TELLING) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_number_of_capp_12tb_is_in_code(path: Path) -> None:
    allowed = SOMETHING_ELSE.get(str(path.relative_to(ROOT)), set())
    assert found_in(path.read_text("utf-8"), allowed) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("CENTRE_MHZ = 1100.0", ["1: 1100"]),
        ("x = f(10.31 / y)", ["1: 10.31"]),
        ("low, high = 1090.0, 1110e6", ["1: 1090", "1: 1.11e+09"]),
        ("def f(*, field_t: float = 12.0): ...", ["1: field_t 12"]),
        ("def f(beta_low=1.8, beta_high=2.2): ...", ["1: beta_high 2.2", "1: beta_low 1.8"]),
        ("WARM_MXC_K = 0.1", ["1: WARM_MXC_K 0.1"]),
        ("JPA_OFFSET_MHZ = -0.1", ["1: JPA_OFFSET_MHZ 0.1"]),
        ("call(window_hz=150e3)", ["1: window_hz 150000"]),
        ("d = {'gain_db': 20}", ["1: gain_db 20"]),
        ("averages: int = 5000", ["1: averages 5000"]),
        ("LINE_WIDTH_HZ = 4050", ["1: 4050"]),
        ("JPA_POINTS = 12\nwindow_hz = 200e3\nfield_t = 3.0", []),
    ],
)
def test_the_rules_bite(code: str, found: list[str]) -> None:
    assert sorted(found_in(code)) == sorted(found)


def test_what_is_something_else_is_there() -> None:
    """An exception that is needed no longer is taken away."""
    for name, allowed in SOMETHING_ELSE.items():
        text = (ROOT / name).read_text("utf-8")
        for value in allowed:
            assert found_in(text, allowed - {value}), (name, value)
