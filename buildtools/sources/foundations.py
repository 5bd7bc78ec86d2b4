"""What Dockerfiles of the project stand on: read from disk, and named as the pins name it."""

from dataclasses import dataclass, replace
from pathlib import Path

from buildtools.dockerfile.recipe import Goal
from buildtools.dockerfile.scope import platform_arguments
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.platform import Platform, PlatformError, parse_platform
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.sources.froms import External, external_images
from buildtools.spec.variant import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """An image that a variant's Dockerfile names: where, its full reference, and the key of its pin."""

    external: External
    reference: str
    platform: Platform
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A variant's Dockerfile with the images that it builds on; `shown` is its path in the project."""

    text: str
    shown: str
    foundations: tuple[Foundation, ...]

    @property
    def below(self) -> Foundation | None:
        """What the image itself stands on; None for `scratch`."""
        return next((one for one in self.foundations if one.external.final), None)


def read_dockerfile(variant: Variant, root: Path) -> Dockerfile:
    """The Dockerfile of a variant of that engine; `root` is the image's folder. Raises ConfigurationError."""
    shown = f"{variant.folder}/{variant.dockerfile}"
    try:
        text = (root / variant.dockerfile).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{variant.dockerfile} cannot be read: {getattr(error, 'strerror', None) or error}"
        hint = "write it, or mend `dockerfile`"
        raise ConfigurationError(
            Diagnostic(code="files", message=message, hint=hint, path=f"{variant.folder}/image.yaml")
        ) from error
    found = external_images(
        text,
        variant.args,
        known=platform_arguments(Goal(platform=variant.platform, release=variant.release)),
        target=variant.docker.target,
        path=shown,
    )
    return Dockerfile(
        text=text, shown=shown, foundations=tuple(_foundation(variant, one, shown) for one in found)
    )


def _foundation(variant: Variant, external: External, shown: str) -> Foundation:
    try:
        reference = parse_reference(external.reference)
        platform = parse_platform(external.platform) if external.platform else variant.platform
    except (InvalidReference, PlatformError) as error:
        raise ConfigurationError(
            Diagnostic(code="dockerfile", message=str(error), path=shown, line=external.line)
        ) from error
    if not reference.tag and not reference.digest:
        reference = reference.with_tag("latest")
    version = f"10.0.{variant.release.build}" if variant.release and platform.os == "windows" else ""
    return Foundation(
        external=external,
        reference=str(reference),
        platform=platform,
        key=str(replace(platform, os_version=version)),
    )
