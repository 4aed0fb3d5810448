"""What the plans of both instruments share."""
