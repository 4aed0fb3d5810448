"""The same devices with the physics in process and nothing on the network.

``Refrigerator`` and ``Haloscope`` of this package have the classes, signals, kinds and units of
``devices.amrr`` and ``devices.haloscope``; each EPICS signal is replaced by one that is bound to
the record of the same name in the PV database. Simulated time passes only while somebody waits: for
a put to complete, or with a status.
"""
