"""Tags from facts: templates such as `{major}.{minor}` over what git and the CI run know.

A template whose facts are absent gives no tag, so that one list serves releases, branches and pull
requests. Tags come out immutable ones first: those are never moved, the others float.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from buildtools.oci.reference import MAX_TAG, InvalidReference, parse_reference
from buildtools.spec.document import Report
from buildtools.spec.templates import TemplateError, fill, names_in
from buildtools.spec.versions import Version, parse_version

TAG_PLACEHOLDERS: Final[Mapping[str, str]] = {
    "version": "the semantic version of the git tag at this commit, without a `v`; `+` is written as `_`",
    "major": "its first number (absent for pre-releases; alone in a tag also for 0.x)",
    "minor": "its second number (absent for pre-releases)",
    "patch": "its third number (absent for pre-releases)",
    "sha": "the first 7 digits of the commit",
    "branch": "the branch, with `-` for what tags cannot hold (absent in pull requests)",
    "pr": "the number of the pull request (GitHub Actions)",
    "date": "the day of the commit, as in 20260131 (UTC)",
}
"""Every placeholder of `tags` and what it stands for; the reference page lists them in this order."""

RELEASED: Final = ("{version}", "{major}.{minor}", "{major}", "latest")
"""What an image is tagged with where nobody says it and there is a version."""
UNRELEASED: Final = ("sha-{sha}", "{branch}", "pr-{pr}")
"""The same where there is a commit without a version."""
LATEST: Final = "latest"

_SHA: Final = 7
_NUMBERS: Final = frozenset({"major", "minor", "patch"})
_FROM_VERSION: Final = _NUMBERS | {"version"}
_FROM_COMMIT: Final = _FROM_VERSION | {"sha"}
_NO_CHARACTER: Final = re.compile(r"[^A-Za-z0-9_.-]")
_SAMPLE: Final[Mapping[str, str]] = {
    "version": "1.2.3",
    "major": "1",
    "minor": "2",
    "patch": "3",
    "sha": "0123456",
    "branch": "main",
    "pr": "1",
    "date": "20260131",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What git says of the commit that is checked out: `time` in seconds since 1970, names as git has."""

    sha: str
    time: int
    branch: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """What a CI run is about: a branch, a tag or a pull request (`name` is its number), and its commit."""

    kind: Literal["branch", "tag", "pull-request"]
    name: str
    sha: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What templates are filled in with; what is not known is empty. `sha` is the whole one."""

    version: Version | None = None
    sha: str = ""
    branch: str = ""
    pr: str = ""
    date: str = ""

    @property
    def values(self) -> Mapping[str, str]:
        """Placeholders that stand for something, and what for."""
        version = self.version
        released = version if version and not version.prerelease else None
        found = {
            # Helm's sign for it: no version holds one, so no pre-release can be meant.
            "version": str(version).replace("+", "_") if version else "",
            "major": released.major if released else "",
            "minor": released.minor if released else "",
            "patch": released.patch if released else "",
            "sha": self.sha[:_SHA],
            "branch": branch_tag(self.branch),
            "pr": self.pr,
            "date": self.date,
        }
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One tag: `immutable` ones are not moved, and `from_commit` says that it names a commit's content."""

    name: str
    immutable: bool = False
    from_commit: bool = False


class TagError(TemplateError):
    """What the template gives is not a tag."""


class NoTagError(ValueError):
    """No template gives a tag; `message` names the facts that are missing, `hint` those that are there."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.message = message
        self.hint = hint


def facts_of(commit: Commit | None, ref: Ref | None = None, version: Version | None = None) -> Facts:
    """The facts of a run; `version` is one that was stated by hand and wins.

    The CI run's ref counts unless another commit is checked out than the run is about: the tag must say
    what is in the image. A run for a tag has just that tag's version, if it has one, a pull request none.
    """
    if ref and ref.sha and commit and ref.sha != commit.sha:
        ref = None
    kind, name = (ref.kind, ref.name) if ref else ("branch", "")
    branch, tags = (commit.branch, commit.tags) if commit else ("", ())
    names = {"branch": tags, "tag": (name,), "pull-request": ()}[kind]
    found = [parsed for text in names if (parsed := parse_version(text))]
    best = max(found, key=lambda parsed: (parsed.precedence, str(parsed)), default=None)
    return Facts(
        version=version or best,
        sha=commit.sha if commit else ref.sha if ref else "",
        branch=(name or branch) if kind == "branch" else "",
        pr=name if kind == "pull-request" else "",
        date=datetime.fromtimestamp(commit.time, UTC).strftime("%Y%m%d") if commit else "",
    )


def branch_tag(name: str) -> str:
    """A branch's name as a tag: `feature/x` is `feature-x`; empty where nothing of it can stand in one."""
    return _NO_CHARACTER.sub("-", name).lstrip("-.")[:MAX_TAG]


