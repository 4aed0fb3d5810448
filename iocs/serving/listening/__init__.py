"""How an IOC is found and reached: ports, searches, beacons, accepted connections."""
