"""From a Dockerfile to a recipe: what the stages that the last one needs copy and set, on one platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.dockerfile.copy_instruction import copy_step
from buildtools.dockerfile.faults import Faults, Place, ordered
from buildtools.dockerfile.parse import Dockerfile, Instruction
from buildtools.dockerfile.recipe import Copy, Goal, ImageUse, Look, Recipe, StageRecipe
from buildtools.dockerfile.scope import PREDEFINED, Scope, declare
from buildtools.dockerfile.settings import HANDLERS, Settings
from buildtools.dockerfile.stages import Stage, Stages, check_release, read_stages
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.config import ConfigSettings, ImageConfig
from buildtools.windows.paths import SYSTEM_PATHS

_FRONTENDS: Final = ("docker/dockerfile", "docker.io/docker/dockerfile", "docker/dockerfile-upstream")
_EMPTY: Final = ConfigSettings()


def evaluate(dockerfile: Dockerfile, goal: Goal, look: Look = lambda _: None) -> Recipe:
    """What the Dockerfile comes down to; raises ConfigurationError with all that is wrong with it.

    `look` gives the config of a base, which variables and relative paths may depend on.
    """
    if dockerfile.faults:
        raise ConfigurationError(*dockerfile.faults)
    faults = Faults(dockerfile.path)
    stages = read_stages(dockerfile, goal, faults)
    if faults.errors:
        raise ConfigurationError(*faults.errors)
    work = _Work(dockerfile=dockerfile, goal=goal, look=look, stages=stages, faults=faults)
    last = work.stage(work.last())
    work.check_arguments()
    if faults.errors:
        raise ConfigurationError(*faults.errors)
    return Recipe(
        path=dockerfile.path,
        stages=dict(sorted(work.done.items())),
        final=last.index,
        needs=work.needs(last),
        warnings=faults.warnings,
    )


def bases_of(dockerfile: Dockerfile, goal: Goal) -> tuple[ImageUse, ...]:
    """The images of registries that FROM and --from name, in the stages that the last one needs.

    Raises ConfigurationError with what keeps them from being known: syntax, and FROM lines that name nothing.
    """
    if dockerfile.faults:
        raise ConfigurationError(*dockerfile.faults)
    faults = Faults(dockerfile.path)
    stages = read_stages(dockerfile, goal, faults)
    if faults.errors:
        raise ConfigurationError(*faults.errors)
    # What else is wrong, or asks for an engine, changes nothing about the images.
    work = _Work(dockerfile=dockerfile, goal=goal, look=lambda _: None, stages=stages, faults=faults)
    last = work.stage(work.last())
    if work.unusable:
        raise ConfigurationError(*work.unusable)
    return Recipe(path=dockerfile.path, stages=work.done, final=last.index).images


@dataclass(slots=True, kw_only=True)
class _Work:
    """One evaluation: stages are evaluated as they are asked for."""

    dockerfile: Dockerfile
    goal: Goal
    look: Look
    stages: Stages
    faults: Faults
    done: dict[int, StageRecipe] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    shells: dict[int, tuple[str, ...]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    unusable: list[Diagnostic] = field(default_factory=list)

    def last(self) -> int:
        """The number of the stage to build; raises ConfigurationError where there is none of that name."""
        found = self.stages.find(self.goal.target, len(self.stages.stages))
        if self.goal.target and found is None:
            message = f"there is no stage {self.goal.target}"
            self.faults.add("dockerfile-stage", Place(1, 1), message, "name one of the Dockerfile's stages")
            raise ConfigurationError(*self.faults.errors)
        return found.index if found else len(self.stages.stages) - 1

    def stage(self, index: int) -> StageRecipe:
        """The recipe of a stage and of all that it needs."""
        if index not in self.done:
            stage = self.stages.stages[index]
            self.faults.keep(stage.findings)
            self.unusable += [finding for finding in stage.findings if finding.severity == "error"]
            made = self._evaluated(stage)
            self.done[index] = made
        return self.done[index]

    def _evaluated(self, stage: Stage) -> StageRecipe:
        parent = None if stage.parent is None else self.stage(stage.parent)
        config = self.look(stage.image) if stage.image else None
        settings = self._start(stage, parent, config)
        if config is not None and (config.document.get("config") or {}).get("OnBuild"):
            self._need(settings, stage.place, "the base has ONBUILD instructions, which an engine runs")
        self._check_base(stage, settings)
        for one in stage.instructions:
            self._apply(one, stage, settings)
        self.scopes[stage.index] = settings.scope
        self.shells[stage.index] = settings.shell
        self.declared |= settings.scope.used
        return StageRecipe(
            index=stage.index,
            name=stage.name,
            platform=stage.platform,
            base=parent.base if parent else stage.image,
            steps=tuple(settings.steps),
            settings=settings.made(),
            needs=tuple(settings.needs),
        )

    def _start(self, stage: Stage, parent: StageRecipe | None, config: ImageConfig | None) -> Settings:
        """What a stage begins with: its parent's, else its base's, else nothing."""
        windows = stage.platform.os == "windows"
        scope = Scope(escape=self.dockerfile.escape, faults=self.faults)
        if parent is None:
            for entry in config.env if config else ():
                name, _, value = entry.partition("=")
                scope.env[name] = value
        else:
            scope.env |= self.scopes[parent.index].env
            scope.args |= self.scopes[parent.index].args
        values = parent.settings if parent else _EMPTY
        if parent is None and stage.image is None and not windows:
            # Every engine sets it where there is no base that could.
            scope.env["PATH"] = ":".join(SYSTEM_PATHS["linux"])
            values = ConfigSettings(env=dict(scope.env))
        shell = tuple((config.document.get("config") or {}).get("Shell") or ()) if config else ()
        return Settings(
            os=stage.platform.os,
            scope=scope,
            values=values,
            workdir=config.working_dir if config and parent is None else "",
            user=config.user if config and parent is None else "",
            shell=self.shells[parent.index]
            if parent
            else shell or (("cmd", "/S", "/C") if windows else ("/bin/sh", "-c")),
            steps=list(parent.steps) if parent else [],
            needs=list(parent.needs) if parent else [],
            is_last=stage.index == self.last(),
        )

    def _check_base(self, stage: Stage, settings: Settings) -> None:
        """Assembled are images on `scratch`, and Windows images on their base, which brings all folders."""
        frontend = self.dockerfile.syntax.partition(":")[0]
        if frontend and frontend not in _FRONTENDS:
            message = f"the syntax is {frontend}'s, which nobody here knows"
            self._need(settings, Place(1, 1), message)
        if stage.parent is not None:
            return
        if stage.image is not None:
            check_release(stage.image, self.faults)
        if stage.image is None and stage.platform.os == "windows" and not stage.findings:
            message = "scratch is for Linux: Windows starts no container without Windows files in its base"
            self.faults.add("dockerfile-stage", stage.place, message, "use a base such as nanoserver")
        elif stage.image is not None and stage.platform.os != "windows" and settings.is_last:
            message = f"{stage.image.reference} would have to be unpacked to know its folders and users"
            self._need(settings, stage.place, message)

    def _need(self, settings: Settings, place: Place, message: str) -> None:
        settings.needs.append(
            self.faults.diagnostic("dockerfile-engine", place, message, WAYS_OUT[settings.os])
        )

    def _apply(self, one: Instruction, stage: Stage, settings: Settings) -> None:
        if one.keyword == "ARG":
            declare(settings.scope, one.words, self.goal.args, self.stages.outer)
        elif one.keyword in {"COPY", "ADD"}:
            step = copy_step(one, settings, self.stages, self.goal, stage)
            if step is not None:
                settings.steps.append(step)
                if step.stage is not None:
                    self.stage(step.stage)
        elif one.keyword == "RUN":
            what = "Windows" if settings.os == "windows" else "Linux"
            if not any(need.message.startswith("RUN ") for need in settings.needs):
                self._need(
                    settings, one.place, f"RUN executes {what} programs, and files are only assembled here"
                )
        elif one.keyword == "ONBUILD":
            self._need(
                settings, one.place, "ONBUILD is an instruction for an engine that builds on this image"
            )
        else:
            HANDLERS[one.keyword](settings, one)

    def needs(self, last: StageRecipe) -> tuple[Diagnostic, ...]:
        """Why the last stage cannot be assembled: its own reasons, and those of stages of its own system.

        A Linux stage of a Windows image is built by any Linux engine, so it is no reason.
        """
        found = list(last.needs)
        for stage in self.done.values():
            if stage.needs and (stage.platform.os == "windows" or last.platform.os != "windows"):
                found += stage.needs
        return ordered(found)

    def check_arguments(self) -> None:
        """Warn of arguments that no ARG asks for."""
        known = self.declared | self.stages.declared | PREDEFINED
        for one in self.dockerfile.instructions:
            if one.keyword == "ARG":
                known |= {word.text.partition("=")[0] for word in one.words}
        for name in sorted(set(self.goal.args) - known):
            message = f"the argument {name} is given, and no ARG asks for it"
            self.faults.add(
                "dockerfile-argument", Place(1, 1), message, f"add ARG {name}, or delete it from `args`",
                severity="warning",
            )  # fmt: skip


WAYS_OUT: Final[Mapping[str, str]] = {
    "windows": "copy files that are made elsewhere, put what it does into a base that is built once and "
    "named in FROM, or build this image on a Windows runner or another machine with Windows containers",
    "linux": "build it on a machine with a Docker Engine for Linux containers",
}
"""What to do about a Dockerfile that cannot be assembled, by the operating system of the stage."""


def copies(recipe: Recipe) -> list[Copy]:
    """Every step of the recipe that copies, whatever its stage."""
    found = [step for stage in recipe.stages.values() for step in stage.steps if isinstance(step, Copy)]
    return list(dict.fromkeys(found))
