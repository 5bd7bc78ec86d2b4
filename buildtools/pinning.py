"""The `pins` verb: bases and assets of the project's images, resolved and kept in the pins file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.platform import Platform
from buildtools.pins import Pins
from buildtools.prepare import Choice, pin_key, prepare, selected
from buildtools.refresh import BaseNeed, published_pin, resolve_assets, resolve_bases, with_pins
from buildtools.sources.fetch import Downloader
from buildtools.sources.foundations import read_dockerfile
from buildtools.sources.recipes import image_key, images_of, planned
from buildtools.spec.own_bases import with_bases
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Fetch, Variant
from buildtools.stores.base import NotFoundError
from buildtools.stores.open import References
from buildtools.workspace import Workspace


def resolve(workspace: Workspace, choice: Choice, *, move: bool = False) -> tuple[Pins, Pins]:
    """The pins as they are and as they should be: what is missing added, with `move` everything asked anew.

    Nothing is written. Raises what registries and servers raise.
    """
    old = workspace.pins()
    variants = with_bases(workspace.project.images, selected(workspace.project, choice))
    bases = [
        need
        for need in _needs(workspace, variants, choice)
        if move or old.base(need.reference, need.key) is None
    ]
    fetches = [fetch for fetch in _fetches(variants) if move or fetch.url not in old.assets]
    if not bases and not fetches:
        return old, old
    references, downloader = References(workspace.reach), Downloader(workspace.reach)
    try:
        new = with_pins(
            old, resolve_bases(bases, references.open), resolve_assets(fetches, downloader.resolve)
        )
    finally:
        references.close()
        downloader.close()
    return old, new


def resolve_own(
    workspace: Workspace, choice: Choice, pins: Pins, tags: Mapping[str, str]
) -> tuple[Pins, tuple[str, ...]]:
    """Pins of images of the project that others stand on, as they are published; and why one is not pinned.

    `tags` has the tag of each such image. Only what was published of today's definition is pinned: builds
    then stack on it, and need neither its engine nor the network.
    """
    own = own_bases(workspace, choice)
    place = workspace.project.spec.registry.rstrip("/")
    targets = {target.key: target for target in prepare(workspace, choice, pins=pins).plan.targets}
    notes: list[str] = []
    references = References(workspace.reach)
    try:
        for variant in own if place else ():
            target = targets[variant.key]
            reference = f"{place}/{variant.image}:{tags[variant.image]}"
            try:
                pin = published_pin(target, reference, pin_key(variant), references.open)
            except NotFoundError:
                pin = None
            if pin is None:
                notes.append(f"{reference} has no {variant.label} of today's definition: publish it first")
            else:
                pins = pins.with_base(reference, pin_key(variant), pin)
    finally:
        references.close()
    return pins, tuple(notes)


def own_bases(workspace: Workspace, choice: Choice) -> tuple[Variant, ...]:
    """The variants of the project that chosen ones stand on."""
    images = workspace.project.images
    every = with_bases(images, selected(workspace.project, choice))
    below = {(variant.own_base, variant.label) for variant in every}
    return tuple(variant for variant in every if variant.key in below)


def require_pinned(workspace: Workspace, choice: Choice) -> Pins:
    """The pins, for a build that must not ask anybody; raises ConfigurationError with all that is missing."""
    pins = workspace.pins()
    variants = with_bases(workspace.project.images, selected(workspace.project, choice))
    missing = [
        f"the base {need.reference} for {need.key}"
        for need in _needs(workspace, variants, choice)
        if pins.base(need.reference, need.key) is None
    ]
    missing += [fetch.url for fetch in _fetches(variants) if fetch.url not in pins.assets]
    if missing:
        raise ConfigurationError(
            *(
                Diagnostic(
                    code="not-pinned",
                    path="images/pins.json",
                    message=f"{name} is not pinned",
                    hint="run `buildtools pins` and commit the file",
                )
                for name in dict.fromkeys(missing)
            )
        )
    return pins


def _needs(workspace: Workspace, variants: Sequence[Variant], choice: Choice) -> list[BaseNeed]:
    """The bases that live in registries, each once; none where stand-ins take their place."""
    if choice.stand_in_bases:
        return []
    needs = (
        BaseNeed(
            reference=variant.base,
            platform=variant.platform,
            build=variant.release.build if variant.release else None,
            key=pin_key(variant),
        )
        for variant in variants
        if variant.base not in {SCRATCH, HOST_PROCESS}
        and variant.engine == "assemble"
        and not variant.own_base
    )
    named = (
        need for variant in variants if variant.engine == "dockerfile" for need in _named(workspace, variant)
    )
    return list(dict.fromkeys((*needs, *named)))


def _named(workspace: Workspace, variant: Variant) -> Iterator[BaseNeed]:
    """The images that a variant's Dockerfile stands on and copies from."""
    plan = planned(variant, root=workspace.root, look=lambda _: None)
    if plan and not plan.recipe.needs:
        for image in images_of(variant, root=workspace.root):
            build = image.release.build if image.release else None
            yield _need(image.reference, image.platform, build, image_key(image))
        return
    for one in read_dockerfile(variant, workspace.root / variant.folder).foundations:
        windows = one.platform.os == "windows"
        build = variant.release.build if variant.release and windows else None
        yield _need(one.reference, one.platform, build, one.key)


def _need(reference: str, platform: Platform, build: int | None, key: str) -> BaseNeed:
    return BaseNeed(reference=reference, platform=platform, build=build, key=key)


def _fetches(variants: Iterable[Variant]) -> list[Fetch]:
    """The assets whose checksum is not in the definition, each once."""
    found = {fetch.url: fetch for variant in variants for fetch in variant.fetches if not fetch.sha256}
    return list(found.values())
