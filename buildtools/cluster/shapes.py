"""What the fields of a pod may hold, as far as they are looked at: a table, and the faults against it.

Source: kubernetes/api:core/v1/types.go.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from buildtools.cluster.tree import Value

Shape = str | list[Any] | dict[str, Any]
"""`text`, `flag`, `words` (a mapping of texts); a list of one shape; a mapping of shapes by name."""

_OPTIONS: Final[Shape] = {"hostProcess": "flag", "runAsUserName": "text"}
_SECURITY: Final[Shape] = {
    "privileged": "flag",
    "runAsNonRoot": "flag",
    "windowsOptions": _OPTIONS,
    "capabilities": {"add": ["text"]},
}
_COMMAND: Final[Shape] = {"exec": {"command": ["text"]}}
_CONTAINER: Final[Shape] = {
    "name": "text",
    "image": "text",
    "imagePullPolicy": "text",
    "command": ["text"],
    "securityContext": _SECURITY,
    "lifecycle": {"stopSignal": "text", "preStop": _COMMAND, "postStart": _COMMAND},
    "livenessProbe": _COMMAND,
    "readinessProbe": _COMMAND,
    "startupProbe": _COMMAND,
}
_REQUIREMENT: Final[Shape] = {"key": "text", "operator": "text", "values": ["text"]}
_TERM: Final[Shape] = {"matchExpressions": [_REQUIREMENT], "matchFields": [_REQUIREMENT]}
POD: Final[Shape] = {
    "metadata": {"annotations": "words", "name": "text", "namespace": "text"},
    "spec": {
        "nodeName": "text",
        "nodeSelector": "words",
        "os": {"name": "text"},
        "hostNetwork": "flag",
        "runtimeClassName": "text",
        "securityContext": _SECURITY,
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}}
        },
        "tolerations": [{"key": "text", "operator": "text", "value": "text", "effect": "text"}],
        "volumes": [{"name": "text", "hostPath": {"path": "text"}}],
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
    },
}
"""The parts of a pod, or of the template of one, that preflight looks at."""

_KINDS: Final[Mapping[type, str]] = {bool: "true or false", int: "a number", float: "a number", str: "text"}


def shape_faults(value: Value, shape: Shape, name: str = "") -> Iterator[tuple[Value, str, str]]:
    """Every value that is of another kind than its field: (value, what is wrong, what to do)."""
    if value.absent:
        return
    if isinstance(shape, dict):
        yield from _mapping(value, name) or (
            fault
            for key, inner in shape.items()
            for fault in shape_faults(value.get(key), inner, f"{name}.{key}".lstrip("."))
        )
    elif isinstance(shape, list):
        if not isinstance(value.content, list):
            yield value, f"{name} must be a list, it is {_kind(value)}", "put a dash before each of its parts"
            return
        for place, item in enumerate(value.items):
            yield from shape_faults(item, shape[0], f"{name}[{place}]")
    else:
        yield from _LEAVES[shape](value, name)


def _mapping(value: Value, name: str) -> list[tuple[Value, str, str]]:
    if isinstance(value.content, dict):
        return []
    return [
        (value, f"{name or 'the pod'} must be a mapping, it is {_kind(value)}", "write `key: value` lines")
    ]


def _text(value: Value, name: str) -> Iterator[tuple[Value, str, str]]:
    if not isinstance(value.content, str):
        yield value, f"{name} must be text, it is {_kind(value)}", "put it in quotes"


def _flag(value: Value, name: str) -> Iterator[tuple[Value, str, str]]:
    if not isinstance(value.content, bool):
        yield (
            value,
            f"{name} must be true or false, it is {_kind(value)}",
            "write true or false without quotes",
        )


def _words(value: Value, name: str) -> Iterator[tuple[Value, str, str]]:
    yield from _mapping(value, name)
    for key, (_, inner) in value.pairs.items():
        if not inner.absent:
            yield from _text(inner, f"{name}[{key}]")


_LEAVES: Final[Mapping[str, Callable[[Value, str], Iterator[tuple[Value, str, str]]]]] = {
    "text": _text,
    "flag": _flag,
    "words": _words,
}


def _kind(value: Value) -> str:
    if isinstance(value.content, dict):
        return "a mapping"
    return "a list" if isinstance(value.content, list) else _KINDS[type(value.content)]
