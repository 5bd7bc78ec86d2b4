"""The engine of Dockerfiles that are assembled: what their stages copy becomes the files of one layer.

Stages that only copy are worked out here. One with RUN, and images that are copied from, are asked of a
`StageSource`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from buildtools.dockerd import NoEngineError
from buildtools.dockerfile.copying import CopyError, Files, Tree, perform
from buildtools.dockerfile.recipe import Copy, ImageUse, StageRecipe
from buildtools.engines.base import Engine
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.layer import Entry, Kind
from buildtools.plan import Target
from buildtools.record import BuildRecord
from buildtools.sources.context_tree import is_archive
from buildtools.sources.entries import with_link_kinds
from buildtools.sources.recipes import Planned, located
from buildtools.spec.variant import Key, Variant
from buildtools.stores.base import Store
from buildtools.windows.security import descriptor_for


class StageSource(Protocol):
    """Where files come from that no COPY of the context brings."""

    def stage_files(self, plan: Planned, stage: StageRecipe) -> Files:
        """The files of a stage that an engine has to build; raises MissingToolError where there is none."""
        ...

    def image_files(self, image: ImageUse) -> Files:
        """The files of an image of a registry; raises BuildError and what registries raise."""
        ...


@dataclass(kw_only=True)
class Copied:
    """Gives the entries of an assembled Dockerfile's layer; `plans` by image and label.

    `source` may be None where no recipe needs one.
    """

    plans: Mapping[Key, Planned]
    source: StageSource | None

    def entries(self, variant: Variant) -> list[Entry]:
        """What the last stage has beyond its base; raises ConfigurationError with the place of a fault."""
        plan = self.plans[variant.key]
        work = _Work(plan=plan, source=self.source or _Nothing(), context=plan.files())
        try:
            files = work.tree(plan.recipe.last).files
        except CopyError as error:
            raise ConfigurationError(located(plan, error)) from error
        return [*with_link_kinds([_of_system(entry, variant) for entry in files.values()])]


@dataclass(kw_only=True)
class _Work:
    """One image on its way: each stage is worked out once."""

    plan: Planned
    source: StageSource
    context: Files
    _done: dict[int, Files] = field(default_factory=dict)

    def tree(self, stage: StageRecipe) -> Tree:
        """The files that a stage has beyond its base; raises CopyError."""
        tree = Tree(ignore_case=stage.platform.os == "windows")
        if stage.base is not None and stage.index != self.plan.recipe.final:
            for entry in self.source.image_files(stage.base).values():
                tree.put(entry)
        return perform(stage.steps, tree, self._source)

    def _source(self, step: Copy) -> Files:
        if step.stage is not None:
            return self._stage(step.stage)
        if step.image is not None:
            return self.source.image_files(step.image)
        if step.unpacks:
            self._check_archives(step)
        return self.context

    def _stage(self, index: int) -> Files:
        if index not in self._done:
            stage = self.plan.recipe.stages[index]
            if stage.needs:
                self._done[index] = self.source.stage_files(self.plan, stage)
            else:
                self._done[index] = self.tree(stage).files
        return self._done[index]

    def _check_archives(self, step: Copy) -> None:
        for one in step.sources:
            entry = self.context.get(one.path)
            if entry is not None and is_archive(entry):
                message = f"ADD would unpack {one.path}, which only an engine does"
                raise CopyError(one.place, message, "use COPY, or unpack it before and copy the folder")


class _Nothing:
    """The source of recipes that need none."""

    def stage_files(self, plan: Planned, stage: StageRecipe) -> Files:
        raise AssertionError(f"{plan.recipe.path} was to need no stage, and needs {stage.target}")

    def image_files(self, image: ImageUse) -> Files:
        raise AssertionError(f"no image was to be needed, and {image.reference} is")


def _of_system(entry: Entry, variant: Variant) -> Entry:
    """The entry as the image's operating system has it."""
    if variant.platform.os != "windows":
        return entry
    security = descriptor_for("users-rx", directory=entry.kind is Kind.DIRECTORY)
    return replace(entry, security=security, uid=0, gid=0)


@dataclass(kw_only=True)
class Explained:
    """An engine for Dockerfiles that says, where it cannot build one here, why that is not assembled."""

    plans: Mapping[Key, Planned]
    engine: Engine

    def build(self, target: Target, store: Store) -> BuildRecord:
        """Build it; NoEngineError has every reason why a Windows image is not assembled, and its place."""
        try:
            return self.engine.build(target, store)
        except NoEngineError as error:
            plan = self.plans.get(target.key)
            # That RUN of a Linux image needs an engine for Linux is no news.
            if plan is None or not plan.recipe.needs or target.variant.platform.os != "windows":
                raise
            raise NoEngineError(
                f"{error}\nit is not assembled without an engine either:\n{told(plan.recipe.needs)}"
            ) from error


def told(needs: Iterable[Diagnostic]) -> str:
    """The reasons, a line each."""
    return "\n".join(str(need) for need in needs)
