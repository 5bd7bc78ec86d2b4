"""Stages of a Dockerfile: where each begins, what it is called, what it stands on, for which platform."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from buildtools.dockerfile.faults import Faults, Place
from buildtools.dockerfile.parse import Dockerfile, Instruction, Word
from buildtools.dockerfile.recipe import SCRATCH, Goal, ImageUse
from buildtools.dockerfile.scope import Scope, declare, platform_arguments
from buildtools.errors import Diagnostic
from buildtools.oci.platform import Platform
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.windows.releases import RELEASES, by_build

_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]*")
_VERSION: Final = re.compile(r"(?<![A-Za-z0-9.])10\.0\.([0-9]{5})(?:\.[0-9]+)?(?![A-Za-z0-9])")
"""A Windows version in a tag; the builds have five digits, so that .NET 10.0.100 is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage as written, with what its FROM means: `parent` is an earlier stage, `image` a registry's.

    `findings` say what is wrong with its base; they count where the stage is needed.
    """

    index: int
    name: str
    place: Place
    platform: Platform
    parent: int | None
    image: ImageUse | None
    instructions: tuple[Instruction, ...]
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """All stages and the arguments that stand before the first one."""

    stages: tuple[Stage, ...]
    outer: Mapping[str, str] = field(hash=False)
    declared: frozenset[str] = frozenset()

    def find(self, name: str, before: int) -> Stage | None:
        """The stage of this name or number among those in front of another one."""
        earlier = self.stages[:before]
        if name.isascii() and name.isdigit():
            return earlier[int(name)] if len(name) < 6 and int(name) < before else None
        return next((stage for stage in reversed(earlier) if stage.name == name.lower()), None)


def read_stages(dockerfile: Dockerfile, goal: Goal, faults: Faults) -> Stages:
    """Split a Dockerfile at its FROM lines and say what each stage stands on."""
    first = next((at for at, one in enumerate(dockerfile.instructions) if one.keyword == "FROM"), None)
    automatic = platform_arguments(goal)
    # Both are there in FROM lines; a stage asks for them with ARG.
    scope = Scope(escape=dockerfile.escape, faults=faults, args=dict(automatic))
    for one in dockerfile.instructions[:first]:
        if one.keyword == "ARG":
            declare(scope, one.words, goal.args, automatic)
        else:
            faults.add(
                "dockerfile-stage",
                one.place,
                f"{one.keyword} stands in front of the first FROM",
                "move it behind",
            )
    found: list[Stage] = []
    for begin, end in _parts(dockerfile.instructions):
        made = Stages(stages=tuple(found), outer={})
        start = dockerfile.instructions[begin]
        found.append(_stage(start, dockerfile.instructions[begin + 1 : end], made, scope, goal))
    if not found and not faults.errors:
        faults.add("dockerfile-stage", Place(1, 1), "there is no FROM in it", "begin with FROM")
    return Stages(stages=tuple(found), outer=scope.args, declared=frozenset(scope.used))


def _parts(instructions: Sequence[Instruction]) -> list[tuple[int, int]]:
    starts = [at for at, one in enumerate(instructions) if one.keyword == "FROM"]
    return [*zip(starts, [*starts[1:], len(instructions)], strict=False)]


def _stage(
    start: Instruction, rest: tuple[Instruction, ...], earlier: Stages, scope: Scope, goal: Goal
) -> Stage:
    """One stage; what cannot be understood leaves it without a base."""
    index = len(earlier.stages)
    words = start.words
    name = ""
    if len(words) not in {1, 3} or (len(words) == 3 and words[1].text.upper() != "AS"):
        hint = "write FROM IMAGE, or FROM IMAGE AS NAME"
        scope.faults.add("dockerfile-stage", start.rest.place, "FROM takes an image and perhaps a name", hint)
    elif len(words) == 3:
        name = _checked_name(words[2], scope.faults)
    platform, given = _platform(start, scope, goal), start.flag("platform") is not None
    base = scope.expanded(words[0])
    parent = image = None
    own = Faults(scope.faults.path)
    if base == "":
        message = f"{words[0].text} is nothing here, so that the stage has no base"
        hint = "give its ARG a default, or set it in `args`"
        own.add("dockerfile-stage", words[0].place, message, hint)
    elif base is not None and (found := earlier.find(base, index)) and not base.isdigit():
        parent = found.index
        platform = platform if given else found.platform
    elif base is not None and base != SCRATCH:
        image = image_use(Word(text=base, place=words[0].place), platform, goal, own)
    if name and any(stage.name == name for stage in earlier.stages):
        message = f"there is another stage called {name}"
        scope.faults.add("dockerfile-stage", words[2].place, message, "give one of them another name")
    return Stage(
        index=index,
        name=name,
        place=start.place,
        platform=platform,
        parent=parent,
        image=image,
        instructions=rest,
        findings=(*own.errors, *own.warnings),
    )


def _checked_name(word: Word, faults: Faults) -> str:
    name = word.text.lower()
    if not _NAME.fullmatch(name) or name == SCRATCH:
        hint = "begin with a letter and go on with letters, digits, dots, dashes or underscores"
        faults.add("dockerfile-stage", word.place, f"{word.text!r} cannot name a stage", hint)
    return name


def _platform(start: Instruction, scope: Scope, goal: Goal) -> Platform:
    """The platform that a stage is for: the goal's unless it says another."""
    flag = start.flag("platform")
    text = scope.expanded(flag) if flag else ""
    if flag is None or text is None:
        return goal.platform
    parts = text.lower().split("/")
    if not 2 <= len(parts) <= 3 or not all(parts):
        message = f"{text!r} is no platform" if text else f"{flag.text} is nothing here"
        scope.faults.add("dockerfile-stage", flag.place, message, "write it as in linux/amd64")
        return goal.platform
    found = Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) > 2 else "")
    same = found.normalised() == goal.platform.normalised()
    return goal.platform if same else found


