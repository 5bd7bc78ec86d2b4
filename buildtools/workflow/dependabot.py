"""What .github/dependabot.yml holds: newer actions and packages are proposed a week after they appear.

Source: github/docs:content/code-security/reference/supply-chain-security/dependabot-options-reference.md.
"""

from typing import Final

from buildtools.workflow.emit import Node

COOLDOWN_DAYS: Final = 7
"""A release that was taken over is mostly found out and withdrawn within days."""


def _updates(ecosystem: str) -> dict[str, Node]:
    return {
        "package-ecosystem": ecosystem,
        "directory": "/",
        "schedule": {"interval": "weekly"},
        "cooldown": {"default-days": COOLDOWN_DAYS},
    }


DEPENDABOT: Final[dict[str, Node]] = {
    "version": 2,
    "updates": [_updates("github-actions"), _updates("pip")],
}
"""The document."""
