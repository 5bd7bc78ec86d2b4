"""How a variant is run: `config` for every operating system with what differs on this one."""

import re
from collections.abc import Mapping
from typing import Final

from buildtools.oci.config import ConfigSettings
from buildtools.spec.document import KeyPath, Report
from buildtools.spec.image_paths import native_path
from buildtools.spec.model import ConfigPart, ProjectSpec
from buildtools.spec.platforms import Problem, split
from buildtools.spec.scope import Scope, Slot, items
from buildtools.spec.steps import variables
from buildtools.spec.templates import TemplateError, fill
from buildtools.spec.variant import SCRATCH, TITLE
from buildtools.windows.paths import join_path_list
from buildtools.windows.signals import check_stop_signal

_PORT: Final = re.compile(r"([0-9]{1,5})(?:/(tcp|udp|sctp))?")
_OLD_PATH: Final = re.compile(r"%path%|\$path\b|\$\{path\}|\$env:path\b", re.IGNORECASE)
_NUMERIC_USER: Final = re.compile(r"[0-9]{1,10}(?::[0-9]{1,10})?")
# Of user and group each may be a name or a number (opencontainers/image-spec:config.md, User).
_LINUX_USER: Final = re.compile(
    r"(?:[a-z_][a-z0-9_-]{0,31}|[0-9]{1,10})(?::(?:[a-z_][a-z0-9_-]{0,31}|[0-9]{1,10}))?"
)
_WINDOWS_USER: Final = re.compile(
    r"[^\x00-\x1f/\\\[\]:;|=,+*?<>\"]{1,256}(?:\\[^\x00-\x1f/\\\[\]:;|=,+*?<>\"]{1,104})?"
)
_DESCRIPTION: Final = "org.opencontainers.image.description"


def config_for(scope: Scope, slot: Slot, base: str) -> ConfigSettings:
    """The settings of this variant's image config; findings go to the report."""
    env, env_trails = _env(scope, slot)
    if folders := _path_folders(scope, slot):
        env["PATH"] = join_path_list(folders, slot.os)
    for name, at in env_trails.items():
        _check_variable(scope, name, env.get(name, ""), at)
    part, trail = _given(scope, slot, "volumes")
    return ConfigSettings(
        entrypoint=_entrypoint(scope, slot),
        cmd=_cmd(scope, slot),
        env=env,
        user=_user(scope, slot, base),
        working_dir=_workdir(scope, slot),
        exposed_ports=_ports(scope, slot),
        volumes=_paths(scope, slot, part.volumes, trail),
        labels=_labels(scope, slot),
        stop_signal=_stop_signal(scope, slot),
    )


def _part(scope: Scope, slot: Slot) -> ConfigPart:
    return scope.spec.config.linux if slot.os == "linux" else scope.spec.config.windows


def _given(scope: Scope, slot: Slot, key: str) -> tuple[ConfigPart, KeyPath]:
    """The part whose value of `key` counts on this operating system, and the value's place."""
    own: KeyPath = ("config", slot.os, key)
    if scope.says(own):
        return _part(scope, slot), own
    return scope.spec.config, ("config", key)


def _env(scope: Scope, slot: Slot) -> tuple[dict[str, str], dict[str, KeyPath]]:
    """Variables of both parts, filled in, and where each stands."""
    values: dict[str, str] = {}
    trails: dict[str, KeyPath] = {}
    for part, trail in ((scope.spec.config, ("config",)), (_part(scope, slot), ("config", slot.os))):
        at: KeyPath = (*trail, "env")
        found = variables(scope, part.env, at, slot.values)
        for name in found:
            # Windows knows one variable for Path and PATH.
            same = next((old for old in values if slot.os == "windows" and old.upper() == name.upper()), name)
            values.pop(same, None)
            trails.pop(same, None)
        values |= found
        trails |= {name: (*at, name) for name in found}
    return values, trails


def _check_variable(scope: Scope, name: str, value: str, trail: KeyPath) -> None:
    if name.upper() == "PATH":
        message = f"{name} in env would replace the base's whole PATH"
        hint = "list folders under config.path: they go in front of the full PATH"
        scope.report.add("path-variable", trail, message, hint, at_key=True)
    elif found := _OLD_PATH.search(value):
        message = f"{found[0]} is never expanded in an image"
        scope.report.add("path-variable", trail, message, "list folders under config.path")


def _path_folders(scope: Scope, slot: Slot) -> tuple[str, ...]:
    part, trail = _given(scope, slot, "path")
    mark, name = (";", "semicolon") if slot.os == "windows" else (":", "colon")
    found: list[str] = []
    for at, text in items(part.path, trail).items():
        if mark in text and not _OLD_PATH.search(text):
            message = f'"{text}" holds a {name}, which ends a folder in PATH'
            scope.report.add("path-variable", at, message, "write one folder an entry")
        elif path := _path(scope, slot, text, at):
            found.append(path)
    return tuple(found)


def _paths(scope: Scope, slot: Slot, texts: tuple[str, ...], trail: KeyPath) -> tuple[str, ...]:
    """Absolute paths in the image, as the operating system writes them."""
    found = (_path(scope, slot, text, at) for at, text in items(texts, trail).items())
    return tuple(path for path in found if path is not None)


def _path(scope: Scope, slot: Slot, text: str, trail: KeyPath) -> str | None:
    filled = scope.filled(text, trail, slot.values)
    if filled is None:
        return None
    if found := _OLD_PATH.search(filled):
        message = f"{found[0]} is never expanded in an image"
        scope.report.add("path-variable", trail, message, "delete it: the full PATH is added")
        return None
    path = native_path(filled, slot.os)
    if isinstance(path, Problem):
        scope.report.add("image-path", trail, path.message, path.hint)
        return None
    return path


