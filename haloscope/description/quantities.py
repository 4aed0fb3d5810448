"""Quantities of a haloscope's description: those of ``instruments.quantities``."""

from instruments.quantities import Kind, Quantity, quantity, quantity_of, unit_in

__all__ = ["Kind", "Quantity", "quantity", "quantity_of", "unit_in"]
