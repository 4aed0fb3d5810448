"""bluesky plans for both machines."""