def _cmd(scope: Scope, slot: Slot) -> tuple[str, ...] | None:
    part, trail = _given(scope, slot, "cmd")
    return None if part.cmd is None else scope.filled_all(items(part.cmd, trail), slot.values)


def _entrypoint(scope: Scope, slot: Slot) -> tuple[str, ...] | None:
    part, trail = _given(scope, slot, "entrypoint")
    if not part.entrypoint:
        return part.entrypoint
    argv = scope.filled_all(items(part.entrypoint, trail), slot.values)
    if len(argv) < len(part.entrypoint):
        return argv
    program, at = argv[0], (*trail, 0)
    if not program:
        scope.report.add("entrypoint", at, "the program's name is empty", "write its path in the image")
    elif slot.os == "windows" and program.startswith("/"):
        native = native_path(program, slot.os)
        hint = f"write {native} under config.windows" if isinstance(native, str) else "write it with a drive"
        scope.report.add("entrypoint", at, f'Windows does not find "{program}"', hint)
    elif slot.os == "linux" and re.match(r"[A-Za-z]:|.*\\", program):
        message = f'Linux does not find "{program}"'
        scope.report.add("entrypoint", at, message, "write a path with slashes under config.linux")
    return argv


def _user(scope: Scope, slot: Slot, base: str) -> str | None:
    part, trail = _given(scope, slot, "user")
    filled = None if part.user is None else scope.filled(part.user, trail, slot.values)
    if filled is None:
        return None
    if slot.os == "windows" and _NUMERIC_USER.fullmatch(filled):
        message = f'"{filled}" is a Linux user'
        hint = "write ContainerUser or ContainerAdministrator under config.windows"
        scope.report.add("user", trail, message, hint)
    elif slot.os == "windows" and not _WINDOWS_USER.fullmatch(filled):
        scope.report.add("user", trail, f'"{filled}" cannot name a Windows user', "write ContainerUser")
    elif slot.os == "linux" and not _LINUX_USER.fullmatch(filled):
        message = f'"{filled}" cannot name a Linux user'
        scope.report.add("user", trail, message, 'write numbers under config.linux, as in "65532:65532"')
    elif slot.os == "linux" and base == SCRATCH and not _NUMERIC_USER.fullmatch(filled):
        message = f'scratch has no /etc/passwd that could say who "{filled}" is'
        scope.report.add("user", trail, message, 'write numbers, as in "65532:65532"')
    return filled


def _workdir(scope: Scope, slot: Slot) -> str | None:
    part, trail = _given(scope, slot, "workdir")
    return None if part.workdir is None else _path(scope, slot, part.workdir, trail)


def _ports(scope: Scope, slot: Slot) -> tuple[str, ...]:
    part, trail = _given(scope, slot, "ports")
    found: list[str] = []
    for position, port in enumerate(part.ports):
        match = _PORT.fullmatch(str(port))
        if match is None or not 1 <= int(match[1]) <= 65535:
            message = f'"{port}" is not a port'
            hint = "write 1 to 65535, with /tcp, /udp or /sctp behind it if need be"
            scope.report.add("port", (*trail, position), message, hint)
            continue
        text = f"{int(match[1])}/{match[2] or 'tcp'}"
        if text in found:
            message = f"port {text} stands here twice"
            scope.report.add("port", (*trail, position), message, "delete one of the two")
        found.append(text)
    return tuple(dict.fromkeys(found))


def _labels(scope: Scope, slot: Slot) -> dict[str, str]:
    """Labels of the project, of both parts, and the image's title and description where none says more."""
    labels = {TITLE: scope.spec.name}
    if scope.spec.description:
        labels[_DESCRIPTION] = scope.spec.description
    for name, text in scope.project.labels.items():
        labels[name] = fill(text, slot.values)  # `check_project_labels` has seen that it can be
    labels |= _own_labels(scope, slot, scope.spec.config, ("config", "labels"))
    return labels | _own_labels(scope, slot, _part(scope, slot), ("config", slot.os, "labels"))


def _own_labels(scope: Scope, slot: Slot, part: ConfigPart, trail: KeyPath) -> dict[str, str]:
    check_label_names(part.labels, trail, scope.report)
    found = {name: scope.filled(text, (*trail, name), slot.values) for name, text in part.labels.items()}
    return {name: text for name, text in found.items() if text is not None}


def check_project_labels(project: ProjectSpec, report: Report) -> None:
    """Report labels of `defaults.yaml` that cannot be: they are put on Linux and Windows images alike."""
    check_label_names(project.labels, ("labels",), report)
    values = dict.fromkeys(("name", "os", "arch", "variant", "exe"), "")
    for name, text in project.labels.items():
        try:
            fill(text, values)
        except TemplateError as error:
            report.add("placeholder", ("labels", name), error.message, error.hint)


def check_label_names(labels: Mapping[str, str], trail: KeyPath, report: Report) -> None:
    """Report keys that are no label's name."""
    for name in labels:
        if not name or re.search(r"[\s=\x00-\x1f]", name):
            hint = "write it like org.opencontainers.image.source"
            report.add("label", (*trail, name), f'"{name}" cannot name a label', hint, at_key=True)


def _stop_signal(scope: Scope, slot: Slot) -> str | None:
    part, trail = _given(scope, slot, "stop-signal")
    if part.stop_signal is None:
        return None
    if fault := check_stop_signal(part.stop_signal, slot.os):
        message, _, hint = fault.partition("; ")
        problem = Problem(message, f"{hint}, or write it under config.linux alone") if hint else split(fault)
        scope.report.add("stop-signal", trail, problem.message, problem.hint)
    return part.stop_signal
