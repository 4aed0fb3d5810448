"""What stands behind the commands of ``cryohalo``."""
