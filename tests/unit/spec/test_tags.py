# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Tags from templates and facts: which there are, which are left out, which may never move."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.oci.reference import MAX_TAG, parse_reference
from buildtools.spec.expand import load_image, load_project
from buildtools.spec.model import ProjectSpec
from buildtools.spec.tags import (
    TAG_PLACEHOLDERS,
    Commit,
    Facts,
    NoTagError,
    Ref,
    Tag,
    branch_tag,
    check_template,
    default_templates,
    facts_of,
    is_immutable,
    tags_for,
)
from buildtools.spec.templates import TemplateError
from buildtools.spec.versions import parse_version

SHA, OTHER = "3f2c1ab" + "0" * 33, "b" * 40
TIME = 1_767_225_600
DAY = "20260101"


def known(version: str = "", **changes: Any) -> Facts:
    """The facts of a commit with this version."""
    fields: dict[str, Any] = {"version": parse_version(version), "sha": SHA, "branch": "main", "date": DAY}
    return Facts(**(fields | changes))


def names(facts: Facts, *templates: str) -> list[str]:
    """The tags by name; the defaults where no template is given."""
    return [tag.name for tag in tags_for(templates or default_templates(facts), facts)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (known("1.4.2"), ["1.4.2", "1.4", "1", "latest"]),
        (known("0.4.2"), ["0.4.2", "0.4", "latest"]),
        (known("1.4.2-rc.1"), ["1.4.2-rc.1"]),
        (known("1.4.2+build.5"), ["1.4.2_build.5", "1.4", "1", "latest"]),
        (known(), ["sha-3f2c1ab", "main"]),
        (known(branch=""), ["sha-3f2c1ab"]),
        (known(branch="", pr="7"), ["sha-3f2c1ab", "pr-7"]),
        (known(branch="feature/x y"), ["sha-3f2c1ab", "feature-x-y"]),
        (Facts(), ["latest"]),
        (Facts(version=parse_version("2.0.0")), ["2.0.0", "2.0", "2", "latest"]),
    ],
)
def test_tags_where_nothing_is_configured(facts: Facts, expected: list[str]) -> None:
    """By version where there is one, else by commit, else just the latest."""
    assert names(facts) == expected


@pytest.mark.parametrize(
    ("facts", "templates", "expected"),
    [
        (known("1.4.2"), ["latest", "{major}.{minor}.{patch}", "v{major}"], ["1.4.2", "latest", "v1"]),
        (known("0.4.2"), ["v{major}", "{major}-{branch}", "{major}.{minor}"], ["0.4"]),
        (known("0.4.2"), ["{major}-{sha}", "stable"], ["stable"]),
        (known("1.4.2-rc.1"), ["latest", "{version}", "{major}", "edge"], ["1.4.2-rc.1", "edge"]),
        (known("1.4.2-rc.1"), ["latest"], ["latest"]),
        (known("1.4.2-rc.1"), ["latest", "{branch}"], ["latest", "main"]),
        (known(), ["{branch}", "main", "{date}", "sha-{sha}"], ["sha-3f2c1ab", "main", DAY]),
        (known(), ["{version}", "nightly-{date}"], [f"nightly-{DAY}"]),
        (known("1.4.2"), ["1.4.2", "{version}"], ["1.4.2"]),
    ],
)
def test_which_tags_come_out(facts: Facts, templates: list[str], expected: list[str]) -> None:
    """Absent facts take their tags away; each comes once, immutable ones first."""
    assert names(facts, *templates) == expected


@pytest.mark.parametrize(
    ("template", "immutable"),
    [
        ("{version}", True), ("sha-{sha}", True), ("{major}.{minor}.{patch}", True), ("1.4.2", True),
        ("v1.4.2-rc.1", True), ("{major}.{minor}", False), ("{branch}", False), ("{date}", False),
        ("latest", False), ("1.4", False), ("pr-{pr}", False),
    ],
)  # fmt: skip
def test_tags_that_never_move(template: str, immutable: bool) -> None:
    """A commit or a whole version, typed ones too."""
    assert is_immutable(template) is immutable


def test_tags_know_whether_they_name_a_commit() -> None:
    """What is typed names nothing, so that anything may be published under it."""
    assert tags_for(["{version}", "{major}", "1.4", "{branch}"], known("1.4.2")) == (
        Tag(name="1.4.2", immutable=True, from_commit=True),
        Tag(name="1", from_commit=True),
        Tag(name="1.4"),
        Tag(name="main"),
    )


@pytest.mark.parametrize(
    ("facts", "templates", "sentence"),
    [
        (known(), ["{version}", "{major}.{minor}"], 'no tag comes out of "{version}", "{major}.{minor}", without {version}, {major}, {minor}: there are {sha} (3f2c1ab), {branch} (main), {date} (20260101); name a tag with --tag'),
        (Facts(), ["{sha}"], 'no tag comes out of "{sha}", without {sha}: there is no fact at all: no commit, no version, no CI run; name a tag with --tag'),
        (Facts(version=parse_version("0.1.0")), ["{major}"], 'no tag comes out of "{major}" for version 0.1.0: there are {version} (0.1.0), {major} (0), {minor} (1), {patch} (0); name a tag with --tag'),
    ],
)  # fmt: skip
def test_no_tag_is_left(facts: Facts, templates: list[str], sentence: str) -> None:
    """The facts that are missing and those that are there."""
    with pytest.raises(NoTagError) as error:
        tags_for(templates, facts)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{versoin}", "unknown placeholder {versoin}: did you mean {version}?"),
        ("{os}", "placeholder {os} has no meaning here: {os} is linux or windows"),
        ("{", "a { stands alone: write {{ for a brace that is meant"),
        ("a b", "\"a b\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        ("-{sha}", "\"-{sha}\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        ("", "\"\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        ("{{x}}", "\"{{x}}\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
        ("a" * 129, f'"{"a" * 129}" gives a tag of 129 characters: at most 128 are allowed'),
    ],
)  # fmt: skip
def test_templates_that_cannot_be(template: str, sentence: str) -> None:
    """With what to write instead."""
    with pytest.raises(TemplateError) as error:
        check_template(template)
    assert str(error.value) == sentence


