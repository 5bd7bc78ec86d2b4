"""What an entry of an index says of its origin: a digest each of base, files and config.

They are annotations of the entry, so that a published index alone tells what another build would change: no
image has to be built or read for it. The images themselves do not carry them.
"""

from collections.abc import Mapping
from typing import Final

from buildtools.oci.digest import Digest
from buildtools.plan import base_ingredient, fingerprint_of

PREFIX: Final = "dev.buildtools."
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "base": ("base",),
    "files": (
        "builder",
        "definition/build",
        "definition/files",
        "inputs/",
        "bases/",
        "assets/",
        "tools/",
    ),
    "config": ("created", "definition/config", "definition/engine"),
}
"""Each part, and how the names of its ingredients begin."""
BASE_PART: Final = f"{PREFIX}base"


def parts_of(ingredients: Mapping[str, str]) -> dict[str, Digest]:
    """The digest of each part of a variant's ingredients."""
    return {name: fingerprint_of(ingredients, *prefixes) for name, prefixes in PARTS.items()}


def base_part(reference: str, digest: str) -> Digest:
    """The digest of the part `base` for this base, as `parts_of` has it."""
    return parts_of({"base": base_ingredient(reference, digest)})["base"]


def to_annotations(ingredients: Mapping[str, str]) -> dict[str, str]:
    """What the entry of a variant carries."""
    return {f"{PREFIX}{name}": digest for name, digest in parts_of(ingredients).items()}


def differing(ingredients: Mapping[str, str], annotations: Mapping[str, str]) -> tuple[str, ...] | None:
    """The parts that a published entry has otherwise; None where it says nothing of one of them."""
    now = parts_of(ingredients)
    told = {name: annotations.get(f"{PREFIX}{name}", "") for name in now}
    if not all(told.values()):
        return None
    return tuple(name for name in now if now[name] != told[name])
