"""What several computations share: the control path, the letter's scan."""
