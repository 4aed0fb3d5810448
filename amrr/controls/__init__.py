"""What runs the refrigerator: cycle, thermometers, heaters, interlocks."""
