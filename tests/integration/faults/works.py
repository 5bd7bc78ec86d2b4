"""What is killed on its way: commands, each with the tags that it sets and what must be there at the end."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildtools import pins
from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index
from buildtools.stores.referrers import fallback_tag, referrer_descriptor
from tests.fakes import oracle
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import Image, index
from tests.fakes.promotions import ARM, IMAGES, INDEX, LINUX, REFERRERS, WINDOWS, Referrer, referrer
from tests.fakes.proxy import Proxy
from tests.integration.faults.conftest import OLD_INDEX, Lab

SOURCE: Final = "crashes/source"
NEWER: Final = "mcr/windows/newer"
LATE: Final = referrer(INDEX.descriptor, b"a scan that the target has alone", "application/scan")
"""What a target names already, and must still name when others have written its list."""


def nothing() -> None:
    """No more is asked of a place."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One command and its place.

    `tags` are references without a proxy: host, repository and tag. Each is on what it was on, or on `digest`
    (empty: whatever an undisturbed run makes). `befores` are what tags may be on before. `sound` fails for
    anything else that is not whole, at any time, and `ended` for what must be there at the end.
    """

    command: tuple[str, ...]
    cwd: Path
    proxies: Sequence[Proxy]
    tags: Sequence[tuple[str, str, str]]
    befores: frozenset[str]
    digest: str = ""
    sound: Callable[[], None] = nothing
    ended: Callable[[], None] = nothing

    def states(self) -> list[str]:
        """What each tag is on, empty where it is not there; what it leads to is found to be complete."""
        for proxy in self.proxies:
            proxy.wait_idle()
        found = [oracle.digest_at(*tag) for tag in self.tags]
        for tag, digest in zip(self.tags, found, strict=True):
            assert not digest or oracle.complete(*tag) == digest, tag
        return found


def publishing(
    lab: Lab, *, old: bool, image: str = "hello", tags: Sequence[str] = ("latest",), twice: bool = False
) -> Work:
    """An image that is built, to one registry or two."""
    place = lab.place(old=tags[-1] if old else "", image=image)
    proxies = [lab.proxy, lab.other] if twice else [lab.proxy]
    to = [word for proxy in proxies for word in ("--to", f"{proxy.host}/{place}")]
    named = [word for tag in tags for word in ("--tag", tag)]
    return Work(
        command=("publish", image, *to, *named, "-C", str(lab.root), "--dist", str(lab.dist)),
        cwd=lab.root,
        proxies=proxies,
        tags=[(proxy.upstream, f"{place}/{image}", tag) for proxy in proxies for tag in tags],
        befores=frozenset({"", OLD_INDEX.descriptor.digest}),
        digest=lab.digest(image),
    )


def first_run(lab: Lab, *, old: bool) -> Work:
    """A project without pins and without a build: all of it by one `publish`."""
    place = lab.place(old="latest" if old else "")
    root = lab.root.parent / "first" / place
    shutil.copytree(lab.root, root, ignore=shutil.ignore_patterns("pins.json"))
    path, wanted = root / "images" / "pins.json", lab.root / "images" / "pins.json"

    def sound() -> None:
        if path.exists():
            pins.parse(path.read_text(encoding="utf-8"))

    def ended() -> None:
        assert path.read_bytes() == wanted.read_bytes()

    return Work(
        command=(
            "publish", "hello", "--to", f"{lab.proxy.host}/{place}",
            "-C", str(root), "--dist", str(root / "dist"),
        ),
        cwd=root,
        proxies=[lab.source, lab.proxy],
        tags=[(lab.registry.host, f"{place}/hello", "latest")],
        befores=frozenset({"", OLD_INDEX.descriptor.digest}),
        digest=lab.digest(),
        sound=sound,
        ended=ended,
    )  # fmt: skip


def promoting(lab: Lab, *, old: bool) -> Work:
    """An index with referrers, and referrers of these, to a registry without the referrers API."""
    fill(lab.vendor, SOURCE, IMAGES, INDEX, tag="1.0")
    put_referrers(lab.vendor, SOURCE, *REFERRERS)
    place = lab.place(old="1.0" if old else "", image="app")
    name = f"{place}/app"
    there = [LATE] if old else []
    put_referrers(lab.registry, name, *there)
    lists = {fallback_tag(subject(item)) for item in REFERRERS}

    def sound() -> None:
        for tag in lists:
            named = oracle.named(lab.registry.host, name, tag)
            assert {entry["digest"] for entry in named} >= digests(there, tag)
            assert not named or oracle.complete(lab.registry.host, name, tag)

    def ended() -> None:
        for tag in lists:
            named = oracle.named(lab.registry.host, name, tag)
            assert {entry["digest"] for entry in named} == digests([*REFERRERS, *there], tag)

    return Work(
        command=(
            "promote", f"{lab.source.host}/{SOURCE}:1.0", f"{lab.proxy.host}/{name}:1.0", "--tag", "latest",
        ),
        cwd=lab.root,
        proxies=[lab.source, lab.proxy],
        tags=[(lab.registry.host, name, tag) for tag in ("1.0", "latest")],
        befores=frozenset({"", OLD_INDEX.descriptor.digest}),
        digest=INDEX.descriptor.digest,
        sound=sound,
        ended=ended,
    )  # fmt: skip


def creating(lab: Lab, *, old: bool) -> Work:
    """An index out of three images of another registry."""
    return joining(lab, "create", lab.place(old="1" if old else "", image="app"), *IMAGES)


def merging(lab: Lab, *, old: bool) -> Work:
    """A Windows image beside those of an index that is there."""
    place = lab.place(image="app")
    if old:
        fill(lab.registry, f"{place}/app", [LINUX, ARM], index(LINUX, ARM), tag="1")
    return joining(lab, "merge", place, WINDOWS, *([] if old else [LINUX, ARM]))


def joining(lab: Lab, action: str, place: str, *images: Image) -> Work:
    """`index` with images of another registry."""
    fill(lab.vendor, SOURCE, IMAGES, INDEX, tag="1.0")
    sources = [f"{lab.source.host}/{SOURCE}@{image.entry.digest}" for image in images]
    return Work(
        command=("index", action, f"{lab.proxy.host}/{place}/app:1", *sources),
        cwd=lab.root,
        proxies=[lab.source, lab.proxy],
        tags=[(lab.registry.host, f"{place}/app", "1")],
        befores=frozenset({"", OLD_INDEX.descriptor.digest, index(LINUX, ARM).descriptor.digest}),
    )


def rebasing(lab: Lab, *, old: bool) -> Work:
    """An index whose Windows images get newer bases, under its own tag or another one."""
    place = lab.place()
    assert lab.publish(place).code == 0
    newer = [put_base(lab.vendor, NEWER, windows(f"{version}9"), text="newer") for version in BUILDS.values()]
    put_base_index(lab.vendor, NEWER, "1", newer)
    tag = "latest" if old else "rebased"
    return Work(
        command=(
            "rebase", f"{lab.proxy.host}/{place}/hello:latest", "--tag", tag,
            "--to-base", "windows=mcr.microsoft.com/windows/newer:1", "-C", str(lab.root),
        ),
        cwd=lab.root,
        proxies=[lab.source, lab.proxy],
        tags=[(lab.registry.host, f"{place}/hello", tag)],
        befores=frozenset({"", lab.digest()}),
    )  # fmt: skip


def fill(registry: DockerRegistry, name: str, images: Iterable[Image], root: Index, *, tag: str) -> None:
    """Seed an index and its images, unless it is there."""
    if oracle.digest_at(registry.host, name, tag) == root.descriptor.digest:
        return
    for image in images:
        for blob in image.blobs:
            registry.put_blob(name, blob)
        registry.put_manifest(name, image.manifest.raw, image.manifest.media_type)
    registry.put_manifest(name, root.raw, root.media_type, tag=tag)


def put_referrers(registry: DockerRegistry, name: str, *referrers: Referrer) -> None:
    """Seed referrers, and the fallback tags that name them."""
    lists: dict[str, list[Descriptor]] = {}
    for item in referrers:
        for blob in item.blobs:
            registry.put_blob(name, blob)
        registry.put_manifest(name, item.manifest.raw, OCI_MANIFEST)
        lists.setdefault(fallback_tag(subject(item)), []).append(referrer_descriptor(item.manifest))
    for tag, entries in lists.items():
        registry.put_manifest(name, Index.build(manifests=entries).raw, OCI_INDEX, tag=tag)


def subject(item: Referrer) -> str:
    """The digest of what an artifact refers to."""
    assert item.manifest.subject
    return item.manifest.subject.digest


def digests(referrers: Iterable[Referrer], tag: str) -> set[str]:
    """The digests of those artifacts that a fallback tag has to name."""
    return {item.manifest.descriptor.digest for item in referrers if fallback_tag(subject(item)) == tag}
