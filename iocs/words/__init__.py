"""What logs and clients are told: each trouble once, and nothing that a client could make of it."""
