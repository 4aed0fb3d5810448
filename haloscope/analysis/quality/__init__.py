"""Is a spectrum what it should be, and is the result to be believed? Verdicts with reasons."""