def default_templates(facts: Facts) -> tuple[str, ...]:
    """What an image is tagged with where nobody says it."""
    if facts.version:
        return RELEASED
    return UNRELEASED if facts.sha or facts.branch or facts.pr else (LATEST,)


def tags_for(templates: Sequence[str], facts: Facts) -> tuple[Tag, ...]:
    """The tags that these templates give, each once, immutable ones first, else in the order given.

    Raises TemplateError for a text that is no template, and NoTagError where no tag is left.
    """
    values = facts.values
    named = {template: _names(template) for template in templates}
    versioned = any(names & _FROM_VERSION for names in named.values())
    found: dict[str, Tag] = {}
    for template, names in named.items():
        if names - values.keys() or _is_too_much(template, names, facts, versioned=versioned):
            continue
        name = _filled(template, values)
        tag = Tag(name=name, immutable=is_immutable(template), from_commit=bool(names & _FROM_COMMIT))
        if name not in found or tag.immutable:
            found[name] = tag
    if not found:
        raise _no_tag(named, facts)
    return tuple(sorted(found.values(), key=lambda tag: not tag.immutable))


def is_immutable(template: str) -> bool:
    """Whether what the template gives is never moved: it holds a commit or a whole version."""
    names = names_in(template)
    return bool(names & {"version", "sha"}) or names >= _NUMBERS or parse_version(template) is not None


def check_template(template: str) -> None:
    """Raise TemplateError unless the template gives tags."""
    _names(template)
    try:
        parse_reference("registry.example/image").with_tag(_filled(template, _SAMPLE))
    except InvalidReference as error:
        message = f'"{template}" gives no tag'
        hint = "write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"
        raise TagError(message, hint=hint) from error


def check_tags(templates: Iterable[str], report: Report) -> None:
    """Report entries of `tags` that give no tags."""
    for position, template in enumerate(templates):
        try:
            check_template(template)
        except TemplateError as error:
            code = "image-tag" if isinstance(error, TagError) else "placeholder"
            report.add(code, ("tags", position), error.message, error.hint)


def _names(template: str) -> frozenset[str]:
    """The template's placeholders; raises TemplateError for what is none."""
    fill(template, _SAMPLE)
    return names_in(template)


def _is_too_much(template: str, names: frozenset[str], facts: Facts, *, versioned: bool) -> bool:
    """Whether this version must not have the tag: `0` promises nothing, a pre-release is not `latest`."""
    version = facts.version
    if version is None:
        return False
    if names & _FROM_VERSION == {"major"} and version.major == "0":
        return True
    # Alone it was meant; beside versions it means the newest release.
    return bool(version.prerelease) and template == LATEST and versioned


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The tag, whose branch is cut where the whole would be too long."""
    name = fill(template, values)
    count = template.count("{branch}")
    if len(name) > MAX_TAG and count:
        room = (MAX_TAG - len(fill(template, {**values, "branch": ""}))) // count
        name = fill(template, {**values, "branch": values["branch"][: max(room, 1)]})
    if len(name) > MAX_TAG:
        message = f'"{template}" gives a tag of {len(name)} characters'
        raise TagError(message, hint=f"at most {MAX_TAG} are allowed")
    return name


def _no_tag(named: Mapping[str, frozenset[str]], facts: Facts) -> NoTagError:
    values = facts.values
    absent = dict.fromkeys(
        f"{{{name}}}" for names in named.values() for name in sorted(names - values.keys())
    )
    listed = ", ".join(f'"{template}"' for template in named)
    why = f", without {', '.join(absent)}" if absent else f" for version {facts.version}"
    there = ", ".join(f"{{{name}}} ({value})" for name, value in values.items())
    hint = f"there are {there}" if there else "there is no fact at all: no commit, no version, no CI run"
    return NoTagError(f"no tag comes out of {listed}{why}", hint=f"{hint}; name a tag with --tag")
