"""`python -m buildtools` and the console script; an interrupt while modules are loaded is no traceback."""

import os
import sys
import threading
from contextlib import suppress


def run() -> int:
    """Run the command line and return its exit code."""
    try:
        from buildtools.cli import EXIT_INTERRUPTED, main
    except KeyboardInterrupt:
        return 130
    code = main()
    if code == EXIT_INTERRUPTED and threading.active_count() > 1:
        # An upload that is still under way would be waited for at the interpreter's end.
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(run())
