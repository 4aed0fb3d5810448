"""What logs and clients get to read: each failure once, and no text that a client could forge."""
