"""COPY and ADD: from an instruction to a step, every path resolved, every flag held against the platform."""

import re
from typing import Final

from buildtools.dockerfile.globs import PatternError, excludes, source_expression
from buildtools.dockerfile.parse import Instruction, Word
from buildtools.dockerfile.recipe import Copy, Goal, ImageUse, Source
from buildtools.dockerfile.settings import Settings
from buildtools.dockerfile.stages import Stage, Stages, check_release, image_use, unknown_stage

_OCTAL: Final = re.compile(r"0?[0-7]{1,4}")
_NUMERIC: Final = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_REMOTE: Final = re.compile(r"https?://|git://|git@|ssh://", re.IGNORECASE)
_UNPACKED_ELSEWHERE: Final = "fetch it with `fetch` and engine assemble, or download it before and use COPY"


def copy_step(one: Instruction, settings: Settings, stages: Stages, goal: Goal, stage: Stage) -> Copy | None:
    """The step of COPY or ADD; None, and findings, where it cannot be one."""
    words = _arguments(one, settings)
    if words is None:
        return None
    *sources, last = words
    text = settings.scope.expanded(last)
    found = None if text is None else settings.path(last, text)
    origin = _origin(one, settings, stages, goal, stage)
    made = _sources(one, sources, settings)
    exclude = _excluded(one, settings)
    if found is None or origin is None or made is None or exclude is None:
        return None
    destination, into_folder = found
    count = len(made) + len(one.documents)
    if count > 1 and not into_folder:
        message = f"{one.keyword} has {count} sources, and {last.text} does not say that it is a folder"
        settings.scope.faults.add("dockerfile-copy", last.place, message, f"write {last.text}/")
        return None
    scope = settings.scope
    return Copy(
        place=one.place,
        sources=tuple(made),
        destination=destination,
        into_folder=into_folder,
        stage=origin if isinstance(origin, int) else None,
        image=origin if isinstance(origin, ImageUse) else None,
        documents=tuple(
            (item.name, scope.document(item.content, item.place) if item.expand else item.content)
            for item in one.documents
        ),
        exclude=exclude,
        parents=one.switch("parents"),
        mode=_mode(one, settings),
        owner=_owner(one, settings),
        unpacks=one.keyword == "ADD",
    )


def _arguments(one: Instruction, settings: Settings) -> tuple[Word, ...] | None:
    words = one.words if one.items is None else one.items
    if len(words) + len(one.documents) < 2 or not words:
        message = f"{one.keyword} needs at least one source and a destination"
        settings.scope.faults.add("dockerfile-copy", one.rest.place, message, f"write {one.keyword} FROM TO")
        return None
    return words


def _origin(
    one: Instruction, settings: Settings, stages: Stages, goal: Goal, stage: Stage
) -> "int | ImageUse | str | None":
    """The stage or image that --from names, empty for the context; None, and a finding, for neither."""
    flag = one.flag("from")
    if flag is None:
        return ""
    faults = settings.scope.faults
    if "$" in flag.text:
        hint = "name a stage after the image (FROM image AS name) and copy from that"
        faults.add("dockerfile-copy", flag.place, "--from takes no variables", hint)
        return None
    if found := stages.find(flag.text, stage.index):
        return found.index
    is_number = flag.text.isascii() and flag.text.isdigit()
    name = flag.text.lower()
    if is_number or name == stage.name or any(later.name == name for later in stages.stages[stage.index :]):
        message = f"there is no stage {flag.text} in front of this one"
        faults.add("dockerfile-stage", flag.place, message, unknown_stage(flag, stages, stage.index))
        return None
    if not re.search(r"[:@/.]", flag.text):
        # A bare word may be an image of Docker Hub, but is far more often a stage's name with a slip.
        message = f"there is no stage {flag.text} in front of this one"
        faults.add("dockerfile-stage", flag.place, message, unknown_stage(flag, stages, stage.index))
        return None
    image = image_use(flag, stage.platform, goal, faults)
    if image is not None:
        check_release(image, faults)
    return image


