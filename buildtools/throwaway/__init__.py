"""A registry inside this process, for as long as a `with` lasts: for `demo`, `registry` and tests."""
