"""Labels of GitHub's machines: those that jobs may name, and why others may not be named.

Source: actions/runner-images:README.md; a Windows label is the one of its release's row.
"""

from collections.abc import Mapping
from typing import Final

from buildtools.plan import LINUX_RUNNERS
from buildtools.windows.releases import RELEASES

LINUX: Final = LINUX_RUNNERS["amd64"]
"""Where everything is done that needs no machine of another kind."""

WINDOWS: Final[Mapping[str, int]] = {row.hosted_runner: row.build for row in RELEASES if row.hosted_runner}
"""Labels of Windows machines, and the build that each runs."""

HOSTED: Final = frozenset({*LINUX_RUNNERS.values(), *WINDOWS, "macos-15", "ubuntu-22.04", "ubuntu-22.04-arm"})

_REMOVED: Final = frozenset(f"windows-{row.product.split()[-1]}" for row in RELEASES if not row.hosted_runner)
"""Labels that releases without a machine of their own once had."""


def refused(label: str, own: frozenset[str]) -> tuple[str, str] | None:
    """Why a job may not name this label, and what to do; None where it may. `own` are a project's labels."""
    if label in HOSTED or label in own:
        return None
    if label.endswith("-latest"):
        kind = label.removesuffix("-latest")
        known = ", ".join(sorted(name for name in HOSTED if name.startswith(kind)))
        return f"the label {label} moves to another machine without notice", f"name one of {known or LINUX}"
    if label in _REMOVED:
        return f"GitHub has removed {label}", f"name one of {', '.join(WINDOWS)}, or a machine of your own"
    return (
        f"{label!r} is no label of GitHub's machines",
        f"name one of {', '.join(sorted(HOSTED))}, or put a label of your own into the workflow's labels",
    )
