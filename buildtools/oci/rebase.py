"""An image on another base: the same application layers and settings above another root.

The application's settings are what its config says differently from its old base's; these are put on the
new base's config, everything else is the new base's. A key that both have changed is the application's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import HistoryEntry, ImageConfig, append_layers, env_name, merge_env
from buildtools.oci.descriptor import (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    Descriptor,
)
from buildtools.oci.documents import DocumentError, Manifest, canonical_json
from buildtools.oci.platform import Platform, version_parts

APPLICATION: Final = "layer of the application"
"""What history says of layers that the image's own history leaves out."""

_PLATFORM: Final = ("os", "architecture", "variant", "os.version", "os.features")
_OWN: Final = frozenset({*_PLATFORM, "rootfs", "history", "config", "created"})
"""Keys of a config that are not merged as they are."""

_MAPS: Final = ("Labels", "ExposedPorts", "Volumes")
_INSIDE: Final = frozenset({"Env", *_MAPS})
"""Keys of the `config` object that are merged entry by entry."""
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})

_DOCKER_LAYERS: Final[Mapping[str, str]] = {OCI_LAYER: DOCKER_LAYER, OCI_LAYER_GZIP: DOCKER_LAYER_GZIP}


class RebaseError(DocumentError):
    """The image does not stand on that base, or cannot stand on the other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """An image, or a base: its manifest and its config."""

    manifest: Manifest
    config: ImageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebased:
    """The new image; `conflicts` names settings that application and base have both changed."""

    manifest: Manifest
    config: ImageConfig
    conflicts: tuple[str, ...] = ()


def stands_on(image: Stack, base: Stack) -> bool:
    """Whether the base's layers are the image's lowest: by digest, or unpacked by `diff_id`."""
    count = len(base.manifest.layers)
    if not count or len(image.manifest.layers) != len(image.config.diff_ids):
        return False
    layers = [layer.digest for layer in image.manifest.layers[:count]]
    if layers == [layer.digest for layer in base.manifest.layers]:
        return True
    return len(base.config.diff_ids) == count and image.config.diff_ids[:count] == base.config.diff_ids


def rebase(image: Stack, *, old: Stack, new: Stack, name: str, created: str) -> Rebased:
    """The image on `new` in place of `old`; `name` is what the new base is called from now on.

    `created` is an RFC 3339 time. Raises RebaseError when the image does not stand on the old base, when the
    new one is for another platform or Windows build, and DocumentError.
    """
    if not stands_on(image, old):
        raise RebaseError("its lowest layers are not those of its base")
    _check_platform(image.config.platform, new.config.platform)
    count = len(old.manifest.layers)
    conflicts: list[str] = []
    top = _merged(
        *(_without(stack.config.document, _OWN) for stack in (image, old, new)), conflicts=conflicts
    )
    # The base with its own history filled up, where that leaves out layers.
    start = append_layers(new.config, diff_ids=(), history=()).document
    document = {key: value for key, value in start.items() if key in _OWN} | {
        "config": _settings((image.config, old.config, new.config), conflicts),
        "created": created,
        "history": [*start["history"], *_application_history(image.config, old.config, count)],
        "rootfs": {
            **start["rootfs"],
            "diff_ids": [*new.config.diff_ids, *image.config.diff_ids[count:]],
        },
    }
    config = ImageConfig.parse(canonical_json({**top, **document}), image.manifest.config.media_type)
    return Rebased(
        manifest=_manifest(image, new, config, name=name, created=created, count=count),
        config=config,
        conflicts=tuple(conflicts),
    )


def is_older(base: Platform, image: Platform) -> bool:
    """Whether a base has an older patch of Windows than the image stands on; of Linux nobody can tell."""
    one, other = (version_parts(platform.os_version) for platform in (base, image))
    windows = base.os.lower() == image.os.lower() == "windows"
    return bool(windows and one and other and one[:3] == other[:3] and one[3] < other[3])


def later(*times: str) -> str:
    """The latest of RFC 3339 times as it is written; what is no time does not count. Empty for none."""
    return max(filter(_instant, times), key=_instant, default="")


def _instant(text: str) -> float:
    """Seconds since 1970, 0 for what is no time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _check_platform(image: Platform, base: Platform) -> None:
    one, other = image.normalised(), base.normalised()
    same = (one.os, one.architecture) == (other.os, other.architecture)
    if not same or _build(image) != _build(base):
        raise RebaseError(f"it is an image for {image}, the new base is for {base}")


def _build(platform: Platform) -> list[str]:
    """Major, minor and build of Windows; nothing elsewhere, where kernels are of no matter."""
    return platform.os_version.split(".")[:3] if platform.os.lower() == "windows" else []


