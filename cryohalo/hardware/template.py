"""A laboratory's file to begin with."""

from __future__ import annotations

from typing import Final

from cryohalo.hardware.needs import least, rest

__all__ = ["template"]

_HEAD: Final = """\
# What the records of this laboratory are called: our name on the left, its own on the right.
# docs/how_to/hardware.md walks through it; `cryohalo hardware check` holds it against the records.
#   "Magnet:Field" = {{ pv = "PS1:B:SP", unit = "G", factor = 1e-4, completes = false }}
# unit: the record's, where it is not ours; factor, offset: ours = factor x the record's + offset;
# states: ours to its own, {{ Off = "OFF" }}; completes = false: a put ends before it is there.
# A motor record is one line: "Rod" = "BL1:m3". A setting without its _RBV is its own readback.

[{instrument}]
# A parameter file, or the name of a shipped one: what its owners state of the apparatus.
#description = "ours.toml"
# What there is not, groups by their colon. What guards the instrument must be named, here or below.
absent = ["Sim:", "IOC:"]

[{instrument}.aliases]
"""


def template(instrument: str) -> str:
    """Every PV of the least set, and all that guards, with what it is for."""
    lines = [_HEAD.format(instrument=instrument)]
    for needed in least(instrument):
        if len(needed.leaf.names) == 2 and not needed.written:
            continue  # a setting's readback
        unit = f", {needed.units}" if needed.units else ""
        lines.append(f'#"{needed.name}" = ""  # {needed.kind}{unit}: {needed.what}')
    lines.append("\n# These guard it: plans are held by them.")
    for needed in rest(instrument):
        if needed.leaf.guards:
            lines.append(f'#"{needed.name}" = ""  # without it {needed.leaf.without}')
    return "\n".join(lines) + "\n"
