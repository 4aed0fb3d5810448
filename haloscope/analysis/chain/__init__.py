"""The steps from power spectra to the grand spectrum, each a module of its own."""
