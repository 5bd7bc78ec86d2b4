"""A small project under git that is published again and again, and what became of its tags."""

from pathlib import Path
from typing import Any

from buildtools.oci.digest import Digest
from buildtools.stores.layout import Layout
from tests.fakes.registry import FakeRegistry

OLD, NEW = 1_767_225_600, 1_772_323_200


def tags_of(document: Any, key: str = "published") -> dict[str, str]:
    """What became of each tag of the one image."""
    (one,) = document[key]
    return {tag["tag"]: tag["what"] for tag in one["tags"]}


def change(root: Path, text: str = "two") -> None:
    """Another content of the image `host`."""
    (root / "images/host/host.cmd").write_text(f"@echo {text}\n")


def index_of(root: Path) -> Digest:
    """The digest of the index of `host` in its layout."""
    (entry,) = Layout(root / "dist/oci/host").entries()
    return entry.digest


def to(server: FakeRegistry, *arguments: str) -> list[str]:
    """The arguments that publish `host` there."""
    return ["host", "--to", f"{server.host}/acme", *arguments]
