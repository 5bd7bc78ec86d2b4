"""From definitions to a Plan: read, look at pins and inputs, compare with the last build."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from buildtools import plan as planning
from buildtools.engines.assemble import BUILDER, LAYER_EPOCH
from buildtools.engines.base import BaseImage
from buildtools.errors import ConfigurationError, Diagnostic, MissingToolError, UsageError
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import Manifest
from buildtools.pins import AssetPin, BasePin, Pins
from buildtools.plan import Base, Key, Observed, Plan, Target
from buildtools.record import BuildRecord
from buildtools.sources import git
from buildtools.sources.observe import observe
from buildtools.sources.tools import exact_versions, find_tools
from buildtools.spec.expand import Project, select
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, Fetch, Variant
from buildtools.windows.bases import BuiltInBase, host_process_base, stand_in_base
from buildtools.workspace import Workspace

STAND_IN_REVISION: Final = 1
"""The fourth part of a stand-in's os.version: a revision that Microsoft never shipped."""


_NO_TIMES: Final = (
    "{}, so images are not dated by their commits: {}set SOURCE_DATE_EPOCH to get the digests that other "
    "machines get"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which variants a run is about, and what may stand for what is missing.

    `images` and `platforms` are empty for all; `targets` names single variants and leaves out all others,
    empty for those that the first two choose. `stand_in_bases` uses small labelled stand-ins in place
    of bases that live in a registry.
    """

    images: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    targets: tuple[Key, ...] = ()
    stand_in_bases: bool = False
    offline_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A Plan with what building it needs: bases by manifest digest, pins, and warnings for a person.

    The Plan holds every variant of the images that the run is about, since an index is made of all of
    them; `chosen` are the ones that the run was asked for.
    """

    project: Project
    plan: Plan
    chosen: frozenset[Key]
    pins: Pins
    bases: Mapping[str, BaseImage] = field(hash=False)
    warnings: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that the run was asked for."""
        return tuple(target for target in self.plan.targets if target.key in self.chosen)


def selected(project: Project, choice: Choice) -> tuple[Variant, ...]:
    """The variants that a run is about; raises UsageError for a name or platform that does not exist."""
    variants = select(project, choice.images, choice.platforms)
    if choice.targets:
        variants = _named(variants, choice.targets)
    if choice.offline_only:
        variants = tuple(variant for variant in variants if not variant.fetches)
    return variants


def _named(variants: Sequence[Variant], keys: Sequence[Key]) -> tuple[Variant, ...]:
    """The variants that these keys name; raises UsageError for one that names none."""
    known = {_key(variant) for variant in variants}
    for image, label in keys:
        if (image, label) not in known:
            there = ", ".join(f"{name}@{other}" for name, other in sorted(known) if name == image)
            hint = f"there is {there}" if there else "see `buildtools plan` for all of them"
            raise UsageError(f"there is no target {image}@{label}", hint=hint)
    return tuple(variant for variant in variants if _key(variant) in keys)


def prepare(
    workspace: Workspace,
    choice: Choice,
    *,
    pins: Pins | None = None,
    records: Callable[[Iterable[Variant]], Mapping[Key, BuildRecord]] | None = None,
) -> Prepared:
    """Make the Plan without touching the network; `pins` defaults to the project's file.

    `records` gives the last builds: those that the project's layouts hold where it is None.

    A base or asset that is not pinned is planned as missing: its variant is never up to date. Raises
    ConfigurationError with every file that definitions name and that is not there.
    """
    project = workspace.project
    chosen = selected(project, choice)
    names = tuple(dict.fromkeys(variant.image for variant in chosen))
    variants = select(project, names, ()) if names else ()
    known = workspace.pins() if pins is None else pins
    images = {_key(variant): _base_image(variant, known, choice) for variant in variants}
    times, warnings = _times(workspace, variants)
    observed = _observe_all(workspace, variants, known, times)
    made = planning.with_index_reasons(
        planning.make(
            variants,
            bases={_key(variant): _base(variant, images[_key(variant)], choice) for variant in variants},
            observed=observed,
            records=(records or workspace.records)(variants),
            builder=BUILDER,
        ),
        {name: workspace.indexed(name) for name in names},
    )
    bases: dict[str, BaseImage] = {
        image.manifest.descriptor.digest: image for image in images.values() if image
    }
    return Prepared(
        project=project,
        plan=made,
        chosen=frozenset(_key(variant) for variant in chosen),
        pins=known,
        bases=bases,
        warnings=warnings,
    )


def _key(variant: Variant) -> Key:
    return variant.image, variant.label


def _base_image(variant: Variant, pins: Pins, choice: Choice) -> BaseImage | None:
    """The image below the variant, None for `scratch` and for what is not pinned yet."""
    if variant.base == SCRATCH or variant.engine != "assemble":
        return None
    if variant.base == HOST_PROCESS:
        return _built_in(host_process_base())
    if choice.stand_in_bases:
        return _built_in(stand_in(variant))
    pin = pins.base(variant.base, pin_key(variant))
    return None if pin is None else _pinned(variant, pin)


def stand_in(variant: Variant, *, revision: int = STAND_IN_REVISION) -> BuiltInBase:
    """The small labelled base that stands for the variant's own where no registry is at hand.

    A higher `revision` is a later patch of it: other bytes, and on Windows a higher os.version.
    """
    version = f"10.0.{variant.release.build}.{revision}" if variant.release else ""
    title = variant.base if revision == STAND_IN_REVISION else f"{variant.base}, revision {revision}"
    return stand_in_base(replace(variant.platform, os_version=version), title=title)


def pin_key(variant: Variant) -> str:
    """The platform that the variant's base is pinned under: `windows/amd64:10.0.20348`, `linux/arm64`."""
    version = f"10.0.{variant.release.build}" if variant.release else ""
    return str(replace(variant.platform, os_version=version))


def asset_pin(fetch: Fetch, pins: Pins) -> AssetPin | None:
    """The asset's pin; a checksum in the definition is one, too."""
    return AssetPin(size=0, sha256=fetch.sha256) if fetch.sha256 else pins.assets.get(fetch.url)


def _built_in(base: BuiltInBase) -> BaseImage:
    return BaseImage(manifest=base.manifest, config=base.config, blobs=base.blobs)


def _pinned(variant: Variant, pin: BasePin) -> BaseImage:
    """The pinned base, held against what the variant asks for: the definition may be newer."""
    image = BaseImage(
        manifest=Manifest.parse(pin.manifest, pin.media_type), config=ImageConfig.parse(pin.config)
    )
    wanted = variant.release.build if variant.release else None
    version = image.config.platform.os_version or "none"
    if wanted is not None and not version.startswith(f"10.0.{wanted}."):
        raise ConfigurationError(
            Diagnostic(
                code="base-release",
                path="images/pins.json",
                message=f"the pinned base of {variant.image} {variant.label} has os.version {version}",
                hint="run `buildtools pins --update`",
            )
        )
    return image


def _base(variant: Variant, image: BaseImage | None, choice: Choice) -> Base:
    if image is None:
        return Base(reference=variant.base)
    return Base(
        reference=variant.base,
        digest=image.manifest.descriptor.digest,
        os_version=image.config.platform.os_version,
        stand_in=choice.stand_in_bases and variant.base != HOST_PROCESS,
    )


def _observe_all(
    workspace: Workspace, variants: Sequence[Variant], pins: Pins, times: Mapping[str, int]
) -> dict[Key, Observed]:
    """What each variant is made of; raises ConfigurationError with what is missing for any of them."""
    observed: dict[Key, Observed] = {}
    faults: dict[Diagnostic, None] = {}
    with workspace.hashes:
        for variant in variants:
            try:
                observed[_key(variant)] = _observe(workspace, variant, pins, times.get(variant.image))
            except ConfigurationError as error:
                faults |= dict.fromkeys(error.diagnostics)
    if faults:
        raise ConfigurationError(*faults)
    return observed


def _observe(workspace: Workspace, variant: Variant, pins: Pins, commit: int | None) -> Observed:
    root = workspace.root / variant.folder
    epoch = workspace.settings.source_date_epoch
    created = next((time for time in (epoch, commit) if time is not None), LAYER_EPOCH)
    assets = {fetch.url: pin.sha256 for fetch in variant.fetches if (pin := asset_pin(fetch, pins))}
    return Observed(
        inputs=observe(variant, root=root, hashes=workspace.hashes),
        assets=assets,
        tools=_tool_versions(variant),
        created=created,
    )


def _tool_versions(variant: Variant) -> Mapping[str, str]:
    """The versions that the build's tools have; a missing one is found out when it is needed."""
    if variant.build is None:
        return {}
    exact = exact_versions(variant.build.tools)
    if exact is not None:
        return exact
    try:
        return {name: tool.version for name, tool in find_tools(variant.build.tools).items()}
    except MissingToolError:
        return dict.fromkeys(variant.build.tools, "missing")


def _times(workspace: Workspace, variants: Sequence[Variant]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """When each image's folder was last committed; a shallow clone cannot tell, and says so."""
    if workspace.settings.source_date_epoch is not None:
        return {}, ()
    folders = {variant.image: variant.folder for variant in variants}
    found = git.commit_times(workspace.root, tuple(folders.values()))
    times = {image: found[folder] for image, folder in folders.items() if folder in found}
    trouble = git.trouble(workspace.root)
    if not trouble:
        return times, ()
    remedy = "fetch the whole history or " if trouble == git.SHALLOW else ""
    return times, (_NO_TIMES.format(trouble, remedy),)
