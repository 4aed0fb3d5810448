"""The same devices without an IOC: physics in process."""
