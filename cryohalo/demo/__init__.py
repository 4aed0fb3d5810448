"""The whole story in one command: two IOCs, a cool-down, a scan, a limit, a report."""

from cryohalo.demo.options import DemoOptions
from cryohalo.demo.stories import run_demo

__all__ = ["DemoOptions", "run_demo"]
