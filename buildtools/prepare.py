"""From definitions to a Plan: read, look at pins and inputs, compare with the last build."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from buildtools import plan as planning
from buildtools.dockerfile.recipe import ImageUse
from buildtools.engines.assemble import BUILDER, LAYER_EPOCH
from buildtools.engines.base import BaseImage
from buildtools.errors import BuildError, ConfigurationError, Diagnostic, MissingToolError, UsageError
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import Manifest
from buildtools.pins import AssetPin, BasePin, Pins
from buildtools.plan import Base, Observed, Plan, Target
from buildtools.record import BuildRecord
from buildtools.sources import git
from buildtools.sources.foundations import Foundation, read_dockerfile
from buildtools.sources.observe import observe
from buildtools.sources.recipes import Planned, image_key, inputs, planned
from buildtools.sources.tools import exact_versions, find_tools
from buildtools.spec.expand import Project, select
from buildtools.spec.own_bases import with_bases
from buildtools.spec.variant import HOST_PROCESS, OWN, SCRATCH, Fetch, Key, Variant
from buildtools.stores.base import read_document
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
    dockerfiles: Mapping[Key, Planned] = field(default_factory=dict, hash=False)
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
    known = {variant.key for variant in variants}
    for image, label in keys:
        if (image, label) not in known:
            there = ", ".join(f"{name}@{other}" for name, other in sorted(known) if name == image)
            hint = f"there is {there}" if there else "see `buildtools plan` for all of them"
            raise UsageError(f"there is no target {image}@{label}", hint=hint)
    return tuple(variant for variant in variants if variant.key in keys)


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
    chosen = selected(workspace.project, choice)
    names = tuple(dict.fromkeys(variant.image for variant in chosen))
    known = workspace.pins() if pins is None else pins
    variants, dockerfiles = _read(workspace, names, known)
    below = {variant.key: read_below(workspace, variant) for variant in variants}
    images = {variant.key: _base_image(variant, below[variant.key], known, choice) for variant in variants}
    times, warnings = _times(workspace, variants)
    observed = {
        key: replace(seen, bases=_others(below[key], known))
        for key, seen in _observe_all(workspace, variants, known, times, dockerfiles).items()
    }
    stands = {key: _base(below[key], image, choice) for key, image in images.items()}
    found = (records or workspace.records)(variants)
    targets = _targets(
        workspace, variants, known, stands=stands, images=images, observed=observed, records=found
    )
    return Prepared(
        project=workspace.project,
        plan=_judged(workspace, names, targets),
        chosen=frozenset(variant.key for variant in chosen),
        pins=known,
        bases={image.manifest.descriptor.digest: image for image in images.values() if image},
        dockerfiles=dockerfiles,
        warnings=(*warnings, *_said(dockerfiles)),
    )


def _read(
    workspace: Workspace, names: Sequence[str], pins: Pins
) -> tuple[tuple[Variant, ...], dict[Key, Planned]]:
    """The variants of these images and of those below them, and what Dockerfiles come down to."""
    project = workspace.project
    written = with_bases(project.images, select(project, names, ()) if names else ())
    dockerfiles = read_dockerfiles(workspace, written, pins)
    variants = (dockerfiles[one.key].variant if one.key in dockerfiles else one for one in written)
    return tuple(variants), dockerfiles


def _targets(
    workspace: Workspace,
    variants: Sequence[Variant],
    pins: Pins,
    *,
    stands: dict[Key, Base],
    images: dict[Key, BaseImage | None],
    observed: Mapping[Key, Observed],
    records: Mapping[Key, BuildRecord],
) -> dict[Key, Target]:
    """The targets; what is there of images of the project is put into `stands` and `images`."""
    targets: dict[Key, Target] = {}
    for variant in variants:
        key = variant.key
        if variant.own_base:
            target = targets[variant.own_base, variant.label]
            if target.up_to_date:
                stands[key], images[key] = own_base(workspace, target)
            elif found := pins.built_of(target.fingerprint, pin_key(variant)):
                stands[key], images[key] = _published(variant, *found)
        made = planning.make((variant,), bases=stands, observed=observed, records=records, builder=BUILDER)
        targets |= {target.key: target for target in made.targets}
    return targets


def _judged(workspace: Workspace, names: Sequence[str], targets: Mapping[Key, Target]) -> Plan:
    """The Plan of all targets; the index of an image that others only stand on is not asked for."""
    judged = planning.with_index_reasons(
        Plan(targets=tuple(target for target in targets.values() if target.variant.image in names)),
        {name: workspace.indexed(name) for name in names},
    )
    found = {**targets, **{target.key: target for target in judged.targets}}
    return Plan(targets=tuple(found.values()))


def plan_dockerfile(workspace: Workspace, variant: Variant, pins: Pins) -> Planned | None:
    """What a variant's Dockerfile comes down to on its pinned base; None and errors as `planned` has them."""

    def look(image: ImageUse) -> ImageConfig | None:
        pin = pins.base(image.reference, image_key(image))
        return None if pin is None else ImageConfig.parse(pin.config)

    return planned(variant, root=workspace.root, look=look)


