"""Magnets: the field of a winding, and what the winding does with its current."""
