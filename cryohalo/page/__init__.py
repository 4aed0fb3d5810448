"""One web page per instrument, on loopback: synoptic, charts, alarms, controls.

A process of its own (``cryohalo page``) subscribes to each process variable once, whatever the
number of viewers, and sends what has changed five times a second. It knows process variables only.
"""