def read_dockerfiles(workspace: Workspace, variants: Sequence[Variant], pins: Pins) -> dict[Key, Planned]:
    """The same for all that have one, by image and label; raises ConfigurationError with all faults."""
    found: dict[Key, Planned] = {}
    faults: dict[Diagnostic, None] = {}
    for variant in variants:
        if variant.engine != "dockerfile":
            continue
        try:
            plan = plan_dockerfile(workspace, variant, pins)
        except ConfigurationError as error:
            faults |= dict.fromkeys(error.diagnostics)
        else:
            found |= {variant.key: plan} if plan else {}
    if faults:
        raise ConfigurationError(*faults)
    return found


def _said(dockerfiles: Mapping[Key, Planned]) -> tuple[str, ...]:
    """The warnings of Dockerfiles, each once."""
    return tuple(dict.fromkeys(str(one) for plan in dockerfiles.values() for one in plan.recipe.warnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """What a variant stands on, as the pins name it; `others` are further images of its Dockerfile."""

    reference: str
    key: str
    others: tuple[Foundation, ...] = ()


def read_below(workspace: Workspace, variant: Variant) -> Below:
    """What the definition or the Dockerfile names; raises ConfigurationError."""
    if variant.engine != "dockerfile":
        return Below(reference=variant.base, key=pin_key(variant))
    found = read_dockerfile(variant, workspace.root / variant.folder)
    others = tuple(one for one in found.foundations if one is not found.below)
    if found.below is None:
        return Below(reference=SCRATCH, key="", others=others)
    return Below(reference=found.below.reference, key=found.below.key, others=others)


def _base_image(variant: Variant, below: Below, pins: Pins, choice: Choice) -> BaseImage | None:
    """The image below the variant, None for `scratch` and for what is not pinned yet."""
    if below.reference == SCRATCH or variant.own_base:
        return None
    if below.reference == HOST_PROCESS:
        return _built_in(host_process_base())
    if choice.stand_in_bases:
        return _built_in(stand_in(variant)) if variant.engine != "dockerfile" else None
    pin = pins.base(below.reference, below.key)
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


def own_base(workspace: Workspace, target: Target) -> tuple[Base, BaseImage]:
    """An image of the project, as it was built last, for what stands on it; raises BuildError."""
    record = target.record
    if record is None:  # pragma: no cover - who asks has seen that it is built
        raise BuildError(f"{target.name} is not built yet")
    layout = workspace.layout(record.image)
    manifest = Manifest.parse(layout.get_manifest(record.manifest.digest)[1], record.manifest.media_type)
    config = ImageConfig.parse(read_document(layout, record.config.descriptor))
    base = Base(
        reference=f"{OWN}{record.image}",
        digest=record.manifest.digest,
        os_version=record.os_version,
        stand_in=record.base.stand_in,
    )
    return base, BaseImage(manifest=manifest, config=config)


def _published(variant: Variant, reference: str, pin: BasePin) -> tuple[Base, BaseImage]:
    """An image of the project as it is published, for what stands on it."""
    base = Base(reference=reference, digest=pin.digest, os_version=pin.os_version)
    return base, _pinned(variant, pin)


def _others(below: Below, pins: Pins) -> dict[str, str]:
    """The digests of further images of a Dockerfile; empty for one that is not pinned."""
    found = {one.reference: pins.base(one.reference, one.key) for one in below.others}
    return {reference: pin.digest if pin else "" for reference, pin in found.items()}


def _base(below: Below, image: BaseImage | None, choice: Choice) -> Base:
    if image is None:
        return Base(reference=below.reference)
    return Base(
        reference=below.reference,
        digest=image.manifest.descriptor.digest,
        os_version=image.config.platform.os_version,
        stand_in=choice.stand_in_bases and below.reference != HOST_PROCESS,
    )


def _observe_all(
    workspace: Workspace,
    variants: Sequence[Variant],
    pins: Pins,
    times: Mapping[str, int],
    dockerfiles: Mapping[Key, Planned],
) -> dict[Key, Observed]:
    """What each variant is made of; raises ConfigurationError with what is missing for any of them."""
    observed: dict[Key, Observed] = {}
    faults: dict[Diagnostic, None] = {}
    with workspace.hashes:
        for variant in variants:
            try:
                time = times.get(variant.image)
                plan = dockerfiles.get(variant.key)
                observed[variant.key] = _observe(workspace, variant, pins, time, plan)
            except ConfigurationError as error:
                faults |= dict.fromkeys(error.diagnostics)
    if faults:
        raise ConfigurationError(*faults)
    return observed


def _observe(
    workspace: Workspace, variant: Variant, pins: Pins, commit: int | None, plan: Planned | None
) -> Observed:
    root = workspace.root / variant.folder
    hashes = workspace.hashes
    epoch = workspace.settings.source_date_epoch
    created = next((time for time in (epoch, commit) if time is not None), LAYER_EPOCH)
    assets = {fetch.url: pin.sha256 for fetch in variant.fetches if (pin := asset_pin(fetch, pins))}
    return Observed(
        inputs=inputs(plan, hashes, pins)
        if plan and variant.engine == "copied"
        else observe(variant, root=root, hashes=hashes),
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
