"""A Dockerfile as a Docker Engine is sent it: every FROM filled in, nothing of stages that are not needed.

The classic builder of the Engine API knows no automatic platform arguments and builds every stage in front
of the one that is asked for, also one for another operating system. Source: moby/moby:builder/dockerfile
(dispatchers.go, buildargs.go); docs.docker.com/reference/dockerfile, "Automatic platform ARGs".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from buildtools.dockerfile.evaluate import copies, evaluate
from buildtools.dockerfile.faults import Faults, Place
from buildtools.dockerfile.parse import Dockerfile, Instruction, parse
from buildtools.dockerfile.recipe import SCRATCH, Goal, ImageUse, Look, Recipe
from buildtools.dockerfile.scope import platform_arguments, shown
from buildtools.dockerfile.stages import Stage, Stages, read_stages
from buildtools.errors import ConfigurationError, Diagnostic

Named = Callable[[ImageUse], str]
"""The name under which the engine is to pull an image."""

_FROM: Final = "FROM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A Dockerfile that is understood, for one goal: `recipe` has the stages that the goal's target needs."""

    text: str
    dockerfile: Dockerfile
    goal: Goal
    recipe: Recipe
    stages: Stages = field(repr=False)

    def arguments(self) -> dict[str, str]:
        """The build arguments of the engine: those of the goal, and automatic ones that a stage asks for."""
        automatic = platform_arguments(self.goal)
        needed = (self.stages.stages[index] for index in self.recipe.stages)
        asked = {
            word.text
            for stage in needed
            for one in stage.instructions
            if one.keyword == "ARG"
            for word in one.words
        }
        found = {name: self.stages.outer.get(name, value) for name, value in automatic.items()}
        return {**{name: found[name] for name in sorted(asked & found.keys())}, **self.goal.args}

    def for_engine(self, named: Named) -> str:
        """The text with each image under another name, and every line where it was.

        Raises ConfigurationError for here-documents, which the engine would take for instructions.
        """
        if faults := tuple(self._documents()):
            raise ConfigurationError(*faults)
        rows = self.text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        # From the end, so that what stands in front keeps its column.
        for place, other in sorted(self._words(named), reverse=True):
            row, start = rows[place.line - 1], place.column - 1
            end = next((at for at in range(start, len(row)) if row[at].isspace()), len(row))
            rows[place.line - 1] = row[:start] + other + row[end:]
        self._empty(rows, named)
        return "\n".join(rows)

    def _documents(self) -> Iterator[Diagnostic]:
        for stage, _ in self._needed():
            for document in (each for one in stage.instructions for each in one.documents):
                yield Diagnostic(
                    code="dockerfile-engine",
                    message=f"the here-document {document.name} is read by BuildKit alone, which "
                    "the engine's API does not offer",
                    hint="put its lines into a file that is copied, or join commands with &&",
                    path=self.dockerfile.path,
                    line=document.place.line,
                    column=document.place.column,
                )

    def _words(self, named: Named) -> set[tuple[Place, str]]:
        """The words that are written anew, by place."""
        found = {(step.image.place, named(step.image)) for step in copies(self.recipe) if step.image}
        for stage, start in self._needed():
            found.add((start.words[0].place, self._base(stage, named)))
            if flag := start.flag("platform"):
                found.add((flag.place, shown(stage.platform)))
        return found

    def _base(self, stage: Stage, named: Named) -> str:
        if stage.parent is not None:
            return self.stages.stages[stage.parent].name
        return named(stage.image) if stage.image else SCRATCH

    def _needed(self) -> Iterator[tuple[Stage, Instruction]]:
        starts = [one for one in self.dockerfile.instructions if one.keyword == _FROM]
        pairs = zip(self.stages.stages, starts, strict=True)
        return (pair for pair in pairs if pair[0].index in self.recipe.stages)

    def _empty(self, rows: list[str], named: Named) -> None:
        """Take out stages that are not needed: an empty one keeps the numbers of those behind it."""
        last = self.recipe.last
        # Windows has no `scratch`.
        stub = named(last.base) if last.base and last.platform.os == "windows" else SCRATCH
        starts = [stage.place.line - 1 for stage in self.stages.stages]
        for stage, end in zip(self.stages.stages, [*starts[1:], len(rows)], strict=True):
            if stage.index not in self.recipe.stages:
                start = starts[stage.index]
                rows[start:end] = [""] * (end - start)
                if stage.index < last.index:
                    rows[start] = f"{_FROM} {stub}" + (f" AS {stage.name}" if stage.name else "")


def sendable(text: str, goal: Goal, *, path: str, look: Look = lambda _: None) -> Sendable:
    """Read a Dockerfile; raises ConfigurationError for one that is not understood, which an engine may be."""
    dockerfile = parse(text, path)
    recipe = evaluate(dockerfile, goal, look)
    stages = read_stages(dockerfile, goal, Faults(path))
    return Sendable(text=text, dockerfile=dockerfile, goal=goal, recipe=recipe, stages=stages)
