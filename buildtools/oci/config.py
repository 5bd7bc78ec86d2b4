"""Image configs: what an image is made of and how it runs, and how one grows out of its base's.

Like every document a config is its bytes; a new one takes over all that its base says and changes only
what it must. `os.version`, `os.features` and the architecture are the base's and nobody else's.

Source: opencontainers/image-spec:config.md; moby/moby:api/types/container for Docker's `ArgsEscaped`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from buildtools.oci.descriptor import OCI_CONFIG, Descriptor
from buildtools.oci.digest import Digest, parse_digest
from buildtools.oci.jsonbytes import DocumentError, Field, canonical_json, read_json
from buildtools.oci.platform import Platform
from buildtools.oci.quote import quoted

MAX_LAYERS: Final = 1000
"""Layers that a config may have, as many as a manifest."""

MAX_ITEMS: Final = 10_000
"""Entries that each list or map of a config may have; the longest real ones have dozens."""

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

PADDING: Final = "layer of the base image"
"""What history says of layers that the base's own history leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """How one layer came about, or with `empty_layer` a change of the config alone."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False

    def to_json(self) -> dict[str, Any]:
        """The history object; empty keys are left out."""
        keys = ("created", "created_by", "author", "comment", "empty_layer")
        return {key: value for key in keys if (value := getattr(self, key))}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSettings:
    """What a definition says about running an image; None and empty leave the base's word standing.

    `entrypoint` and `cmd` as empty tuples take the base's away. `env` holds whole values: on Windows no
    `%PATH%` is expanded. `exposed_ports` are `8080` (TCP), `8080/tcp` or `53/udp`.
    """

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    user: str | None = None
    working_dir: str | None = None
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop_signal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """An image's config. Equal when the bytes are; every other field is what they say."""

    raw: bytes
    descriptor: Descriptor = field(compare=False)
    document: Mapping[str, Any] = field(compare=False, repr=False)
    platform: Platform = field(compare=False)
    created: str = field(compare=False)
    diff_ids: tuple[Digest, ...] = field(compare=False)
    history: tuple[HistoryEntry, ...] = field(compare=False)
    env: tuple[str, ...] = field(compare=False)
    entrypoint: tuple[str, ...] = field(compare=False)
    cmd: tuple[str, ...] = field(compare=False)
    user: str = field(compare=False)
    working_dir: str = field(compare=False)
    labels: Mapping[str, str] = field(compare=False)
    exposed_ports: tuple[str, ...] = field(compare=False)
    volumes: tuple[str, ...] = field(compare=False)
    stop_signal: str = field(compare=False)
    args_escaped: bool = field(compare=False)

    @classmethod
    def parse(cls, raw: bytes, media_type: str = OCI_CONFIG) -> "ImageConfig":
        """Read a config, every field checked; raises DocumentError."""
        document = read_json(raw, "the image config")
        run = document.get("config")
        return cls(
            raw=raw,
            descriptor=Descriptor.of(raw, media_type),
            document=document.object(),
            platform=_platform(document),
            created=document.get("created").text(),
            diff_ids=_diff_ids(document),
            history=tuple(_history(item) for item in document.get("history").items(most=MAX_ITEMS)),
            env=run.get("Env").texts(most=MAX_ITEMS),
            entrypoint=run.get("Entrypoint").texts(most=MAX_ITEMS),
            cmd=run.get("Cmd").texts(most=MAX_ITEMS),
            user=run.get("User").text(),
            working_dir=run.get("WorkingDir").text(),
            labels=run.get("Labels").strings(most=MAX_ITEMS),
            exposed_ports=run.get("ExposedPorts").keys(most=MAX_ITEMS),
            volumes=run.get("Volumes").keys(most=MAX_ITEMS),
            stop_signal=run.get("StopSignal").text(),
            args_escaped=run.get("ArgsEscaped").flag(),
        )

    @property
    def layer_history(self) -> tuple[HistoryEntry, ...]:
        """The entries of history that stand for a layer each."""
        return tuple(entry for entry in self.history if not entry.empty_layer)


def append_layers(
    base: ImageConfig, *, diff_ids: Sequence[Digest], history: Sequence[HistoryEntry]
) -> ImageConfig:
    """The base's config with further layers, one entry of history for each.

    History that leaves out layers of the base is filled up, since registries refuse a config whose
    entries and layers differ in number. Raises DocumentError.
    """
    return ImageConfig.parse(canonical_json(_with_layers(base.document, base, diff_ids, history)))


def build_config(
    base: ImageConfig | None,
    *,
    platform: Platform,
    settings: ConfigSettings,
    diff_ids: Sequence[Digest],
    history: Sequence[str],
    created: str,
) -> ImageConfig:
    """The config of an image: further layers and settings on a base, or on nothing (`scratch`).

    `history` says in a few words how each of `diff_ids` came about; `created` is an RFC 3339 time. With a
    base the platform is the base's own; raises DocumentError when it is another than `platform` asks for.
    """
    if not _RFC_3339.fullmatch(created):
        raise DocumentError(f"{quoted(created)} is not a time: write it as 2026-11-24T00:00:00Z")
    start = _scratch(platform) if base is None else _of_platform(base, platform)
    entries = [HistoryEntry(created=created, created_by=text) for text in history]
    document = _with_layers(start.document, start, diff_ids, entries)
    windows = start.platform.os.lower() == "windows"
    document["config"] = _merged(start, settings, ignore_case=windows)
    document["created"] = created
    return ImageConfig.parse(canonical_json(document))


