"""What runs for a variant: build commands, the Dockerfile engine's fields, and the lifecycle contract."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from buildtools.spec.constraints import ConstraintError, parse_constraint
from buildtools.spec.document import KeyPath
from buildtools.spec.inside import inside
from buildtools.spec.model import BuildSpec, LifecycleSpec, ProbeSpec
from buildtools.spec.platforms import Problem
from buildtools.spec.scope import Scope, Slot, items
from buildtools.spec.secrets import is_literal_secret
from buildtools.spec.templates import names_in
from buildtools.spec.variant import BuildStep

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OUT: Final = frozenset({"out"})
_PORT: Final = frozenset({"port"})
_DOCKERFILE_KEYS: Final = ("dockerfile", "context", "args", "docker")
_ASSEMBLE_KEYS: Final = ("build", "fetch", "files")


def step_for(scope: Scope, slot: Slot) -> BuildStep | None:
    """The commands for a variant's operating system and architecture; findings go to the report."""
    spec = scope.spec.build
    if spec is None:
        return None
    values = slot.compile_values
    trail: KeyPath = ("build",)
    commands = tuple(
        scope.filled_all(items(argv, (*trail, "run", position)), values, keep=_OUT)
        for position, argv in enumerate(spec.run)
    )
    for position, argv in enumerate(spec.run):
        if not argv[0]:
            scope.report.add(
                "build", (*trail, "run", position, 0), "the program's name is empty", "write one"
            )
    mark = scope.report.document.place((*trail, "inputs")).value
    return BuildStep(
        commands=commands,
        workdir=checked_paths(scope, (spec.workdir,), ((*trail, "workdir"),))[0],
        env=variables(scope, spec.env, (*trail, "env"), values, keep=_OUT),
        pass_env=_passed(scope, spec),
        inputs=checked_paths(scope, spec.inputs, tuple(items(spec.inputs, (*trail, "inputs")))),
        tools=_tools(scope, spec),
        line=mark.line,
        column=mark.column,
    )


def variables(
    scope: Scope,
    env: Mapping[str, str],
    trail: KeyPath,
    values: Mapping[str, str],
    *,
    keep: frozenset[str] = frozenset(),
    allowed: Sequence[str] = (),
    remedy: str = "hand it over at run time, or through build.pass-env",
) -> dict[str, str]:
    """Environment variables or arguments, filled in; names that cannot be and secrets are reported.

    `allowed` are names that are no secret whatever they look like; `remedy` says what to do with one.
    """
    found: dict[str, str] = {}
    for name, text in env.items():
        at = (*trail, name)
        _check_name(scope, name, at)
        if name not in allowed and is_literal_secret(name, text):
            scope.report.add(
                "secret",
                at,
                f"{name} looks like a secret, and its value is written down here",
                remedy,
            )
        value = scope.filled(text, at, values, keep=keep)
        if value is not None:
            found[name] = value
    return found


def _check_name(scope: Scope, name: str, trail: KeyPath) -> None:
    if not _VARIABLE.fullmatch(name):
        message = f'"{name}" cannot name a variable'
        scope.report.add("variable", trail, message, "use letters, digits and underscores", at_key=True)


def checked_paths(scope: Scope, paths: tuple[str, ...], trails: tuple[KeyPath, ...]) -> tuple[str, ...]:
    """Paths in the project without needless parts; those that lead out of it are reported."""
    found: list[str] = []
    for path, trail in zip(paths, trails, strict=True):
        clean = inside(path, scope.folder)
        if isinstance(clean, Problem):
            scope.report.add("path", trail, clean.message, clean.hint)
        found.append(clean if isinstance(clean, str) else ".")
    return tuple(found)


def _passed(scope: Scope, spec: BuildSpec) -> tuple[str, ...]:
    for trail, name in items(spec.pass_env, ("build", "pass-env")).items():
        if not _VARIABLE.fullmatch(name):
            # Without what stands behind =, which may be the secret itself.
            message = f'"{name.partition("=")[0]}" cannot be passed on like this'
            hint = "write the variable's name alone, without = and value"
            scope.report.add("variable", trail, message, hint)
    return spec.pass_env


