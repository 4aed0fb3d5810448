"""What the grand spectrum means: candidates, limits, efficiency, Monte Carlo."""
