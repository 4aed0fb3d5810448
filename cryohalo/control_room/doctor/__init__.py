"""The usual troubles of a control room: looked for one by one, each with what to do."""

from cryohalo.control_room.doctor.examination import examine
from cryohalo.control_room.doctor.finding import Finding

__all__ = ["Finding", "examine"]
