"""What else the data say: dark photons, other densities, several experiments together."""
