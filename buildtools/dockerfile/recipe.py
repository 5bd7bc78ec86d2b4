"""What a Dockerfile comes down to on one platform: bases, files, settings, and what needs an engine."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from buildtools.dockerfile.faults import Place
from buildtools.errors import Diagnostic
from buildtools.oci.config import ConfigSettings, ImageConfig
from buildtools.oci.platform import Platform
from buildtools.windows.releases import WindowsRelease

SCRATCH = "scratch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a Dockerfile is evaluated for: a platform, on Windows its release, and build arguments.

    `target` is the stage to build, the last one where it is empty.
    """

    platform: Platform
    release: WindowsRelease | None = None
    args: Mapping[str, str] = field(default_factory=dict, hash=False)
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUse:
    """An image of a registry that a stage stands on or copies from. `release` is None but for Windows."""

    reference: str
    platform: Platform
    release: WindowsRelease | None = None
    place: Place = field(default=Place(1, 1), compare=False)


Look = Callable[[ImageUse], ImageConfig | None]
"""The config of a base, None where it is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What COPY names: a path or pattern relative to the root of what is copied from."""

    path: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Files to copy. `stage` or `image` is what from, the context where there is neither.

    `destination` is a path in the image, POSIX and relative. `documents` are files written in the
    Dockerfile itself. `mode` is None for the source's own; `unpacks` says that archives would be unpacked.
    """

    place: Place
    sources: tuple[Source, ...]
    destination: str
    into_folder: bool
    stage: int | None = None
    image: ImageUse | None = None
    documents: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    parents: bool = False
    mode: int | None = None
    owner: tuple[int, int] | None = None
    unpacks: bool = False

    @property
    def from_context(self) -> bool:
        """Whether files of the context are copied."""
        return self.stage is None and self.image is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory that is there afterwards, as WORKDIR makes it."""

    place: Place
    path: str
    owner: tuple[int, int] = (0, 0)


Step = Copy | Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecipe:
    """One stage. `base` is `scratch` or an image; a stage on another one begins with that one's steps.

    `needs` says why it cannot be assembled, each reason with its place; it is empty where it can.
    """

    index: int
    name: str
    platform: Platform
    base: ImageUse | None
    steps: tuple[Step, ...]
    settings: ConfigSettings
    needs: tuple[Diagnostic, ...] = ()

    @property
    def target(self) -> str:
        """What an engine calls the stage."""
        return self.name or str(self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A Dockerfile on one platform: the stages that its last one needs, by their numbers, and that one's.

    `needs` says why the last stage needs an engine of its own operating system; empty where it is assembled.
    """

    path: str
    stages: Mapping[int, StageRecipe] = field(hash=False)
    final: int
    needs: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def last(self) -> StageRecipe:
        """The stage that the image is made of."""
        return self.stages[self.final]

    @property
    def base(self) -> str:
        """What the image stands on: `scratch` or a reference."""
        return self.last.base.reference if self.last.base else SCRATCH

    @property
    def images(self) -> tuple[ImageUse, ...]:
        """Every image of a registry that building needs, the last stage's base first."""
        ordered = sorted(self.stages.values(), key=lambda stage: stage.index != self.final)
        bases = [stage.base for stage in ordered if stage.base]
        copied = [
            step.image for stage in ordered for step in stage.steps if isinstance(step, Copy) and step.image
        ]
        return tuple(dict.fromkeys((*bases, *copied)))

    @property
    def others(self) -> tuple[ImageUse, ...]:
        """The images that are copied from."""
        return self.images[1 if self.last.base else 0 :]

    @property
    def engine_stages(self) -> tuple[StageRecipe, ...]:
        """The stages that only an engine can build; the last one aside."""
        return tuple(stage for stage in self.stages.values() if stage.needs and stage.index != self.final)

    def meaning(self) -> list[Any]:
        """What decides about the files of the image, ready for JSON, without places."""
        return [
            [stage.index, stage.base.reference if stage.base else SCRATCH, *map(_said, stage.steps)]
            for stage in self.stages.values()
            # The base of the last one is below its files and not among them.
            if stage.index != self.final
        ] + [_said(step) for step in self.last.steps]


def _said(step: Step) -> Any:
    return _without_places(asdict(step))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_places(item) for key, item in value.items() if key not in {"place", "release"}}
    if isinstance(value, (list, tuple)):
        return [_without_places(item) for item in value]
    return value
