"""Where an image's lifecycle contract can be run: one protocol, one file a tier."""