def _sources(one: Instruction, words: list[Word], settings: Settings) -> list[Source] | None:
    found: list[Source] | None = []
    for word in words:
        text = settings.scope.expanded(word)
        if text is None:
            found = None
            continue
        if _REMOTE.match(text):
            if one.keyword == "COPY":
                hint = f"{_UNPACKED_ELSEWHERE}"
                settings.scope.faults.add("dockerfile-copy", word.place, "COPY takes no URL", hint)
                found = None
            else:
                message = f"ADD {text} reads from the network, which assembling never does"
                settings.needs.append(
                    settings.scope.faults.diagnostic(
                        "dockerfile-engine", word.place, message, _UNPACKED_ELSEWHERE
                    )
                )
            continue
        clean = _clean(text, settings, word, parents=one.switch("parents"))
        if clean is None:
            found = None
        elif found is not None:
            found.append(Source(path=clean, place=word.place))
    return found


def _clean(text: str, settings: Settings, word: Word, *, parents: bool) -> str | None:
    """The path relative to the root of what is copied from; None, and a finding, where there is none."""
    slashed = text
    if settings.os == "windows":
        slashed = re.sub(r"^[A-Za-z]:", "", text)
        # With a backtick as the escape character backslashes separate names on Windows.
        if settings.scope.escape == "`":
            slashed = slashed.replace("\\", "/")
    if not slashed:
        settings.scope.faults.add(
            "dockerfile-copy", word.place, f"{word.text} is nothing here", "name a file"
        )
        return None
    pivot = "/./" if parents and "/./" in slashed else ""
    head, _, tail = slashed.partition("/./") if pivot else (slashed, "", "")
    clean = pivot.join([_normal(head), _normal(tail)]) if pivot else _normal(head)
    try:
        source_expression(clean, deep=parents)
    except PatternError as error:
        settings.scope.faults.add("dockerfile-copy", word.place, str(error), "mend the pattern")
        return None
    return clean


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _excluded(one: Instruction, settings: Settings) -> tuple[str, ...] | None:
    words = one.flags.get("exclude", ())
    found = tuple(text for word in words if (text := settings.scope.expanded(word)) is not None)
    try:
        excludes(found)
    except PatternError as error:
        settings.scope.faults.add(
            "dockerfile-copy", words[0].place, f"--exclude: {error}", "mend the pattern"
        )
        return None
    return found if len(found) == len(words) else None


def _for_linux(
    one: Instruction, name: str, settings: Settings, *, hint: str
) -> tuple[Word | None, str | None]:
    """A flag with its value, neither where it has none; on Windows it is warned of and left out."""
    flag = one.flag(name)
    text = settings.scope.expanded(flag) if flag else None
    if flag and text is not None and settings.os == "windows":
        settings.warn(flag.place, f"--{name} means nothing on Windows and is left out", hint)
        return None, None
    return flag, text


def _mode(one: Instruction, settings: Settings) -> int | None:
    flag, text = _for_linux(one, "chmod", settings, hint="delete it: Windows has access lists")
    if flag is None or text is None:
        return None
    if not _OCTAL.fullmatch(text):
        message = f"--chmod={text} is not a mode in octal"
        settings.scope.faults.add("dockerfile-copy", flag.place, message, "write it as in --chmod=0755")
        return None
    return int(text, 8)


def _owner(one: Instruction, settings: Settings) -> tuple[int, int] | None:
    hint = "delete it: every user may read and run what is copied"
    flag, text = _for_linux(one, "chown", settings, hint=hint)
    if flag is None or text is None:
        return None
    match = _NUMERIC.fullmatch(text)
    if match is None:
        message = f"only an engine knows the numbers of {text!r}"
        hint = "write numbers, as in --chown=65532:65532"
        settings.needs.append(
            settings.scope.faults.diagnostic("dockerfile-engine", flag.place, message, hint)
        )
        return None
    return int(match[1]), int(match[2] or match[1])
