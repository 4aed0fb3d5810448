"""The PV database: every process variable of both instruments, described once.

A record says what a variable is, how it is read, what a put does and when it has been done, its
limits, alarms and words of refusal. ``iocs`` serves the records over Channel Access; the devices of
``devices.simulated`` are bound to the same records in process. Nothing here opens a socket.
"""
