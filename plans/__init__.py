"""Bluesky plans for both instruments. They know process variables and measured quantities only."""
