"""How one Target becomes an image in a store."""
