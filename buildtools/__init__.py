"""Build, join, publish and prove mixed Linux and Windows container images."""

__version__ = "0.1.0"
