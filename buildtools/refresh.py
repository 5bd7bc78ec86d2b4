"""Resolving: what references and assets mean today, down to digests and the documents behind them.

The entry of a base's index is chosen by its exact Windows build, never by what some host would also run,
and the base's config has the last word on what it is.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from buildtools.errors import BuildError, VerificationError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import DocumentError, Index, Manifest, parse_document
from buildtools.oci.platform import Platform
from buildtools.oci.validate import is_attestation
from buildtools.parts import differing
from buildtools.pins import AssetPin, BasePin, Pins
from buildtools.plan import Target
from buildtools.spec.variant import Fetch
from buildtools.stores.base import Readable, read_document
from buildtools.windows.releases import OsVersionError, parse_os_version

PARALLEL: Final = 4
"""References that are resolved at the same time."""

_MOST_LISTED: Final = 12

OpenReference = Callable[[str], tuple[Readable, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseNeed:
    """A base that a variant stands on; `build` is the Windows build, None on Linux; `key` names the pin."""

    reference: str
    platform: Platform
    build: int | None
    key: str


def resolve_bases(needs: Sequence[BaseNeed], open_reference: OpenReference) -> dict[BaseNeed, BasePin]:
    """The pins of these bases as their tags are today, each reference asked for once.

    Raises BuildError, VerificationError and what registries raise.
    """
    references = dict.fromkeys(need.reference for need in needs)

    def resolve(reference: str) -> dict[BaseNeed, BasePin]:
        store, identifier = open_reference(reference)
        index = _read_index(store, identifier, reference)
        wanted = dict.fromkeys(need for need in needs if need.reference == reference)
        return {need: _pin(need, index, store) for need in wanted}

    found: dict[BaseNeed, BasePin] = {}
    with ThreadPoolExecutor(PARALLEL) as pool:
        for pins in pool.map(resolve, references):
            found |= pins
    return found


def published_pin(target: Target, reference: str, key: str, open_reference: OpenReference) -> BasePin | None:
    """The pin of an image of the project, if it was published of the target's own ingredients.

    Raises NotFoundError where there is no such tag, and what `resolve_bases` raises.
    """
    release = target.variant.release
    need = BaseNeed(
        reference=reference,
        platform=target.variant.platform,
        build=release.build if release else None,
        key=key,
    )
    store, identifier = open_reference(reference)
    index = _read_index(store, identifier, reference)
    if differing(target.ingredients, _entry(need, index).annotations) != ():
        return None
    return replace(_pin(need, index, store), fingerprint=target.fingerprint)


def resolve_assets(fetches: Iterable[Fetch], resolve: Callable[[Fetch], AssetPin]) -> dict[str, AssetPin]:
    """The pins of these assets by URL, as their publishers state them today."""
    wanted = list({fetch.url: fetch for fetch in fetches if not fetch.sha256}.values())
    with ThreadPoolExecutor(PARALLEL) as pool:
        return {fetch.url: pin for fetch, pin in zip(wanted, pool.map(resolve, wanted), strict=True)}


def with_pins(pins: Pins, bases: dict[BaseNeed, BasePin], assets: dict[str, AssetPin]) -> Pins:
    """These pins with others added or moved."""
    for need, base in bases.items():
        pins = pins.with_base(need.reference, need.key, base)
    for url, asset in assets.items():
        pins = pins.with_asset(url, asset)
    return pins


def _read_index(store: Readable, identifier: str, reference: str) -> Index:
    """What the reference names; a single image as an index of one, with the platform of its config."""
    descriptor, raw = store.get_manifest(identifier)
    try:
        document = parse_document(raw, descriptor.media_type)
        if isinstance(document, Index):
            return document
        config = ImageConfig.parse(read_document(store, document.config), document.config.media_type)
        only = Descriptor(
            media_type=descriptor.media_type,
            size=descriptor.size,
            digest=descriptor.digest,
            platform=config.platform,
        )
        return Index.build(manifests=[only])
    except DocumentError as error:
        raise BuildError(f"the base {reference} cannot be read: {error}") from error


def _pin(need: BaseNeed, index: Index, store: Readable) -> BasePin:
    entry = _entry(need, index)
    found, raw = store.get_manifest(entry.digest)
    try:
        manifest = Manifest.parse(raw, found.media_type)
        config = ImageConfig.parse(read_document(store, manifest.config), manifest.config.media_type)
    except DocumentError as error:
        raise BuildError(f"the base {need.reference} cannot be read: {error}") from error
    _assert_base(need, manifest, config)
    return BasePin(
        digest=found.digest,
        media_type=found.media_type,
        os_version=config.platform.os_version,
        os_features=config.platform.os_features,
        manifest=raw,
        config=config.raw,
    )


def _entry(need: BaseNeed, index: Index) -> Descriptor:
    """The entry for the platform, of the exact Windows build; raises BuildError with what there is."""
    wanted = need.platform.normalised()
    for entry in index.manifests:
        if entry.platform is None or is_attestation(entry):
            continue
        found = entry.platform.normalised()
        same = (found.os, found.architecture, found.variant) == (
            wanted.os,
            wanted.architecture,
            wanted.variant,
        )
        if same and (need.build is None or _build(found.os_version) == need.build):
            return entry
    offered = [
        str(entry.platform) for entry in index.manifests if entry.platform and not is_attestation(entry)
    ]
    rest = f" and {len(offered) - _MOST_LISTED} more" if len(offered) > _MOST_LISTED else ""
    raise BuildError(
        f"the base {need.reference} has no image for {need.key}",
        hint=f"it offers {', '.join(offered[:_MOST_LISTED]) or 'nothing'}{rest}",
    )


def _assert_base(need: BaseNeed, manifest: Manifest, config: ImageConfig) -> None:
    """Hold the base's own config against what was asked for: an index may say anything."""
    found, wanted = config.platform.normalised(), need.platform.normalised()
    if (found.os, found.architecture) != (wanted.os, wanted.architecture):
        raise VerificationError(
            f"the base {need.reference} for {need.key} is an image for {found}",
            hint="its index is wrong; use another tag",
        )
    if need.build is not None and _build(found.os_version) != need.build:
        raise VerificationError(
            f"the base {need.reference} for {need.key} says os.version {found.os_version or 'none'}",
            hint="its index is wrong; use another tag",
        )
    foreign = [layer for layer in manifest.layers if layer.is_foreign]
    if foreign:
        raise BuildError(
            f"the base {need.reference} for {need.key} has foreign layers, which registries refuse today",
            hint="use a tag from after June 2023, when Microsoft stopped using them",
        )


def _build(os_version: str) -> int:
    try:
        return parse_os_version(os_version).build
    except OsVersionError:
        return 0
