"""Computations, one file a subject: each has ``compute(work)``, which gives findings by claim."""
