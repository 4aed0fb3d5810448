"""IOCs as processes of their own, and where they answer."""
