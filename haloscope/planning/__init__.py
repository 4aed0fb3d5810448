"""What a search will reach and how long it will take, from the apparatus as its owners state it."""
