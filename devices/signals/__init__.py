"""The signals of devices: what they read, set and check."""
