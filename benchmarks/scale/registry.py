"""The axes, by name, in the order of the tables."""

from __future__ import annotations

from benchmarks.scale.axes import clients, hosts, pvs, recorded, runs, spectra, steps, workers

AXES = {
    module.AXIS.name: module.AXIS
    for module in (steps, spectra, recorded, runs, pvs, clients, hosts, workers)
}
