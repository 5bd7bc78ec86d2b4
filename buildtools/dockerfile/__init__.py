"""Dockerfiles as values: read with the place of everything, and evaluated for one platform. Nothing runs.

What the words mean is taken from the Dockerfile reference (docs.docker.com/reference/dockerfile) and from
moby/buildkit:frontend/dockerfile (parser, shell, dockerfile2llb).
"""
