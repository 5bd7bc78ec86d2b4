"""`python -m buildtools` and the console script; an interrupt while modules are loaded is no traceback."""

import sys


def run() -> int:
    """Run the command line and return its exit code."""
    try:
        from buildtools.cli import main
    except KeyboardInterrupt:
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(run())
