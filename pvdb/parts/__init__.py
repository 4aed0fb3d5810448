"""What both instruments are described with: supply, motor, faults, interlocks, clock."""
