"""`nox -s bench`: builds and publishing measured beside other tools that this machine has, in the same run.

Every row is a task; each tool does it so many times, from the same files, and the median is shown with its
ratio to ours. Tools that are not here are named. Times are wall time with start-up, as people feel them.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.bench import builds, registries
from tests.bench.measure import OURS, Result, measure

TASKS = (*builds.TASKS, *registries.TASKS)


def table(results: Sequence[Result], runs: int) -> Table:
    """Medians and ratios to ours; requests and rounds where a proxy has seen them."""
    shown = Table(title=f"Median of {runs}, {platform.machine()}, {os.cpu_count()} processors")
    shown.add_column("task")
    shown.add_column("tool")
    for name in ("seconds", "× ours", "requests", "rounds", "peak MiB"):
        shown.add_column(name, justify="right")
    for result in results:
        for tool, every in result.runs.items():
            if not every:
                continue
            seconds, base = result.median(tool, "seconds"), result.median(OURS, "seconds")
            requests, rounds = result.median(tool, "requests"), result.median(tool, "rounds")
            shown.add_row(
                result.task,
                tool,
                f"{seconds:.2f}",
                f"{seconds / base:.1f}",
                f"{requests:.0f}" if requests else "–",
                f"{rounds:.0f}" if rounds else "–",
                f"{result.median(tool, 'peak') / 2**20:.0f}",
            )
    return shown


def main() -> None:
    """Measure all tasks, or those whose name holds a word."""
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure builds and publishing beside other tools."
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only tasks whose name holds all of these")
    parser.add_argument("--runs", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--ours", action="store_true", help="leave the other tools out")
    parser.add_argument("--json", action="store_true", help="print every run as JSON")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    results = [
        measure(
            task,
            arguments.runs,
            lambda text: console.print(text, style="dim"),
            alone=OURS if arguments.ours else "",
        )
        for task in TASKS
        if all(word in task.name for word in arguments.words)
    ]
    if arguments.json:
        document = {
            "runs": arguments.runs,
            "tasks": {
                result.task: {tool: [asdict(run) for run in every] for tool, every in result.runs.items()}
                for result in results
            },
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table(results, arguments.runs))


if __name__ == "__main__":
    main()
