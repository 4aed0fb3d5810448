"""The process variables of the haloscope."""
