"""Studies of machines that are not built yet: the paper's own design model."""
