"""A scan over Channel Access of an IOC that is somebody else's, with bluesky's own RunEngine."""

from bluesky import RunEngine

from devices.haloscope import Haloscope
from plans.haloscope.scan import scan

haloscope = Haloscope("TRY:", name="haloscope")
haloscope.connect(20.0)
taken = RunEngine(call_returns_result=True)(scan(haloscope, [1100.0], averages=20))
assert taken.exit_status == "success"
