"""Where blobs and manifests live: one protocol, several places."""
