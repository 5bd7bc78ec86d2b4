"""The actions that generated workflows use, as data: one row each, and what a project puts in their place.

A row is found by its name. `seen` is when the commit was looked up beside its version; the commits are those
that the actions' own tags stood on.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from msgspec import Struct

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.workflow.model import Action, Step, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One action that is used: its commit, the day that was looked up, and why the action is needed."""

    action: Action
    seen: str
    why: str


def _pin(name: str, version: str, sha: str, why: str) -> Pin:
    return Pin(action=Action(name=name, version=version, sha=sha), seen="2026-08-23", why=why)


PINS: Final[tuple[Pin, ...]] = (
    _pin(
        "actions/checkout",
        "v7.0.1",
        "3d3c42e5aac5ba805825da76410c181273ba90b1",
        "gets the definitions, with the history that images are dated by",
    ),
    _pin(
        "actions/setup-python",
        "v7.0.0",
        "5fda3b95a4ea91299a34e894583c3862153e4b97",
        "the same Python on every runner; Windows runners may have another as python",
    ),
    _pin(
        "actions/upload-artifact",
        "v7.0.1",
        "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a",
        "hands what a leg has built to the job that publishes it",
    ),
    _pin(
        "actions/download-artifact",
        "v8.0.1",
        "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
        "brings what all legs have built to one place",
    ),
    _pin(
        "docker/login-action",
        "v4.6.0",
        "dbcb813823bdd20940b903addbd779551569679f",
        "leaves credentials where actions/attest and the Docker Engine look for them",
    ),
    _pin(
        "actions/attest",
        "v4.2.2",
        "1e69f48acb82d1966a394da916b4c1698aa569d6",
        "signs where an image was built, and keeps it beside the image as a referrer",
    ),
    _pin(
        "anchore/sbom-action/download-syft",
        "v0.24.0",
        "e22c389904149dbc22b58101806040fa8d37a610",
        "brings the program that lists what is in an image",
    ),
    _pin(
        "azure/login",
        "v3.0.1",
        "f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca",
        "logs a run in to Azure by its own identity, for the clusters that images are tried on",
    ),
)
"""Every action that jobs of this project may use."""

_SHA: Final = re.compile(r"[0-9a-f]{40}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+")


class _Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    uses: str
    version: str = ""
    sha: str = ""
    seen: str = ""


def action(name: str) -> Action:
    """The pinned action of this name; raises ConfigurationError for one that the table has not."""
    for pin in PINS:
        if pin.action.name == name:
            return pin.action
    known = ", ".join(pin.action.name for pin in PINS)
    raise ConfigurationError(
        Diagnostic(
            code="unknown-action",
            message=f"there is no pinned action {name!r}",
            hint=f"make one with Action(name=..., version=..., sha=...); known are {known}",
        )
    )


def parse_overrides(text: bytes, path: str) -> dict[str, Action | str]:
    """What a project uses instead of an action, by the action's name.

    The file is JSON: `{"actions/checkout": {"uses": "mirror/checkout", "version": "v7.0.1", "sha": "..."}}`,
    where `uses` may be a path in the repository (`./.github/actions/checkout`) and then stands alone. `seen`
    is the day on which the row was looked up, and may be left out.
    Raises ConfigurationError with all that is wrong.
    """
    try:
        raw: Any = msgspec.json.decode(text, type=dict[str, _Override])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = 'write {"actions/checkout": {"uses": ..., "version": ..., "sha": ...}}'
        raise ConfigurationError(
            Diagnostic(code="actions-file", message=str(error), hint=hint, path=path)
        ) from error
    found: dict[str, Action | str] = {}
    faults = []
    for name, override in raw.items():
        if message := _fault(name, override):
            faults.append(
                Diagnostic(code="actions-file", message=f"{name}: {message[0]}", hint=message[1], path=path)
            )
        elif override.uses.startswith("./"):
            found[name] = override.uses
        else:
            found[name] = Action(name=override.uses, version=override.version, sha=override.sha)
    if faults:
        raise ConfigurationError(*faults)
    return found


def _fault(name: str, override: _Override) -> tuple[str, str] | None:
    """What is wrong with a row of the file, and what to do."""
    if name not in {pin.action.name for pin in PINS}:
        return "no workflow uses it", f"name one of {', '.join(pin.action.name for pin in PINS)}"
    if override.uses.startswith("./"):
        if override.version or override.sha:
            return "a path of this repository has neither version nor sha", "leave both out"
        return None
    if not _NAME.fullmatch(override.uses):
        return f"{override.uses!r} is no action", "write owner/name, or ./path for one of this repository"
    if not (_SHA.fullmatch(override.sha) and override.version):
        return "an action is named by its version and the whole sha of its commit", "add both"
    return None


def dump_overrides(rows: Mapping[str, Mapping[str, str]]) -> str:
    """The text of the file."""
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def misnamed(used: Action) -> str:
    """How an action and the table differ over a commit or the version of one; empty where they do not."""
    for pin in PINS:
        known = pin.action
        if known.name != used.name or known == used:
            continue
        if known.sha == used.sha:
            return f"calls the commit {used.sha} {used.version}, and it is {known.version}"
        if known.version == used.version:
            return f"has {used.version} at {used.sha}, and it stands at {known.sha}"
    return ""


def replaced(workflow: Workflow, overrides: Mapping[str, Action | str]) -> Workflow:
    """The workflow with a project's own actions in place of those that it names."""

    def own(step: Step) -> Step:
        used = step.uses
        if isinstance(used, Action) and used.name in overrides:
            return replace(step, uses=overrides[used.name])
        return step

    jobs = tuple(replace(job, steps=tuple(own(step) for step in job.steps)) for job in workflow.jobs)
    return replace(workflow, jobs=jobs)
