"""What Dockerfiles of the project stand on: read from disk, and named as the pins name it.

A Dockerfile that is understood is read whole; of any other only what FROM and `COPY --from` say, as an engine
may know more.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from buildtools.dockerfile.recipe import ImageUse
from buildtools.dockerfile.scope import platform_arguments
from buildtools.dockerfile.sent import Sendable, sendable
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.platform import Platform, PlatformError, parse_platform
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.sources.froms import External, external_images, with_digests
from buildtools.sources.recipes import goal_of, image_key
from buildtools.spec.variant import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """An image that a variant's Dockerfile names: its full reference, and the key of its pin.

    `line` is where it stands, `final` says that the image itself stands on it, `mark` is what was read.
    """

    reference: str
    platform: Platform
    key: str
    line: int
    final: bool
    mark: External | ImageUse = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A variant's Dockerfile with the images that it builds on; `shown` is its path in the project.

    `understood` is None where only the images are known. `arguments` are what an engine is given.
    """

    text: str
    shown: str
    foundations: tuple[Foundation, ...]
    arguments: Mapping[str, str] = field(hash=False)
    understood: Sendable | None = field(default=None, repr=False)

    @property
    def below(self) -> Foundation | None:
        """What the image itself stands on; None for `scratch`."""
        return next((one for one in self.foundations if one.final), None)

    def for_engine(self, named: Callable[[Foundation], str]) -> str:
        """The text with each image under another name."""
        found = {one.mark: one for one in self.foundations}
        if self.understood:
            return self.understood.for_engine(lambda use: named(found[use]))
        externals = tuple(one for one in found if isinstance(one, External))
        return with_digests(self.text, externals, lambda item: named(found[item]))


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
    try:
        understood = sendable(text, goal_of(variant), path=shown)
    except ConfigurationError:
        found = _scanned(variant, text, shown)
        return Dockerfile(text=text, shown=shown, foundations=tuple(found), arguments=dict(variant.args))
    base = understood.recipe.last.base
    return Dockerfile(
        text=text,
        shown=shown,
        foundations=tuple(_foundation(use, final=use == base) for use in understood.recipe.images),
        arguments=understood.arguments(),
        understood=understood,
    )


def _foundation(use: ImageUse, *, final: bool) -> Foundation:
    return Foundation(
        reference=use.reference,
        platform=use.platform,
        key=image_key(use),
        line=use.place.line,
        final=final,
        mark=use,
    )


def _scanned(variant: Variant, text: str, shown: str) -> Iterator[Foundation]:
    """The images of a Dockerfile that is not understood; raises ConfigurationError."""
    known = platform_arguments(goal_of(variant))
    target = variant.docker.target
    for one in external_images(text, variant.args, known=known, target=target, path=shown):
        try:
            reference = parse_reference(one.reference)
            platform = parse_platform(one.platform) if one.platform else variant.platform
        except (InvalidReference, PlatformError) as error:
            raise ConfigurationError(
                Diagnostic(code="dockerfile", message=str(error), path=shown, line=one.line)
            ) from error
        if not reference.tag and not reference.digest:
            reference = reference.with_tag("latest")
        version = f"10.0.{variant.release.build}" if variant.release and platform.os == "windows" else ""
        yield Foundation(
            reference=str(reference),
            platform=platform,
            key=str(replace(platform, os_version=version)),
            line=one.line,
            final=one.final,
            mark=one,
        )
