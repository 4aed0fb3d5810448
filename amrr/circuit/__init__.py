"""The fluid circuit: pump beds, exchangers and regenerators as a chain of lumps."""
