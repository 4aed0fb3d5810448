"""What a motor record does at every way to a motion in every mode: all cases together.

The expected values are those of the motor record: its documentation, and motorRecord.cc of
epics-modules/motor, which was compiled over a simulated axis and put through these cases.
"""

from __future__ import annotations

from tests.backends.motor.common import Case
from tests.backends.motor.different import DIFFERENT
from tests.backends.motor.going import going
from tests.backends.motor.held import held
from tests.backends.motor.limits import at_rest, limits
from tests.backends.motor.naming import direction_and_offset, setting
from tests.backends.motor.under_way import jogging_and_homing, moving

__all__ = ["DIFFERENT", "LIKE_THE_RECORD"]

LIKE_THE_RECORD: dict[str, Case] = {
    **going(),
    **held(),
    **moving(),
    **jogging_and_homing(),
    **setting(),
    **direction_and_offset(),
    **limits(),
    **at_rest(),
}
