"""Ophyd devices of both instruments over process variables; `devices.simulated` needs none."""
