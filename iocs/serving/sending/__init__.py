"""Values on their way out: converted once, queued in bounds, sent fairly."""
