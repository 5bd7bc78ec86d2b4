"""The main job on this machine, offline: built, run, and rolled out in a registry that is thrown away."""
