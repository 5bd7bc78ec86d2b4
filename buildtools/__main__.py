"""`python -m buildtools`."""

from buildtools.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
