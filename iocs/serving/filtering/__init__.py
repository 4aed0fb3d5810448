"""Channel filters: their text, and what they let pass."""
