"""What a session shows while plans run: rows, progress, holds; terminal or notebook."""
