"""What is waited for: statuses, moves, and the ends of both."""
