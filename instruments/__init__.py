"""What both machines share: laboratory instruments, keyed random numbers, physical constants.

The bottom room of the house. A magnet power supply, a PID loop and a random number generator are
the same thing in the refrigerator and in the haloscope, and neither machine may import the other.
"""
