"""Nodes of a cluster and which entry of an index each of them takes."""
