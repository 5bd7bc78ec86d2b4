"""`launch.py FILE PROGRAM ARGUMENT...`: run it, and write its wall seconds and peak memory into a file.

A small process of its own: what a child is said to have used is at least what the one that started it had.
"""

import json
import os
import sys
import time


def main() -> int:
    """Run it to its end; returns its exit code."""
    report, *argv = sys.argv[1:]
    start = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    with open(report, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be loaded for it
        json.dump({"seconds": seconds, "peak": used.ru_maxrss * 1024}, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