def image_use(word: Word, platform: Platform, goal: Goal, faults: Faults) -> ImageUse | None:
    """The image that a word names; None, and a finding, where it names none."""
    try:
        reference = parse_reference(word.text)
    except InvalidReference as error:
        message = f"{word.text!r} is no image ({error})"
        faults.add(
            "dockerfile-reference", word.place, message, "write a reference with a tag, or a stage's name"
        )
        return None
    text = word.text
    if not reference.tag and not reference.digest:
        message = f"{word.text} has no tag and means {word.text}:latest"
        hint = "add the tag that you mean, or a digest"
        faults.add("dockerfile-reference", word.place, message, hint, severity="warning")
        text = f"{text}:latest"
    release = goal.release if platform.os == "windows" else None
    if release and not reference.digest:
        tag = release.tags.get(reference.name)
        # nanoserver calls ltsc2019 1809.
        if tag and release.name in reference.tag.split("-"):
            text = str(reference.with_tag(reference.tag.replace(release.name, tag)))
    return ImageUse(
        reference=str(parse_reference(text)), platform=platform, release=release, place=word.place
    )


def check_release(image: ImageUse, faults: Faults) -> None:
    """Report a tag that names another Windows release than the image is made for."""
    reference, release = parse_reference(image.reference), image.release
    if release is None or reference.digest:
        return
    named = [(match[0], by_build(int(match[1]))) for match in _VERSION.finditer(reference.tag)] + [
        (part, row)
        for part in re.split(r"[-_.]", reference.tag)
        for row in RELEASES
        if part in {row.name, *row.aliases, *row.tags.values()}
    ]
    for part, made_for in named:
        if made_for != release:
            message = f"{image.reference} is made for one Windows release and cannot serve {release.name}"
            hint = (
                f"write ARG WINDOWS_VERSION and ${{WINDOWS_VERSION}} in place of {part}, and "
                'args: {WINDOWS_VERSION: "{release}"}'
            )
            faults.add("dockerfile-release", image.place, message, hint)
            return


def unknown_stage(word: Word, stages: Stages, before: int) -> str:
    """What may have been meant by a name that no earlier stage has."""
    names = [stage.name for stage in stages.stages[:before] if stage.name]
    near = get_close_matches(word.text.lower(), names, n=1)
    return f"did you mean {near[0]}?" if near else "name an earlier stage, or a reference with a tag"
