"""What images are tagged with: templates of the command line or the definitions, over facts of this run."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from buildtools.errors import BuildError, ConfigurationError, Diagnostic, UsageError
from buildtools.settings import Settings
from buildtools.sources import git
from buildtools.spec.expand import Image, Project
from buildtools.spec.tags import (
    Facts,
    NoTagError,
    Ref,
    Tag,
    check_template,
    default_templates,
    facts_of,
    tags_for,
)
from buildtools.spec.templates import TemplateError
from buildtools.spec.versions import parse_version
from buildtools.workspace import Workspace

_PULL: Final = re.compile(r"refs/pull/([0-9]+)/")
_DEFAULTS: Final = "images/defaults.yaml"


def facts(workspace: Workspace, *, version: str = "") -> Facts:
    """What this run's tags are made of; raises UsageError for a `version` that is none."""
    stated = parse_version(version) if version else None
    if version and stated is None:
        raise UsageError(
            f"{version!r} is no semantic version", hint="write three numbers, as in 1.4.2 or 1.4.2-rc.1"
        )
    return facts_of(git.checked_out(workspace.root), run_ref(workspace.settings), stated)


def run_ref(settings: Settings) -> Ref | None:
    """What the GitHub Actions run is about, None elsewhere.

    A pull request's branch is no fact: a fork may call its own `main`.
    """
    if not settings.github_actions:
        return None
    sha = settings.github_sha
    if found := _PULL.match(settings.github_ref):
        return Ref(kind="pull-request", name=found[1], sha=sha)
    if settings.github_head_ref:
        return Ref(kind="pull-request", name="", sha=sha)
    kind, name = settings.github_ref_type, settings.github_ref_name
    if kind == "tag":
        return Ref(kind="tag", name=name, sha=sha)
    return Ref(kind="branch", name=name, sha=sha)


def choose(
    workspace: Workspace, names: Sequence[str], typed: Sequence[str], known: Facts
) -> dict[str, tuple[Tag, ...]]:
    """Each image's tags, by its name; those that were `typed` win over the definitions.

    Raises ConfigurationError with everything that is wrong with them, and where nothing is left.
    """
    if faults := _typed_faults(typed):
        raise ConfigurationError(*faults)
    project = workspace.project
    found: dict[str, tuple[Tag, ...]] = {}
    causes: dict[Diagnostic, None] = {}
    for name in names:
        templates, path, line, column = _templates(project, project.images[name], typed)
        if not templates:
            templates = default_templates(known)
            _refuse_silence(workspace, known)
        try:
            found[name] = tags_for(templates, known)
        except (NoTagError, TemplateError) as error:
            fault = Diagnostic(
                code="image-tag",
                message=error.message,
                hint=error.hint,
                path=path,
                line=line,
                column=column,
            )
            causes.setdefault(fault)
    if causes:
        raise ConfigurationError(*causes)
    return found


def refuse_uncommitted(workspace: Workspace, tags: Mapping[str, Sequence[Tag]]) -> None:
    """Raise BuildError where tags name a commit and what images are made of is not in it."""
    named = dict.fromkeys(tag.name for every in tags.values() for tag in every if tag.from_commit)
    folder = workspace.shown(workspace.images)
    names = git.uncommitted(workspace.root, folder) if named else ()
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise BuildError(
            f"{', '.join(named)} would name a commit that {names[0]}{more} is not part of",
            hint="commit what is changed, or publish it as it is with --allow-dirty",
        )


def _typed_faults(typed: Sequence[str]) -> list[Diagnostic]:
    faults = []
    for template in typed:
        try:
            check_template(template)
        except TemplateError as error:
            message = f"--tag {template}: {error.message}"
            faults.append(Diagnostic(code="image-tag", message=message, hint=error.hint))
    return faults


def _templates(project: Project, image: Image, typed: Sequence[str]) -> tuple[Sequence[str], str, int, int]:
    """The templates that count for an image, and where they stand."""
    if typed:
        return typed, "", 0, 0
    if image.spec.tags:
        return image.spec.tags, image.path, *image.document.place(("tags",)).key
    return project.spec.tags, _DEFAULTS if project.spec.tags else "", 0, 0


def _refuse_silence(workspace: Workspace, known: Facts) -> None:
    """Raise ConfigurationError where git has a commit and does not tell: `latest` would be a guess."""
    trouble = "" if known.values else git.trouble(workspace.root)
    if trouble:
        message = f"{trouble}, so there is no commit that tags could be made of"
        raise ConfigurationError(
            Diagnostic(code="image-tag", message=message, hint="name the tags with --tag")
        )
