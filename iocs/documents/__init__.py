"""What is generated from the tables: lists of PVs, screens (``python -m iocs.documents``)."""
