"""The control room: what ``cryohalo up`` keeps running, where it listens, what is wrong with it."""