def _manifest(
    image: Stack, new: Stack, config: ImageConfig, *, name: str, created: str, count: int
) -> Manifest:
    old = image.manifest
    layers = (*new.manifest.layers, *old.layers[count:])
    annotations: dict[str, str] = {}
    if old.media_type == DOCKER_MANIFEST:
        # Docker's manifests have no annotations, and its layers have names of their own.
        layers = tuple(_as_docker(layer) for layer in layers)
    else:
        annotations = {
            **old.annotations,
            BASE_NAME: name,
            BASE_DIGEST: new.manifest.descriptor.digest,
            CREATED: created,
        }
    return Manifest.build(
        config=config.descriptor,
        layers=layers,
        annotations=annotations,
        subject=old.subject,
        artifact_type=old.artifact_type,
        media_type=old.media_type,
    )


def _as_docker(layer: Descriptor) -> Descriptor:
    return replace(layer, media_type=_DOCKER_LAYERS.get(layer.media_type, layer.media_type))


def _application_history(image: ImageConfig, old: ImageConfig, count: int) -> list[dict[str, Any]]:
    """The entries of history for the application's layers, and those between that have none.

    What the base's own history says is left out. Layers that no entry tells of get one.
    """
    told = list(image.history)
    start, missing = 0, count
    if tuple(told[: len(old.history)]) == old.history:
        start, missing = len(old.history), count - len(old.layer_history)
    while missing > 0 and start < len(told):
        missing -= not told[start].empty_layer
        start += 1
    wanted = len(image.diff_ids) - count
    found = sum(not entry.empty_layer for entry in told[start:])
    if found > wanted:
        raise RebaseError(f"its history tells of {found} layers above its base, it has {wanted}")
    rest = [dict(entry) for entry in (image.document.get("history") or ())[start:]]
    return rest + [HistoryEntry(created_by=APPLICATION).to_json()] * (wanted - found)


def _settings(configs: tuple[ImageConfig, ImageConfig, ImageConfig], conflicts: list[str]) -> dict[str, Any]:
    """The `config` objects of image, old and new base merged, lists and maps entry by entry."""
    parts = [_run(config) for config in configs]
    program = _program_keys(parts[0], parts[1])
    run = _merged(*(_without(part, _INSIDE | program) for part in parts), conflicts=conflicts)
    # What the application runs is one thing, of which a base changes no part.
    run |= {key: parts[0][key] for key in program if key in parts[0]}
    for key in _MAPS:
        run[key] = _merged(*(part.get(key, {}) for part in parts), conflicts=conflicts, inside=f"{key} ")
    windows = configs[2].platform.os.lower() == "windows"
    run["Env"] = _env(*(config.env for config in configs), ignore_case=windows, conflicts=conflicts)
    return {key: value for key, value in run.items() if value not in _EMPTY}


def _run(config: ImageConfig) -> dict[str, Any]:
    """The `config` object without what is empty, which some tools write and others leave out."""
    run = config.document.get("config") or {}
    return {key: value for key, value in run.items() if value not in _EMPTY}


def _program_keys(image: Mapping[str, Any], old: Mapping[str, Any]) -> frozenset[str]:
    """The keys that say what runs, as far as the application has a word in them."""
    if image.get("Entrypoint") != old.get("Entrypoint"):
        return frozenset({"Entrypoint", "Cmd", "ArgsEscaped"})
    if image.get("Cmd") != old.get("Cmd"):
        return frozenset({"Cmd", "ArgsEscaped"})
    return frozenset()


def _env(
    image: Sequence[str],
    old: Sequence[str],
    new: Sequence[str],
    *,
    ignore_case: bool,
    conflicts: list[str],
) -> list[str]:
    def by_name(entries: Iterable[str]) -> dict[str, str]:
        return {fold(env_name(entry)): entry for entry in entries}

    fold: Callable[[str], str] = str.upper if ignore_case else str
    mine, before, after = by_name(image), by_name(old), by_name(new)
    if mine == before:
        return list(new)
    kept = _merged(mine, before, after, conflicts=conflicts, inside="Env ")
    own = {
        env_name(entry): entry[len(env_name(entry)) + 1 :]
        for name, entry in mine.items()
        if entry != before.get(name)
    }
    return merge_env([entry for name, entry in after.items() if name in kept], own, ignore_case=ignore_case)


def _merged(
    image: Mapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    conflicts: list[str],
    inside: str = "",
) -> dict[str, Any]:
    """What the image changed of the old on top of the new; None and absent are the same."""
    merged = dict(new)
    for key in dict.fromkeys((*image, *old)):
        mine, before, after = (document.get(key) for document in (image, old, new))
        if mine == before:
            continue
        if after not in (before, mine):
            conflicts.append(f"{inside}{key}")
        if mine is None:
            merged.pop(key, None)
        else:
            merged[key] = mine
    return merged


def _without(document: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}
