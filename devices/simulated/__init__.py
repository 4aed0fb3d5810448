"""The same devices with the physics in process and nothing on the network.

`Refrigerator` and `Haloscope` of this package have the classes, signals, kinds and units of
`devices.amrr` and `devices.haloscope`; each EPICS signal is replaced by one that reads a simulated
machine. Simulated time passes only while somebody waits: for a put to complete, or with a status.
"""