def test_every_placeholder_can_be_used() -> None:
    """Those of the reference page are those that are known."""
    for name in TAG_PLACEHOLDERS:
        check_template(f"x{{{name}}}")
    assert known("1.4.2", pr="7").values.keys() == TAG_PLACEHOLDERS.keys()


def test_a_version_that_is_too_long_for_a_tag() -> None:
    """It is not cut: another version could begin like this one."""
    with pytest.raises(TemplateError) as error:
        tags_for(["{version}"], known(f"1.4.2-{'a' * 130}"))
    assert str(error.value) == '"{version}" gives a tag of 136 characters: at most 128 are allowed'


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{branch}", "a" * 128),
        ("{branch}-{sha}", "a" * 120 + "-3f2c1ab"),
        ("{branch}.{branch}", "a" * 63 + "." + "a" * 63),
    ],
)
def test_long_branches_are_cut(template: str, expected: str) -> None:
    """And nothing else of the tag."""
    assert names(known(branch="a" * 200), template) == [expected]


@given(st.text(max_size=300))
def test_every_branch_is_a_tag_or_none(name: str) -> None:
    """Whatever people call their branches."""
    found = branch_tag(name)
    if found:
        assert parse_reference("registry.example/image").with_tag(found).tag == found
    else:
        assert not names(known(branch=name), "x", "{branch}")[1:]


@given(st.text(min_size=1, max_size=200), st.sampled_from(["{branch}", "x-{branch}-{sha}", "{branch}{date}"]))
def test_filled_templates_are_tags(branch: str, template: str) -> None:
    """However long and odd the branch is."""
    for tag in tags_for(["x", template], known(branch=branch)):
        assert parse_reference("registry.example/image").with_tag(tag.name).tag == tag.name
        assert len(tag.name) <= MAX_TAG


COMMIT = Commit(sha=SHA, time=TIME, branch="main", tags=("v1.4.2", "v1.4.2-rc.1", "nightly", "1.10.0-x"))


@pytest.mark.parametrize(
    ("commit", "ref", "version", "expected"),
    [
        (None, None, "", Facts()),
        (None, None, "2.0.0", Facts(version=parse_version("2.0.0"))),
        (COMMIT, None, "", known("1.10.0-x")),
        (COMMIT, None, "3.0.0", known("3.0.0")),
        (COMMIT, Ref(kind="tag", name="v1.4.2", sha=SHA), "", known("1.4.2", branch="")),
        (COMMIT, Ref(kind="tag", name="nightly", sha=SHA), "", known(branch="")),
        (COMMIT, Ref(kind="branch", name="topic", sha=SHA), "", known("1.10.0-x", branch="topic")),
        (COMMIT, Ref(kind="branch", name="topic", sha=OTHER), "", known("1.10.0-x")),
        (COMMIT, Ref(kind="pull-request", name="7", sha=SHA), "", known(branch="", pr="7")),
        (COMMIT, Ref(kind="pull-request", name="7", sha=SHA), "2.0.0", known("2.0.0", branch="", pr="7")),
        (COMMIT, Ref(kind="branch", name="", sha=SHA), "", known("1.10.0-x")),
        (None, Ref(kind="branch", name="topic", sha=OTHER), "", Facts(sha=OTHER, branch="topic")),
        (None, Ref(kind="tag", name="v1.0.0", sha=OTHER), "", Facts(sha=OTHER, version=parse_version("1.0.0"))),
    ],
)  # fmt: skip
def test_facts_of_git_and_a_ci_run(
    commit: Commit | None, ref: Ref | None, version: str, expected: Facts
) -> None:
    """The run's ref counts, unless another commit is checked out than the run is for."""
    assert facts_of(commit, ref, parse_version(version)) == expected


IMAGE = "name: app\nplatforms: [linux/amd64]\nbase: scratch\ntags:\n"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("  - '{version}'\n  - '{versoin}'\n", "image.yaml:6:5: unknown placeholder {versoin}: did you mean {version}?"),
        ("  - a b\n", "image.yaml:5:5: \"a b\" gives no tag: write letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'"),
    ],
)  # fmt: skip
def test_faults_of_templates_have_their_place(lines: str, sentence: str) -> None:
    """In both files that hold tags."""
    with pytest.raises(ConfigurationError) as error:
        load_image(IMAGE + lines, "image.yaml", ProjectSpec())
    assert str(error.value) == sentence
    with pytest.raises(ConfigurationError) as error:
        load_project(f"\n\n\ntags:\n{lines}", "image.yaml")
    assert str(error.value) == sentence


def test_tags_of_a_definition() -> None:
    """As texts: they are filled in when the image is published."""
    image = load_image(IMAGE + "  - '{version}'\n  - edge\n", "image.yaml", ProjectSpec())
    assert image.spec.tags == ("{version}", "edge")