def _scratch(platform: Platform) -> ImageConfig:
    document = replace(platform, extra={}).to_json() | {
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    return ImageConfig.parse(canonical_json(document))


def _of_platform(base: ImageConfig, platform: Platform) -> ImageConfig:
    """The base, which must be of the operating system, architecture and build asked for."""
    found, wanted = base.platform.normalised(), platform.normalised()
    if (found.os, found.architecture) != (wanted.os, wanted.architecture):
        raise DocumentError(f"the base is an image for {found}, the definition asks for {wanted}")
    if wanted.variant and found.variant and found.variant != wanted.variant:
        raise DocumentError(f"the base is an image for {found}, the definition asks for {wanted}")
    if wanted.os_version and _build(found.os_version) != _build(wanted.os_version):
        raise DocumentError(
            f"the base has os.version {found.os_version or 'none'}, "
            f"the definition asks for {wanted.os_version}"
        )
    return base


def _build(os_version: str) -> list[str]:
    """Major, minor and build, which the base and what is asked for must share."""
    return os_version.split(".")[:3]


def _with_layers(
    document: Mapping[str, Any],
    base: ImageConfig,
    diff_ids: Sequence[Digest],
    history: Sequence[HistoryEntry],
) -> dict[str, Any]:
    if len(diff_ids) != len(history):
        raise DocumentError(
            f"{len(diff_ids)} layers are added with {len(history)} entries of history: one each is needed"
        )
    told = len(base.layer_history)
    if told > len(base.diff_ids):
        raise DocumentError(f"the base's history tells of {told} layers, its rootfs has {len(base.diff_ids)}")
    added = [HistoryEntry(created_by=PADDING)] * (len(base.diff_ids) - told) + list(history)
    rootfs = dict(document.get("rootfs") or {})
    rootfs["type"] = "layers"
    rootfs["diff_ids"] = [*base.diff_ids, *(parse_digest(diff_id) for diff_id in diff_ids)]
    return {
        **document,
        "rootfs": rootfs,
        "history": [*(document.get("history") or ()), *(entry.to_json() for entry in added)],
    }


def _merged(base: ImageConfig, settings: ConfigSettings, *, ignore_case: bool) -> dict[str, Any]:
    """The base's `config` object with the settings on top; keys that end up empty are left out."""
    run: dict[str, Any] = dict(base.document.get("config") or {})
    if settings.entrypoint is not None:
        run["Entrypoint"] = list(settings.entrypoint)
        # The base's Cmd were arguments of the base's program (docker build does the same).
        run.pop("Cmd", None)
    if settings.cmd is not None:
        run["Cmd"] = list(settings.cmd)
    if settings.entrypoint is not None or settings.cmd is not None:
        # It says that the first argument is a whole command line, which is true of the base's only.
        run.pop("ArgsEscaped", None)
    if settings.env:
        run["Env"] = merge_env(base.env, settings.env, ignore_case=ignore_case)
    plain = {"User": settings.user, "WorkingDir": settings.working_dir, "StopSignal": settings.stop_signal}
    run |= {key: value for key, value in plain.items() if value is not None}
    run["Labels"] = {**base.labels, **settings.labels}
    run["ExposedPorts"] = _as_set(base.exposed_ports, map(_port, settings.exposed_ports))
    run["Volumes"] = _as_set(base.volumes, settings.volumes)
    return {key: value for key, value in run.items() if value not in (None, "", [], {})}


def merge_env(base: Iterable[str], env: Mapping[str, str], *, ignore_case: bool) -> list[str]:
    """`NAME=value` entries of the base, those in `env` replaced in place and new ones at the end.

    `ignore_case` is for Windows, where `Path` and `PATH` are one variable. Raises DocumentError for a
    name that no environment can hold.
    """
    wanted: dict[str, str] = {}
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise DocumentError(f"environment variable {quoted(name)} has a name or value that cannot be set")
        wanted[_folded(name, ignore_case=ignore_case)] = f"{name}={value}"
    # Of two entries with one name the later counts, as it does at run time.
    merged = {_folded(env_name(entry), ignore_case=ignore_case): entry for entry in base}
    return list((merged | wanted).values())


def env_name(entry: str) -> str:
    """The name in a `NAME=value` entry."""
    # Windows keeps the directories of drives in variables that start with "=", as in "=C:=C:\\app".
    end = entry.find("=", 1)
    return entry if end < 0 else entry[:end]


def _folded(name: str, *, ignore_case: bool) -> str:
    return name.upper() if ignore_case else name


def _port(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"


def _as_set(base: Iterable[str], added: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Go writes a set of strings as an object of empty objects."""
    return {key: {} for key in (*base, *added)}


def _platform(document: Field) -> Platform:
    return Platform(
        os=document.get("os").text(),
        architecture=document.get("architecture").text(),
        variant=document.get("variant").text(),
        os_version=document.get("os.version").text(),
        os_features=document.get("os.features").texts(most=MAX_ITEMS),
    )


def _diff_ids(document: Field) -> tuple[Digest, ...]:
    rootfs = document.get("rootfs")
    if rootfs.get("type").text() not in {"", "layers"}:
        raise rootfs.get("type").wrong("layers")
    return tuple(item.digest() for item in rootfs.get("diff_ids").items(most=MAX_LAYERS))


def _history(entry: Field) -> HistoryEntry:
    return HistoryEntry(
        created=entry.get("created").text(),
        created_by=entry.get("created_by").text(),
        author=entry.get("author").text(),
        comment=entry.get("comment").text(),
        empty_layer=entry.get("empty_layer").flag(),
    )
