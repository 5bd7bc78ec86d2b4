"""Measuring; `python -m tests.bench` is what runs it."""
