"""The process variables of the magnetic refrigerator."""
