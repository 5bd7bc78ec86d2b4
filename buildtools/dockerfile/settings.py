"""What instructions other than COPY do to a stage: its config, and the folders that WORKDIR makes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from buildtools.dockerfile.faults import Place
from buildtools.dockerfile.parse import Instruction, Word
from buildtools.dockerfile.paths import ImagePathError, native, resolve
from buildtools.dockerfile.recipe import Directory, Step
from buildtools.dockerfile.scope import Scope, pair
from buildtools.errors import Diagnostic
from buildtools.oci.config import ConfigSettings
from buildtools.windows.signals import check_stop_signal

_PORT: Final = re.compile(r"(?:(?:.*:)?[0-9]*:)?([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([A-Za-z]+))?")
_PROTOCOLS: Final = frozenset(("tcp", "udp", "sctp"))
_NUMERIC: Final = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_OLD_PATH: Final = re.compile(r"%path%", re.IGNORECASE)
_ALREADY_THERE: Final = frozenset(
    (
        "",
        "windows",
        "windows/system32",
        "program files",
        "program files (x86)",
        "programdata",
        "users",
        "users/public",
    )
)
"""Folders of every Windows base: a layer that has them would replace their access lists."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """A stage on its way: `values` is what the config will say, `workdir` relative to the root."""

    os: str
    scope: Scope
    values: ConfigSettings
    workdir: str
    user: str
    shell: tuple[str, ...]
    steps: list[Step]
    needs: list[Diagnostic]
    is_last: bool
    cmd_is_set: bool = False

    def __post_init__(self) -> None:
        """Take the base's own folder as one of an image."""
        if self.values.working_dir is not None:
            self.workdir = self.values.working_dir
        if self.values.user is not None:
            self.user = self.values.user
        try:
            self.workdir = resolve(self.workdir, os=self.os, workdir="")[0]
        except ImagePathError:
            self.workdir = ""

    def set(self, **changed: Any) -> None:
        """Set fields of the config."""
        self.values = replace(self.values, **changed)

    def made(self) -> ConfigSettings:
        """The config's settings."""
        return self.values

    def path(self, word: Word, text: str) -> tuple[str, bool] | None:
        """A path in the image and whether it is a folder; None, and a finding, where it is no path."""
        try:
            return resolve(text, os=self.os, workdir=self.workdir, written=word.text)
        except ImagePathError as error:
            self.scope.faults.add("dockerfile-path", word.place, error.message, error.hint)
            return None

    def warn(self, place: Place, message: str, hint: str) -> None:
        """Tell a person something about the image, once: what other stages have is no part of it."""
        if self.is_last:
            self.scope.faults.add("dockerfile-ignored", place, message, hint, severity="warning")

    def fault(self, place: Place, message: str, hint: str) -> None:
        """Report an instruction that cannot be."""
        self.scope.faults.add("dockerfile-instruction", place, message, hint)


def _pairs(settings: Settings, one: Instruction) -> dict[str, str]:
    """Names and values, of which no value depends on another one of the instruction."""
    first, _, rest = one.rest.text.partition(" ")
    if "=" not in one.words[0].text:
        at = Place(one.rest.place.line, one.rest.place.column + len(first) + 1)
        if not rest.strip():
            settings.fault(one.rest.place, f"{one.keyword} {first} has no value", f"write {first}=VALUE")
            return {}
        value = settings.scope.expanded(Word(text=rest.strip(), place=at))
        return {} if value is None else {first: value}
    found: dict[str, str] = {}
    for word in one.words:
        parts = pair(word)
        if parts is None:
            settings.fault(
                word.place, f"{word.text!r} has no =", f"write {word.text}=VALUE, or quote the value"
            )
            continue
        name, value = (settings.scope.expanded(part) for part in parts)
        if name and value is not None:
            found[name] = value
        elif name == "":
            settings.fault(word.place, "the name is empty", "write NAME=VALUE")
    return found


def _env(settings: Settings, one: Instruction) -> None:
    found = _pairs(settings, one)
    for name, value in found.items():
        if settings.os == "windows" and name.upper() == "PATH":
            _check_path(settings, one, name, value)
    settings.scope.env |= found
    settings.set(env={**settings.values.env, **found})


def _check_path(settings: Settings, one: Instruction, name: str, value: str) -> None:
    if match := _OLD_PATH.search(value):
        hint = "write the whole PATH, as in C:\\app;C:\\Windows\\System32;C:\\Windows"
        settings.fault(one.place, f"{match[0]} is never expanded in an image", hint)
    elif "system32" not in value.lower():
        message = f"{name} is set without C:\\Windows\\System32, and it replaces Windows' own"
        settings.warn(one.place, message, "write the whole PATH")


def _label(settings: Settings, one: Instruction) -> None:
    settings.set(labels={**settings.values.labels, **_pairs(settings, one)})


