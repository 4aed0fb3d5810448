"""A laboratory's own records in place of ours: its file, what is needed, checks, a database."""
