"""Plans in a queue: bluesky-queueserver with its Redis, kept running, and asked from a shell."""
