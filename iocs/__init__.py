"""caproto IOCs that put both machines on the wire."""