def _workdir(settings: Settings, one: Instruction) -> None:
    text = settings.scope.expanded(one.rest)
    if text is None:
        return
    if not text:
        settings.fault(one.rest.place, f"{one.rest.text} is nothing here", "write the folder's path")
        return
    found = settings.path(one.rest, text)
    if found is None:
        return
    settings.workdir = found[0]
    settings.set(working_dir=native(settings.workdir, settings.os))
    if settings.os == "windows" and settings.workdir.casefold() in _ALREADY_THERE:
        return
    if settings.workdir:
        owner = _owner(settings, one.rest.place)
        settings.steps.append(Directory(place=one.place, path=settings.workdir, owner=owner))


def _owner(settings: Settings, place: Place) -> tuple[int, int]:
    """Who owns a folder that WORKDIR makes: the user of that moment, by number."""
    if settings.os == "windows" or not settings.user:
        return 0, 0
    match = _NUMERIC.fullmatch(settings.user)
    if match is None:
        message = f"only an engine knows the number of user {settings.user!r}"
        need = settings.scope.faults.diagnostic(
            "dockerfile-engine", place, message, "write USER with numbers"
        )
        settings.needs.append(need)
        return 0, 0
    return int(match[1]), int(match[2] or match[1])


def _user(settings: Settings, one: Instruction) -> None:
    text = settings.scope.expanded(one.rest)
    if text is None:
        return
    if not text:
        settings.fault(one.rest.place, f"{one.rest.text} is nothing here", "write the user's name")
    elif settings.os == "windows" and _NUMERIC.fullmatch(text):
        hint = "write ContainerUser or ContainerAdministrator"
        settings.fault(one.rest.place, f"{text!r} is a Linux user", hint)
    else:
        settings.user = text
        settings.set(user=text)


def _expose(settings: Settings, one: Instruction) -> None:
    found: list[str] = []
    for word in one.words:
        for text in settings.scope.words(word):
            match = _PORT.fullmatch(text)
            protocol = (match[3] or "tcp").lower() if match else ""
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if protocol not in _PROTOCOLS or not 1 <= low <= high <= 65535:
                hint = "write 1 to 65535, with /tcp, /udp or /sctp behind it if need be"
                settings.fault(word.place, f"{text!r} is not a port", hint)
            else:
                found += [f"{port}/{protocol}" for port in range(low, high + 1)]
    settings.set(exposed_ports=tuple(dict.fromkeys((*settings.values.exposed_ports, *found))))


def _volume(settings: Settings, one: Instruction) -> None:
    found: list[str] = []
    for word in one.words if one.items is None else one.items:
        text = settings.scope.expanded(word)
        if not text:
            if text == "":
                settings.fault(word.place, "the volume's path is empty", "write a path")
            continue
        if settings.os == "windows":
            path = settings.path(word, text)
            text = native(path[0], settings.os) if path else text
        found.append(text)
    settings.set(volumes=tuple(dict.fromkeys((*settings.values.volumes, *found))))


def _stop_signal(settings: Settings, one: Instruction) -> None:
    text = settings.scope.expanded(one.rest)
    if text is None:
        return
    if fault := check_stop_signal(text, settings.os):
        message, _, hint = fault.partition("; " if "; " in fault else ": ")
        settings.fault(one.rest.place, message, hint.replace("stop-signal", "STOPSIGNAL"))
    settings.set(stop_signal=text)


def _entrypoint(settings: Settings, one: Instruction) -> None:
    settings.set(entrypoint=_command(settings, one))
    if not settings.cmd_is_set:
        # What stood below were arguments of another program.
        settings.set(cmd=None)


def _cmd(settings: Settings, one: Instruction) -> None:
    settings.set(cmd=_command(settings, one))
    settings.cmd_is_set = True


def _command(settings: Settings, one: Instruction) -> tuple[str, ...]:
    """The program with its arguments; a line for a shell in the shell's."""
    if one.items is not None:
        return tuple(word.text for word in one.items)
    program = settings.shell[0].replace("\\", "/").rpartition("/")[2].lower() if settings.shell else ""
    if program in {"cmd", "cmd.exe"} and '"' in one.rest.text:
        # Each argument is quoted for programs that read C's rules, and cmd does not.
        message = f"{one.keyword} in shell form holds double quotes, which cmd would get with backslashes"
        hint = f'write it as a list: {one.keyword} ["program", "argument"]'
        settings.fault(one.rest.place, message, hint)
    return (*settings.shell, one.rest.text)


def _shell(settings: Settings, one: Instruction) -> None:
    settings.shell = tuple(word.text for word in one.items or ())
    if not settings.shell:
        settings.fault(one.rest.place, "SHELL names no program", 'write it as in SHELL ["cmd", "/S", "/C"]')


def _healthcheck(settings: Settings, one: Instruction) -> None:
    message = "HEALTHCHECK is left out: image configs of the OCI have no such thing"
    settings.warn(one.place, message, "let the cluster ask, with a readiness or liveness probe")


def _maintainer(settings: Settings, one: Instruction) -> None:
    hint = 'write LABEL org.opencontainers.image.authors="..."'
    settings.warn(one.place, "MAINTAINER is left out: it is long deprecated", hint)


HANDLERS: Final[Mapping[str, Callable[[Settings, Instruction], None]]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
"""What each instruction does; COPY, ADD, ARG, RUN and ONBUILD aside."""
