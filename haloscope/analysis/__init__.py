"""Spectra in, limits out: the haloscope analysis, which knows measured quantities only."""
