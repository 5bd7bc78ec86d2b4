"""The pins file: every base and fetched asset by digest, with the documents that building needs.

A pinned base carries its manifest and config bytes, so a build asks no registry. The file is JSON with
sorted keys; people read its differences, machines write it.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.descriptor import OCI_MANIFEST
from buildtools.oci.digest import Digest, DigestError, digest_of, parse_digest, short
from buildtools.oci.documents import Manifest
from buildtools.oci.jsonbytes import DocumentError, Field, canonical_json

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePin:
    """One base on one platform: its manifest's digest, media type and bytes, and its config's bytes.

    `fingerprint` is that of the definition which it was built of, where it is an image of the project.
    """

    digest: Digest
    media_type: str
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    fingerprint: str = ""
    manifest: bytes = field(repr=False)
    config: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPin:
    """One fetched asset: size in bytes (0 where the server does not say) and sha256 as 64 digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Bases by reference and platform (`linux/amd64`, `windows/amd64:10.0.20348`), assets by URL."""

    bases: Mapping[str, Mapping[str, BasePin]] = field(default_factory=dict, hash=False)
    assets: Mapping[str, AssetPin] = field(default_factory=dict, hash=False)

    def base(self, reference: str, platform: str) -> BasePin | None:
        """The pin of a base on a platform, None where there is none."""
        return self.bases.get(reference, {}).get(platform)

    def built_of(self, fingerprint: str, platform: str) -> tuple[str, BasePin] | None:
        """The reference and pin of an image of the project that was built of just this definition."""
        for reference, platforms in sorted(self.bases.items()):
            pin = platforms.get(platform)
            if pin and pin.fingerprint == fingerprint:
                return reference, pin
        return None

    def with_base(self, reference: str, platform: str, pin: BasePin) -> "Pins":
        """These pins with another base."""
        platforms = {**self.bases.get(reference, {}), platform: pin}
        return replace(self, bases={**self.bases, reference: platforms})

    def with_asset(self, url: str, pin: AssetPin) -> "Pins":
        """These pins with another asset."""
        return replace(self, assets={**self.assets, url: pin})


def parse(text: str, *, path: str = "") -> Pins:
    """Read the pins file; raises ConfigurationError when it is broken or does not hold what it says."""
    try:
        document = json.loads(text)
        if document.get("schema") != SCHEMA:
            raise _broken(path, f"it has schema {document.get('schema')!r}, this version reads {SCHEMA}")
        bases = {
            reference: {platform: _base(pin) for platform, pin in platforms.items()}
            for reference, platforms in document["bases"].items()
        }
        assets = {
            url: AssetPin(size=_size(pin["size"], url), sha256=_hex(pin["sha256"]))
            for url, pin in document["assets"].items()
        }
        # What the text could spell, such as half a surrogate pair, must be writable again.
        canonical_json(document)
    except json.JSONDecodeError as error:
        raise _broken(path, f"it is not JSON ({error.msg})", error.lineno, error.colno) from error
    except (DigestError, DocumentError, binascii.Error) as error:
        raise _broken(path, str(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _broken(path, f"it lacks something ({error!r})") from error
    return Pins(bases=bases, assets=assets)


def dump(pins: Pins) -> str:
    """The pins as JSON text: sorted keys, a final newline."""
    document = {
        "schema": SCHEMA,
        "bases": {
            reference: {platform: _base_json(pin) for platform, pin in platforms.items()}
            for reference, platforms in pins.bases.items()
        },
        "assets": {url: {"size": pin.size, "sha256": pin.sha256} for url, pin in pins.assets.items()},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def diff(old: Pins, new: Pins) -> tuple[str, ...]:
    """What changed, a sentence each, in order."""
    return (*_base_changes(old, new), *_asset_changes(old, new))


def _base_changes(old: Pins, new: Pins) -> Iterator[str]:
    for reference, platforms in sorted(new.bases.items()):
        for platform, pin in sorted(platforms.items()):
            before = old.base(reference, platform)
            if before is None:
                yield f"{reference} on {platform}: pinned to {short(pin.digest)}{_version(pin)}"
            elif before.digest != pin.digest:
                moved = f"{short(before.digest)} → {short(pin.digest)}"
                if before.os_version != pin.os_version:
                    moved += f", os.version {before.os_version or 'none'} → {pin.os_version or 'none'}"
                yield f"{reference} on {platform}: {moved}"


def _asset_changes(old: Pins, new: Pins) -> Iterator[str]:
    for url, pin in sorted(new.assets.items()):
        before = old.assets.get(url)
        if before is None:
            yield f"{url}: pinned to {pin.sha256[:12]}"
        elif before.sha256 != pin.sha256:
            yield f"{url}: {before.sha256[:12]} → {pin.sha256[:12]}"


def _version(pin: BasePin) -> str:
    return f", os.version {pin.os_version}" if pin.os_version else ""


def _base(document: Mapping[str, Any]) -> BasePin:
    manifest, config = _bytes(document["manifest"]), _bytes(document["config"])
    digest = parse_digest(document["digest"])
    media_type = str(document.get("media_type") or OCI_MANIFEST)
    if digest_of(manifest) != digest:
        raise DigestError(f"the manifest of {digest} has digest {digest_of(manifest)}")
    told = Manifest.parse(manifest, media_type).config.digest
    if digest_of(config) != told:
        raise DigestError(f"the config of {digest} has digest {digest_of(config)}, its manifest says {told}")
    return BasePin(
        digest=digest,
        media_type=media_type,
        os_version=str(document.get("os_version") or ""),
        os_features=tuple(str(feature) for feature in document.get("os_features") or ()),
        fingerprint=str(document.get("fingerprint") or ""),
        manifest=manifest,
        config=config,
    )


def _base_json(pin: BasePin) -> dict[str, Any]:
    own = {"fingerprint": pin.fingerprint} if pin.fingerprint else {}
    return own | {
        "digest": pin.digest,
        "media_type": pin.media_type,
        "os_version": pin.os_version,
        "os_features": list(pin.os_features),
        "manifest": base64.b64encode(pin.manifest).decode(),
        "config": base64.b64encode(pin.config).decode(),
    }


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _size(value: object, url: str) -> int:
    return Field(value=value, path=f"the size of {url}").size()


def _hex(text: str) -> str:
    return parse_digest(f"sha256:{text}").removeprefix("sha256:")


def _broken(path: str, message: str, line: int = 0, column: int = 0) -> ConfigurationError:
    hint = "restore it from version control, or delete it and run `buildtools pins`"
    text = f"the pins file cannot be used: {message}"
    return ConfigurationError(
        Diagnostic(code="broken-pins", message=text, hint=hint, path=path, line=line, column=column)
    )
