"""The OCI specifications' nouns as frozen values: bytes in, bytes out, nothing of the world."""
