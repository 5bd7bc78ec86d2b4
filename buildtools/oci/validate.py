"""Checks of images and indexes that report every fault at once, each with a code and what to do.

The rules are those that decide which entry a node takes and whether it can run: the order of the
entries, four-part `os.version`, no two entries for one node, a HostProcess image alone among the Windows
entries, and an index that says of each image what the image's config says.

Source: opencontainers/image-spec:image-index.md ("the first matching entry SHOULD be used");
containerd/platforms and moby/moby:daemon/internal/distribution/pull_v2_windows.go for who relies on what.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from buildtools.errors import Diagnostic, Severity
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import (
    CONFIG_TYPES,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    LAYER_TYPES,
    Descriptor,
)
from buildtools.oci.digest import Digest, short
from buildtools.oci.documents import MAX_DOCUMENT, Index, Manifest
from buildtools.oci.platform import Platform, version_parts
from buildtools.oci.quote import quoted

Child = tuple[Manifest, ImageConfig]
NodeKey = tuple[str, str, str, str]

MAX_STACKED: Final = 127
"""Layers that Docker on Linux stacks for one image."""

_FROM_CONFIG: Final = "copy os.version from the base image's config"
_REBUILD: Final = "build the index from the images' configs"


def entry_order(platform: Platform) -> tuple[object, ...]:
    """The sort key of an index entry: Linux first and sorted, Windows last with the newest build first.

    Runtimes take the first entry that can run, or sort by a rule that newest first agrees with.
    """
    if platform.os.lower() == "windows":
        return 2, platform.architecture, platform.variant, *_newest_first(platform)
    rank = 0 if platform.os.lower() == "linux" else 1
    return rank, platform.os, platform.architecture, platform.variant, platform.os_version


def node_key(platform: Platform) -> NodeKey:
    """What no two entries share: operating system, architecture, variant and Windows build."""
    normal = platform.normalised()
    build = ".".join(normal.os_version.split(".")[:3]) if _is_windows(normal) else ""
    return normal.os, normal.architecture, normal.variant, build


def is_attestation(entry: Descriptor) -> bool:
    """Whether an entry is no image: BuildKit puts provenance and SBOMs under unknown/unknown."""
    if "vnd.docker.reference.type" in entry.annotations:
        return True
    return entry.platform is not None and entry.platform.os == entry.platform.architecture == "unknown"


def validate_manifest(
    manifest: Manifest, config: ImageConfig, *, entry: Descriptor | None = None, name: str = "the image"
) -> tuple[Diagnostic, ...]:
    """Every fault of an image; `entry` is the descriptor that an index has for it."""
    return (
        *_config_findings(name, manifest, config),
        *_layer_findings(name, manifest, config),
        *(_windows_findings(name, config) if _is_windows(config.platform) else ()),
        *(_entry_findings(name, entry, manifest, config) if entry else ()),
    )


def validate_index(index: Index, children: Mapping[Digest, Child]) -> tuple[Diagnostic, ...]:
    """Every fault of an index and of the images in it; `children` holds those by manifest digest."""
    named = [(entry_name(place, entry), entry) for place, entry in enumerate(index.manifests)]
    images = [
        (name, entry)
        for name, entry in named
        if entry.media_type not in INDEX_TYPES and not is_attestation(entry)
    ]
    platforms = [(name, entry.platform or Platform(os="", architecture="")) for name, entry in images]
    return (
        *_whole_findings(index),
        *(finding for name, entry in named for finding in _kind_findings(name, entry, index)),
        *validate_platforms(platforms),
        *_order_findings([(name, platform) for name, platform in platforms if platform.os]),
        *(finding for name, entry in images for finding in _child_findings(name, entry, children)),
    )


def validate_platforms(entries: Sequence[tuple[str, Platform]]) -> tuple[Diagnostic, ...]:
    """Every reason why these (name, platform) cannot stand in one index, whatever their order."""
    return (
        *(finding for name, platform in entries for finding in _platform_findings(name, platform)),
        *_duplicate_findings(entries),
        *_version_findings(entries),
    )


def _config_findings(name: str, manifest: Manifest, config: ImageConfig) -> Iterator[Diagnostic]:
    if manifest.config.media_type not in CONFIG_TYPES:
        yield _error(
            "config-media-type",
            f"{name} has a config of media type {quoted(manifest.config.media_type)}, "
            "which is not an image config",
            "nodes cannot run it: take it out of the index",
        )
    found, told = config.descriptor, manifest.config
    if (found.digest, found.size) != (told.digest, told.size):
        yield _error(
            "config-digest",
            f"{name} names config {told.digest} of {told.size} bytes, its config is {found.digest} "
            f"of {found.size} bytes",
            "fetch the config again or build the image again",
        )
    if not config.platform.os or not config.platform.architecture:
        yield _error(
            "config-platform",
            f"{name} has a config without operating system or architecture",
            "build it with a current tool",
        )


def _layer_findings(name: str, manifest: Manifest, config: ImageConfig) -> Iterator[Diagnostic]:
    layers, diff_ids, history = len(manifest.layers), len(config.diff_ids), len(config.layer_history)
    if layers != diff_ids:
        yield _error(
            "layer-count",
            f"{name} has {layers} layers and {diff_ids} diff_ids in its config",
            "no runtime unpacks it: build it again",
        )
    if config.history and history != layers:
        yield _finding(
            "history-count",
            "warning",
            f"{name} has {layers} layers and {history} entries of history for layers",
            "some registries refuse it: build it with a tool that writes an entry for each layer",
        )
    if layers > MAX_STACKED:
        yield _finding(
            "many-layers",
            "warning",
            f"{name} has {layers} layers, Docker on Linux stacks no more than {MAX_STACKED}",
            "join layers",
        )
    for place, layer in enumerate(manifest.layers):
        yield from _one_layer(f"layer {place} of {name}", layer)


def _one_layer(name: str, layer: Descriptor) -> Iterator[Diagnostic]:
    if layer.is_foreign:
        yield _error(
            "foreign-layer",
            f"{name} is left to another server, so that registries refuse it and nodes may not find it",
            "rebase the image on a base from after June 2023",
        )
    elif layer.media_type not in LAYER_TYPES:
        yield _error(
            "layer-media-type",
            f"{name} has media type {quoted(layer.media_type)}, which nodes cannot unpack",
            "write layers as tar, gzip or zstd",
        )
    if layer.size == 0:
        yield _error("empty-blob", f"{name} has 0 bytes, which is no tar", "build the image again")


def _windows_findings(name: str, config: ImageConfig) -> Iterator[Diagnostic]:
    if any(entry.upper().startswith("PATH=") and "%PATH%" in entry.upper() for entry in config.env):
        yield _error(
            "path-unexpanded",
            f"{name} sets PATH with %PATH% in it, which nothing expands",
            "write the whole PATH",
        )


def _entry_findings(
    name: str, entry: Descriptor, manifest: Manifest, config: ImageConfig
) -> Iterator[Diagnostic]:
    """What the index says of the image against what the image says of itself."""
    told, found = _identity(entry), _identity(manifest.descriptor)
    if told != found:
        yield _error("entry-digest", f"{name} is {told} in the index, the manifest is {found}", _REBUILD)
    if entry.platform is None:
        return
    index, image = entry.platform.normalised(), config.platform.normalised()
    if (index.os, index.architecture, index.variant) != (image.os, image.architecture, image.variant):
        yield _error(
            "platform-differs",
            f"{name} is for {index} in the index and for {image} in its config",
            _REBUILD,
        )
    if index.os_version != image.os_version:
        yield _error(
            "os-version-differs",
            f"{name} has os.version {_shown(index.os_version)} in the index and "
            f"{_shown(image.os_version)} in its config",
            _FROM_CONFIG,
        )
    if sorted(index.os_features) != sorted(image.os_features):
        yield _error(
            "os-features-differ",
            f"{name} has os.features {_shown(*index.os_features)} in the index and "
            f"{_shown(*image.os_features)} in its config",
            _REBUILD,
        )


def _whole_findings(index: Index) -> Iterator[Diagnostic]:
    if not index.manifests:
        yield _error("no-entries", "the index has no entries", "add images to it")
    if len(index.raw) > MAX_DOCUMENT:
        yield _error(
            "index-size",
            f"the index has {len(index.raw)} bytes, registries and nodes take at most {MAX_DOCUMENT}",
            "leave out annotations or entries",
        )


def _kind_findings(name: str, entry: Descriptor, index: Index) -> Iterator[Diagnostic]:
    if entry.media_type in INDEX_TYPES:
        yield _error(
            "nested-index",
            f"{name} is an index itself, which Docker and others do not follow",
            "put its images in its place",
        )
    elif is_attestation(entry):
        yield _finding(
            "attestation-entry",
            "warning",
            f"{name} is an attestation, which nodes never take and tools mistake for an image",
            "publish it as a referrer of the image",
        )
    elif (entry.media_type == DOCKER_MANIFEST) != (index.media_type == DOCKER_LIST):
        yield _finding(
            "media-type-mixed",
            "warning",
            f"{name} has media type {quoted(entry.media_type)} in an index of type "
            f"{quoted(index.media_type)}",
            "build all of them with OCI media types",
        )


def _child_findings(name: str, entry: Descriptor, children: Mapping[Digest, Child]) -> Iterable[Diagnostic]:
    child = children.get(entry.digest)
    if child is None:
        return (
            _error(
                "child-missing",
                f"{name} is not in the repository",
                "publish the image before the index, in the same repository",
            ),
        )
    return validate_manifest(*child, entry=entry, name=name)


def _platform_findings(name: str, platform: Platform) -> Iterator[Diagnostic]:
    if not platform.os or not platform.architecture:
        yield _error(
            "platform-missing",
            f"{name} does not say for which operating system and architecture it is",
            _REBUILD,
        )
    if not _is_windows(platform):
        return
    version = platform.os_version
    if version and version_parts(version) is None:
        three = version_parts(f"{version}.0") is not None
        yield _error(
            "os-version-short" if three else "os-version-malformed",
            f"{name} has os.version {quoted(version)} and needs one of four numbers",
            f"{_FROM_CONFIG}; Docker on Windows passes over what has three" if three else _FROM_CONFIG,
        )
    if platform.normalised().architecture != "amd64":
        yield _finding(
            "windows-architecture",
            "warning",
            f"{name} is for {platform}, and only amd64 nodes run Windows containers",
            "leave it out unless you know a node that takes it",
        )


def _duplicate_findings(entries: Sequence[tuple[str, Platform]]) -> Iterator[Diagnostic]:
    seen: dict[NodeKey, str] = {}
    for name, platform in entries:
        if not platform.os or not platform.architecture:
            continue
        key = node_key(platform)
        if key in seen:
            yield _error(
                "duplicate-platform",
                f"{name} is for the same nodes as {seen[key]}",
                "leave one of them out",
            )
        seen.setdefault(key, name)


def _version_findings(entries: Sequence[tuple[str, Platform]]) -> Iterator[Diagnostic]:
    """Windows entries without os.version: any node takes them, which only HostProcess images stand."""
    windows = [(name, platform) for name, platform in entries if _is_windows(platform)]
    mixed = any(platform.os_version for _, platform in windows)
    for name, platform in windows:
        if platform.os_version:
            continue
        if mixed:
            yield _error(
                "host-process-mixed",
                f"{name} has no os.version beside Windows entries that have one, so that nodes of any "
                "build may take it",
                f"{_FROM_CONFIG}, or publish a HostProcess image under a name of its own",
            )
        else:
            yield _finding(
                "os-version-missing",
                "note",
                f"{name} has no os.version, so that nodes of any build take it",
                f"right for a HostProcess image alone; for any other {_FROM_CONFIG}",
            )


def _order_findings(entries: Sequence[tuple[str, Platform]]) -> Iterator[Diagnostic]:
    best = sorted(entries, key=lambda item: entry_order(item[1]))
    hint = "put them in this order: " + ", ".join(str(platform) for _, platform in best)
    windows = [platform for _, platform in entries if _is_windows(platform)]
    if windows != sorted(windows, key=entry_order):
        yield _error(
            "windows-order",
            "the Windows entries do not stand with the newest build first, so that nodes that take the "
            "first match take an older one than their own",
            hint,
        )
    elif list(entries) != best:
        yield _finding(
            "entry-order",
            "warning",
            "the entries do not stand with Linux first and sorted and Windows behind it",
            hint,
        )
    if len({len(platform.os_features) for platform in windows}) > 1:
        yield _finding(
            "os-features-mixed",
            "warning",
            "the Windows entries differ in the number of their os.features, and containerd 2.3 on Windows "
            "prefers the entry with more of them to the newer build",
            "use one kind of base for every build",
        )


def _newest_first(platform: Platform) -> tuple[int, ...]:
    return tuple(-part for part in version_parts(platform.os_version) or (0, 0, 0, 0))


def _is_windows(platform: Platform) -> bool:
    return platform.os.lower() == "windows"


def entry_name(place: int, entry: Descriptor) -> str:
    """What findings call an entry of an index: `manifests[0] (linux/amd64)`."""
    what = str(entry.platform) if entry.platform and entry.platform.os else short(entry.digest)
    return f"manifests[{place}] ({what})"


def _identity(descriptor: Descriptor) -> str:
    return f"{descriptor.digest} of {descriptor.size} bytes and media type {descriptor.media_type}"


def _shown(*texts: str) -> str:
    return ", ".join(text for text in texts if text) or "none"


def _error(code: str, message: str, hint: str) -> Diagnostic:
    return _finding(code, "error", message, hint)


def _finding(code: str, severity: Severity, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint, severity=severity)
