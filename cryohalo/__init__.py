"""The ready session: command line, RunEngine, catalog, demonstration."""
