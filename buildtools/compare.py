"""`plan --against`: what would be built beside what is published, from one request an image.

Where the last build holds, digests decide. Where nothing was built, the published entries' own account of
base, files and config does (`parts`), so that a fresh checkout knows what has changed before it builds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from buildtools.errors import VerificationError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.oci.reference import Reference, parse_reference
from buildtools.parts import differing
from buildtools.plan import Target
from buildtools.stores.base import NotFoundError, Readable, read_manifest
from buildtools.stores.parallel import side_by_side
from buildtools.stores.registry import Registries

State = Literal["up to date", "changed", "missing", "extra"]
Key = tuple[str, str, str, str]
"""Operating system, architecture, variant, and on Windows the build that the entry is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One variant at one place.

    `platform` is the variant's as people select it; for an entry that no definition asks for it is the
    entry's own. `what` names the parts that differ. `published` and `local` are manifest digests, None
    where there is none.
    """

    image: str
    reference: str
    platform: str
    state: State
    what: tuple[str, ...] = ()
    published: Digest | None = None
    local: Digest | None = None
    target: Target | None = None


def compare(
    targets: Sequence[Target],
    places: Sequence[str],
    *,
    defined: Sequence[Target],
    tags: Mapping[str, str],
    registries: Registries,
) -> list[Compared]:
    """Every target at every place (`ghcr.io/acme`); `tags` has the tag of each image that counts.

    `defined` are all targets of these images, of which the others are no business of this run and not
    extra. Raises what registries raise; an image that is not there is missing and no error.
    """
    asked = {(one.variant.image, _wanted(one)) for one in defined}
    images = [(name, [*group]) for name, group in groupby(targets, key=lambda one: one.variant.image)]
    jobs = [(place, name, group) for place in places for name, group in images]

    def one(job: tuple[str, str, list[Target]]) -> list[Compared]:
        place, name, group = job
        reference = parse_reference(f"{place}/{name}").with_tag(tags[name])
        wanted = {_wanted(target) for target in group}
        published = {
            key: entry
            for key, entry in _published(registries.open(reference), reference).items()
            if key in wanted or (name, key) not in asked
        }
        return list(_compared(reference, group, published))

    return [found for rows in side_by_side(one, jobs) for found in rows]


def _published(store: Readable, reference: Reference) -> dict[Key, Descriptor]:
    """The entries of the published index; none where there is no such tag."""
    try:
        descriptor, raw = store.get_manifest(reference.identifier)
    except NotFoundError:
        return {}
    document = read_manifest(raw, descriptor.media_type, str(reference))
    if not isinstance(document, Index):
        raise VerificationError(
            f"{reference} is a single image and no index",
            hint="something else was published under this name: compare with another tag",
        )
    entries = (entry for entry in document.manifests if entry.platform and entry.platform.os != "unknown")
    return {_key_of(entry.platform): entry for entry in entries if entry.platform}


def _compared(
    reference: Reference, targets: Sequence[Target], published: Mapping[Key, Descriptor]
) -> Iterator[Compared]:
    wanted = {_wanted(target): target for target in targets}
    for key, target in wanted.items():
        record = target.record if target.up_to_date else None
        local = record.manifest.digest if record else None
        entry = published.get(key)
        state, what = _state(target, local, entry)
        yield Compared(
            image=target.variant.image,
            reference=str(reference),
            platform=target.variant.label,
            state=state,
            what=what,
            published=entry.digest if entry else None,
            local=local,
            target=target,
        )
    for key, entry in published.items():
        if key not in wanted:
            yield Compared(
                image=targets[0].variant.image,
                reference=str(reference),
                platform=str(entry.platform),
                state="extra",
                published=entry.digest,
            )


def _state(target: Target, local: Digest | None, entry: Descriptor | None) -> tuple[State, tuple[str, ...]]:
    if entry is None:
        return "missing", ()
    if local == entry.digest:
        return "up to date", ()
    parts = differing(target.ingredients, entry.annotations)
    if parts is None:
        return "changed", ("published by another tool",)
    if parts or local:
        # The same ingredients and other bytes: a tool of the build gives another result each time.
        return "changed", parts or ("result of the same files",)
    return "up to date", ()


def _wanted(target: Target) -> Key:
    release = target.variant.release
    version = f"10.0.{release.build}" if release and target.variant.kind != "host-process" else ""
    platform = target.variant.platform
    return _key(platform, version)


def _key_of(platform: Platform) -> Key:
    version = platform.os_version if platform.os.lower() == "windows" else ""
    return _key(platform, ".".join(version.split(".")[:3]))


def _key(platform: Platform, version: str) -> Key:
    normal = platform.normalised()
    return normal.os, normal.architecture, normal.variant, version
