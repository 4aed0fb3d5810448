"""What keeps an IOC in order: its clock and loop, health, saved state, journal and put log."""
