"""The 1 K stage that the circuit rejects its heat to, and the helium that feeds it."""
