"""What the owners of a haloscope state of it: what plans, suspenders and analysis may know.

No truth of a simulation is in it. ``Description`` is the whole; an IOC serves it, and the runs of a
session record it.
"""

from haloscope.description.checking import MistakesError
from haloscope.description.stated import Description, describe

__all__ = ["Description", "MistakesError", "describe"]
