"""From what an engine built to an image in a store: its config put in order, its manifest, its record.

A build by an engine is not the same bytes twice: files carry the time at which a step wrote them. What can
be the same is: ids of the engine's containers are left out of the config, and its times are the target's.
"""

from dataclasses import dataclass
from typing import Any, Final

from buildtools.engines.assemble import put_bytes, rfc3339
from buildtools.engines.base import BaseImage, record_of
from buildtools.engines.saved import Saved
from buildtools.errors import BuildError, VerificationError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import ImageConfig, build_config
from buildtools.oci.descriptor import OCI_MANIFEST
from buildtools.oci.documents import DocumentError, Manifest
from buildtools.oci.jsonbytes import canonical_json
from buildtools.plan import Target
from buildtools.record import BlobRecord, BuildRecord
from buildtools.spec.variant import SCRATCH
from buildtools.stores.base import Store

_OF_THE_ENGINE: Final = frozenset(
    {"container", "container_config", "docker_version", "id", "parent", "throwaway"}
)
_OF_A_CONTAINER: Final = frozenset(
    {"Hostname", "Domainname", "Image", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
     "StdinOnce", "OnBuild"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came out of the engine, and the pinned base whose layers it begins with, if any."""

    saved: Saved
    base: BaseImage | None


def put_image(target: Target, made: Made, store: Store) -> BuildRecord:
    """Put config and manifest beside the layers; raises BuildError and VerificationError."""
    created = rfc3339(target.created)
    try:
        config = _config(target, made, created)
    except DocumentError as error:
        raise BuildError(f"{target.name}: what the engine built cannot be used: {error}") from error
    _assert_release(target, config)
    manifest = Manifest.build(
        config=config.descriptor,
        layers=tuple(layer.descriptor for layer in made.saved.layers),
        annotations=_annotations(target, made, created),
        media_type=OCI_MANIFEST,
    )
    put_bytes(store, config.descriptor, config.raw)
    store.put_manifest(manifest.raw, manifest.media_type)
    return _record(target, made, config, manifest)


def _config(target: Target, made: Made, created: str) -> ImageConfig:
    """The engine's config without what is of its machine, with what the definition says on top."""
    document: dict[str, Any] = dict(ImageConfig.parse(made.saved.config).document)
    document = {key: value for key, value in document.items() if key not in _OF_THE_ENGINE}
    run = dict(document.get("config") or {})
    document["config"] = {
        key: value for key, value in run.items() if key not in _OF_A_CONTAINER and value is not None
    }
    kept = len(made.base.config.history) if made.base else 0
    history = [dict(entry) for entry in document.get("history") or ()]
    document["history"] = [
        entry if place < kept else {**entry, "created": created} for place, entry in enumerate(history)
    ]
    base = ImageConfig.parse(canonical_json(document))
    return build_config(
        base,
        platform=target.variant.platform,
        settings=target.variant.config,
        diff_ids=(),
        history=(),
        created=created,
    )


def _assert_release(target: Target, config: ImageConfig) -> None:
    release, found = target.variant.release, config.platform.os_version
    if release and not found.startswith(f"10.0.{release.build}."):
        raise VerificationError(
            f"{target.name}: the engine built an image with os.version {found or 'none'}, and "
            f"{release.name} is 10.0.{release.build}",
            hint="let FROM name a base of that release, with an ARG that image.yaml fills with {release}",
        )


def _annotations(target: Target, made: Made, created: str) -> dict[str, str]:
    annotations = {CREATED: created}
    if made.base and target.base.reference != SCRATCH:
        annotations |= {BASE_NAME: target.base.reference, BASE_DIGEST: target.base.digest}
    return annotations


def _record(target: Target, made: Made, config: ImageConfig, manifest: Manifest) -> BuildRecord:
    below = len(made.base.manifest.layers) if made.base else 0
    layers = [BlobRecord.of(layer.descriptor, diff_id=layer.diff_id) for layer in made.saved.layers]
    return record_of(target, config, manifest, layers=layers[below:], base_layers=layers[:below], tools={})
