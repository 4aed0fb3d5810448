"""What becomes of the records while a machine runs: values, alarms, puts, steps.

Both back ends stand on it, the wire (``iocs``) and the devices in process (``devices.simulated``),
so that a put means the same on both. Nothing here knows threads, event loops or sockets.
"""
