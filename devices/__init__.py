"""Ophyd devices of both instruments over process variables; ``devices.simulated`` needs none."""

import ophyd  # noqa: F401  (before epics: ophyd chooses the libca that pyepics is to load)
