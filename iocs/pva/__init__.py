"""The same records over PV Access."""
