"""From texts to values: definitions read, checked and expanded into variants; the room's front door.

Every fault of every file is collected and raised at once. Files are handed in as texts: whoever calls
walks the disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Final, TypeVar

from buildtools.errors import ConfigurationError, Diagnostic, UsageError
from buildtools.spec import bases, config, files, own_bases, steps
from buildtools.spec.assets import fetches_for
from buildtools.spec.document import Document, Report
from buildtools.spec.model import ImageSpec, ProjectSpec
from buildtools.spec.places import check_places
from buildtools.spec.platforms import slots
from buildtools.spec.scope import Scope, Slot
from buildtools.spec.tags import check_tags
from buildtools.spec.validate import convert
from buildtools.spec.variant import Variant
from buildtools.spec.yaml import read

_T = TypeVar("_T")

DEFAULTS: Final = "defaults.yaml"
IMAGE: Final = "image.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One definition and the variants it means, in its own order; `document` knows all places."""

    spec: ImageSpec
    path: str
    variants: tuple[Variant, ...]
    document: Document = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The image's name, which is its folder's too."""
        return self.spec.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What images share, and the images by name in alphabetical order."""

    spec: ProjectSpec
    images: Mapping[str, Image] = field(hash=False)


def load(texts: Mapping[str, bytes]) -> Project:
    """Read `images/defaults.yaml` and `images/<name>/image.yaml` files, by path.

    Raises ConfigurationError with every fault of every file.
    """
    faults: list[Diagnostic] = []
    shared = ProjectSpec()
    usable = True
    images: dict[str, Image] = {}
    ordered = sorted(texts.items(), key=lambda item: (PurePosixPath(item[0]).name != DEFAULTS, item[0]))
    for path, text in ordered:
        try:
            if PurePosixPath(path).name == DEFAULTS:
                usable = False
                shared = load_project(text, path)
                usable = True
            else:
                image = load_image(text, path, shared if usable else None)
                images[image.name] = image
        except ConfigurationError as error:
            faults.extend(error.diagnostics)
    # Where a file is broken, what others say of its image is not judged.
    faults = faults or list(dict.fromkeys(own_bases.faults(images)))
    if faults:
        raise ConfigurationError(*faults)
    return Project(spec=shared, images=images)


def load_project(text: bytes | str, path: str) -> ProjectSpec:
    """Read `defaults.yaml`; raises ConfigurationError with every fault."""
    report = Report(read(text, path))
    spec = convert(report.document, "defaults", ProjectSpec, report)
    if spec is not None:
        bases.check_releases(spec, report)
        bases.check_named(spec, report)
        config.check_project_labels(spec, report)
        check_places(spec, report)
        check_tags(spec.tags, report)
    return _sound(spec, report)


def load_image(text: bytes | str, path: str, project: ProjectSpec | None) -> Image:
    """Read one `image.yaml`; raises ConfigurationError with every fault.

    Without a project, which is how a broken `defaults.yaml` is passed on, only the file's own shape is
    checked, and the image has no variants.
    """
    report = Report(read(text, path))
    spec = convert(report.document, "image", ImageSpec, report)
    made: tuple[Variant, ...] = ()
    if spec is not None:
        folder = PurePosixPath(path).parent
        if folder.name not in {"", spec.name}:
            message = f'the image is called "{spec.name}" and its folder "{folder.name}"'
            report.add("name", ("name",), message, "give both the same name")
        check_tags(spec.tags, report)
        if project is not None:
            scope = Scope(spec=spec, project=project, report=report, folder=str(folder))
            made = _expanded(scope)
    return Image(spec=_sound(spec, report), path=path, variants=made, document=report.document)


def select(project: Project, names: Sequence[str], platforms: Sequence[str]) -> tuple[Variant, ...]:
    """The variants of these images (all when none is named) on these platforms (all when none is named).

    A platform is `linux`, `windows/amd64` or `windows/amd64:ltsc2022`. Raises UsageError with a guess for
    a name that no image has and for a platform that selects nothing.
    """
    for name in names:
        if name not in project.images:
            raise UsageError(f"there is no image {name!r}", hint=_guess(name, project.images))
    chosen = [project.images[name] for name in dict.fromkeys(names)] if names else project.images.values()
    variants = [variant for image in chosen for variant in image.variants]
    for platform in platforms:
        if not any(_selects(platform, variant) for variant in variants):
            labels = dict.fromkeys(variant.label for variant in variants)
            raise UsageError(f"no variant is for platform {platform!r}", hint=_guess(platform, labels))
    return tuple(
        variant
        for variant in variants
        if not platforms or any(_selects(platform, variant) for platform in platforms)
    )


def _selects(platform: str, variant: Variant) -> bool:
    label = variant.label
    return label == platform or label.startswith((f"{platform}/", f"{platform}:"))


def _guess(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"


def _sound(spec: _T | None, report: Report) -> _T:
    """The value, unless anything is wrong with its file; then ConfigurationError with all of it."""
    if spec is None or report.failed:
        raise ConfigurationError(*report.findings)
    return spec


def _expanded(scope: Scope) -> tuple[Variant, ...]:
    """The variants of one image, in the order of its definition; findings go to the report."""
    found = slots(scope.spec, scope.project, scope.report)
    files.check_files(scope, found)
    bases.check_keys(scope, found)
    steps.check_engine(scope)
    return tuple(variant for slot in found if (variant := _variant(scope, slot)))


def _variant(scope: Scope, slot: Slot) -> Variant | None:
    base = bases.base_for(scope, slot)
    fetches = fetches_for(scope, slot)
    rules = files.rules_for(scope, slot, fetches)
    settings = config.config_for(scope, slot, base or "")
    dockerfile, context, args = steps.dockerfile_for(scope, slot)
    step, lifecycle = steps.step_for(scope, slot), steps.lifecycle_for(scope, slot)
    if base is None:
        return None
    return Variant(
        image=scope.spec.name,
        folder=scope.folder,
        platform=slot.platform,
        label=slot.label,
        base=base,
        release=slot.release,
        kind=slot.kind,
        build=step,
        fetches=fetches,
        files=rules,
        config=settings,
        lifecycle=lifecycle,
        engine=scope.spec.engine,
        dockerfile=dockerfile,
        context=context,
        args=args,
        docker=scope.spec.docker,
    )
