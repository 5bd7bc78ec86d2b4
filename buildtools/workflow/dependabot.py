"""What lies beside the workflows: .github/dependabot.yml and .github/actionlint.yaml.

By the first newer actions and packages are proposed a week after they appear; the second names runners of
one's own.

Source: github/docs:content/code-security/reference/supply-chain-security/dependabot-options-reference.md,
rhysd/actionlint:docs/config.md.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from buildtools.workflow.emit import Node

COOLDOWN_DAYS: Final = 7
"""A release that was taken over is mostly found out and withdrawn within days."""


def dependabot(folders: Mapping[str, Sequence[str]]) -> dict[str, Node]:
    """The document for these folders of each ecosystem, as `/` and `/requirements`."""
    return {"version": 2, "updates": [_updates(*pair) for pair in folders.items()]}


def _updates(ecosystem: str, folders: Sequence[str]) -> Node:
    return {
        "package-ecosystem": ecosystem,
        **({"directory": folders[0]} if len(folders) == 1 else {"directories": list(folders)}),
        "schedule": {"interval": "weekly"},
        "cooldown": {"default-days": COOLDOWN_DAYS},
    }


def actionlint(labels: Sequence[str]) -> dict[str, Node]:
    """What .github/actionlint.yaml holds: runners of one's own, so that the linter knows them."""
    return {"self-hosted-runner": {"labels": list(labels)}}
