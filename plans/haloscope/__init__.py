"""Plans of the haloscope."""
