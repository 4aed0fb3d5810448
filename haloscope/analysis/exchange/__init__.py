"""Spectra in and results out: documents, files, other experiments, the published curve."""
