"""The images that a Dockerfile builds on: found, with every argument filled in, and replaced by digests.

Only what FROM, ARG and `COPY --from` say is read here; everything else is the engine's to judge.
Source: docs.docker.com/reference/dockerfile: FROM, ARG, parser directives; moby/moby:builder/dockerfile.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from buildtools.errors import ConfigurationError, Diagnostic

_DIRECTIVE: Final = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_WORD: Final = re.compile(r"\S+")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
_SCRATCH: Final = "scratch"


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """An image that the Dockerfile names and does not build.

    `start` and `end` are where its name stands in the text. `platform` is what FROM asks for, empty for the
    target's. `final` is the one below the last stage.
    """

    reference: str
    platform: str = ""
    line: int
    start: int
    end: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class _Instruction:
    name: str
    words: tuple[tuple[str, int, int], ...]
    line: int


def external_images(
    text: str,
    args: Mapping[str, str],
    *,
    known: Mapping[str, str] | None = None,
    target: str = "",
    path: str = "Dockerfile",
) -> tuple[External, ...]:
    """The images that the stages up to `target` (to the last where empty) take from elsewhere.

    `args` are the build arguments, `known` those that FROM may use without an ARG. Raises ConfigurationError
    with the place of what cannot be read.
    """
    found: list[External] = []
    roots: dict[str, External | None] = {}
    declared = dict(known or {})
    current: External | None = None
    stages, name = 0, ""
    for instruction in _instructions(text):
        if instruction.name == "ARG" and not stages:
            declared |= _declared(instruction, args, declared)
        elif instruction.name == "FROM":
            if target and stages and target.lower() in {name, str(stages - 1)}:
                break
            current = _from(instruction, declared, roots, path)
            found += [current] if current and current not in found else []
            roots[str(stages)] = current
            name = _named(instruction)
            if name:
                roots[name] = current
            stages += 1
        elif instruction.name == "COPY" and stages:
            found += _copied(instruction, roots)
    if not stages:
        raise _fault(path, 1, "it has no FROM", "begin with FROM and a base")
    return tuple(replace(item, final=True) if item is current else item for item in found)


def with_digests(text: str, images: tuple[External, ...], pinned: Callable[[External], str]) -> str:
    """The Dockerfile where each image has another name: `pinned` gives it."""
    for image in sorted(images, key=lambda item: item.start, reverse=True):
        text = text[: image.start] + pinned(image) + text[image.end :]
    return text


def _instructions(text: str) -> Iterator[_Instruction]:
    """Instructions with their words; a line that ends in the escape character goes on in the next."""
    escape, looking = "\\", True
    words: list[tuple[str, int, int]] = []
    offset = line = begun = 0
    for raw in text.splitlines(keepends=True):
        line += 1
        start, offset = offset, offset + len(raw)
        shown = raw.strip()
        if looking and (match := _DIRECTIVE.fullmatch(shown)):
            escape = match[2] if match[1].lower() == "escape" else escape
            continue
        looking = False
        if not shown or shown.startswith("#"):
            continue
        goes_on = shown.endswith(escape)
        body = raw.rstrip()[: -len(escape)] if goes_on else raw
        begun = begun if words else line
        words += [(item[0], start + item.start(), start + item.end()) for item in _WORD.finditer(body)]
        if not goes_on and words:
            yield _Instruction(words[0][0].upper(), tuple(words[1:]), begun)
            words = []
    if words:
        yield _Instruction(words[0][0].upper(), tuple(words[1:]), begun)


def _declared(
    instruction: _Instruction, args: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, _, _ in instruction.words:
        name, given, default = word.partition("=")
        if name in args:
            found[name] = args[name]
        elif given:
            found[name] = _expanded(_unquoted(default), {**before, **found})
    return found


def _from(
    instruction: _Instruction, declared: Mapping[str, str], roots: Mapping[str, External | None], path: str
) -> External | None:
    """The image of a FROM; None for `scratch`, for a stage what that stands on."""
    platform, rest = "", []
    for word, start, end in instruction.words:
        if word.startswith("--platform="):
            platform = _expanded(_unquoted(word.partition("=")[2]), declared)
        elif not word.startswith("--"):
            rest.append((word, start, end))
    if not rest:
        raise _fault(path, instruction.line, "FROM names no base", "write one")
    word, start, end = rest[0]
    reference = _expanded(_unquoted(word), declared)
    if not reference:
        raise _fault(
            path,
            instruction.line,
            f"{word} in FROM has no value",
            "give its ARG before the first FROM a default, or write it under args in image.yaml",
        )
    if reference.lower() in roots and not reference.isdigit():
        return roots[reference.lower()]
    if reference == _SCRATCH:
        return None
    return External(reference=reference, platform=platform, line=instruction.line, start=start, end=end)


def _named(instruction: _Instruction) -> str:
    words = [word for word, _, _ in instruction.words if not word.startswith("--")]
    return words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""


def _copied(instruction: _Instruction, roots: Mapping[str, object]) -> Iterator[External]:
    """The image of a `COPY --from` that names no stage."""
    for word, _, end in instruction.words:
        if word.startswith("--from="):
            name = word.removeprefix("--from=")
            if name.lower() not in roots and "$" not in name:
                yield External(reference=name, line=instruction.line, start=end - len(name), end=end)


def _expanded(text: str, values: Mapping[str, str]) -> str:
    """The text with `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` filled in."""

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1] or match[2], "")
        if match[3] == "-":
            return value or _expanded(match[4], values)
        if match[3] == "+":
            return _expanded(match[4], values) if value else ""
        return value

    return _VARIABLE.sub(fill, text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _fault(path: str, line: int, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(Diagnostic(code="dockerfile", message=message, hint=hint, path=path, line=line))
