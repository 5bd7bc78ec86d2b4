"""The `pins` verb: bases and assets of the project's images, resolved and kept in the pins file."""

from collections.abc import Iterable

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.pins import Pins
from buildtools.prepare import Choice, pin_key, selected
from buildtools.refresh import BaseNeed, resolve_assets, resolve_bases, with_pins
from buildtools.sources.fetch import Downloader
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Fetch, Variant
from buildtools.stores.open import References
from buildtools.workspace import Workspace


def resolve(workspace: Workspace, choice: Choice, *, move: bool = False) -> tuple[Pins, Pins]:
    """The pins as they are and as they should be: what is missing added, with `move` everything asked anew.

    Nothing is written. Raises what registries and servers raise.
    """
    old = workspace.pins()
    variants = selected(workspace.project, choice)
    bases = [need for need in _needs(variants, choice) if move or old.base(need.reference, need.key) is None]
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


def require_pinned(workspace: Workspace, choice: Choice) -> Pins:
    """The pins, for a build that must not ask anybody; raises ConfigurationError with all that is missing."""
    pins = workspace.pins()
    variants = selected(workspace.project, choice)
    missing = [
        f"the base {need.reference} for {need.key}"
        for need in _needs(variants, choice)
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


def _needs(variants: Iterable[Variant], choice: Choice) -> list[BaseNeed]:
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
        if variant.base not in {SCRATCH, HOST_PROCESS} and variant.engine == "assemble"
    )
    return list(dict.fromkeys(needs))


def _fetches(variants: Iterable[Variant]) -> list[Fetch]:
    """The assets whose checksum is not in the definition, each once."""
    found = {fetch.url: fetch for variant in variants for fetch in variant.fetches if not fetch.sha256}
    return list(found.values())
