"""A module for each way to grow, with its ``AXIS``; ``benchmarks.scale.registry`` has all."""
