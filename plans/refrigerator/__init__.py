"""Plans of the magnetic refrigerator."""
