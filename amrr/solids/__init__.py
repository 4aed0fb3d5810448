"""Refrigerants, metals and fibres, and the superconductor of the wires."""
