"""Magnet and supply: the coil, the ramp generator, the front panel."""