def _tools(scope: Scope, spec: BuildSpec) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in spec.tools.items():
        try:
            found[name] = str(parse_constraint(text))
        except ConstraintError as error:
            scope.report.add("tool", ("build", "tools", name), error.message, error.hint)
    return found


def check_engine(scope: Scope) -> None:
    """Report keys that the chosen engine does not know."""
    dockerfile = scope.spec.engine == "dockerfile"
    for key in _ASSEMBLE_KEYS if dockerfile else _DOCKERFILE_KEYS:
        if scope.says((key,)):
            message = f"{key} means nothing to engine {scope.spec.engine}"
            hint = (
                "copy in the Dockerfile instead" if dockerfile else "write engine: dockerfile, or delete it"
            )
            scope.report.add("engine", (key,), message, hint, at_key=True)


def dockerfile_for(scope: Scope, slot: Slot) -> tuple[str, str, dict[str, str]]:
    """Dockerfile, context and arguments; empty for the other engine."""
    if scope.spec.engine != "dockerfile":
        return "", "", {}
    dockerfile, context = checked_paths(
        scope,
        (scope.spec.dockerfile or "Dockerfile", scope.spec.context or "."),
        (("dockerfile",), ("context",)),
    )
    # What goes by the Windows release is not set where there is none, so that its ARG keeps its default.
    given = {
        name: text
        for name, text in scope.spec.args.items()
        if slot.release or "release" not in names_in(text)
    }
    args = variables(
        scope,
        given,
        ("args",),
        slot.values,
        allowed=scope.spec.docker.allow_args,
        remedy="it would stay in the image's history for all to read: hand it over at run time, or list the "
        "name under docker.allow-args if it is no secret",
    )
    return dockerfile, context, args


def lifecycle_for(scope: Scope, slot: Slot) -> LifecycleSpec | None:
    """The contract with every placeholder but `{port}` filled in."""
    spec = scope.spec.lifecycle
    if spec is None:
        return None
    for trail, message, hint in _broken_contract(spec):
        scope.report.add("lifecycle", ("lifecycle", *trail), message, hint)
    args = scope.filled_all(items(spec.args, ("lifecycle", "args")), slot.values, keep=_PORT)
    for name in spec.env:
        _check_name(scope, name, ("lifecycle", "env", name))
    env = {
        name: scope.filled(text, ("lifecycle", "env", name), slot.values, keep=_PORT) or ""
        for name, text in spec.env.items()
    }
    probe = _probe(scope, slot, spec.probe) if spec.probe else None
    return msgspec.structs.replace(spec, args=args, env=env, probe=probe)


def _probe(scope: Scope, slot: Slot, spec: ProbeSpec) -> ProbeSpec:
    trail: KeyPath = ("lifecycle", "probe", "json")
    answer = {
        key: scope.filled(value, (*trail, key), slot.values) if isinstance(value, str) else value
        for key, value in spec.json.items()
    }
    return msgspec.structs.replace(spec, json=answer)


def _broken_contract(spec: LifecycleSpec) -> Iterator[tuple[KeyPath, str, str]]:
    asked: dict[KeyPath, str] = {}
    if spec.ready:
        asked["ready", "http"] = spec.ready.http
    if spec.probe:
        asked["probe", "http"] = spec.probe.http
    if spec.stop and spec.stop.drain:
        asked["stop", "drain"] = spec.stop.drain
    for trail, path in asked.items():
        if not path.startswith("/"):
            yield trail, f'"{path}" is not the path of a request', "start it with a slash"
    if (spec.ready or spec.probe) and not spec.stop:
        yield (), "a program that is asked something must be stopped", "add stop: {event: shutdown}"
    if asked and not any("{port}" in text for text in (*spec.args, *spec.env.values())):
        yield (), "nothing tells the program which port to listen on", 'use "{port}" in args or env'
