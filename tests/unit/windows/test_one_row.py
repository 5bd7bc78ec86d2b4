# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""A new Windows release is one row of one table: with it everything works, and no other code names one."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from buildtools.windows import releases
from tests.fakes.another_release import another_release

SOURCES = Path(releases.__file__).parents[1]
TABLE = Path(releases.__file__)
FOREIGN = SOURCES / "cluster" / "runtimes.py"
"""States the constants of containerd's own source, whatever Windows has."""

DEFAULTS = """\
releases: [ltsc2025, ltsc2028]
bases:
  nanoserver: {windows: "mcr.microsoft.com/windows/nanoserver:{release}"}
  servercore: {windows: "mcr.microsoft.com/windows/servercore:{release}"}
"""
IMAGE = """\
name: x
platforms: [windows/amd64]
base: BASE
requires: {windows-build: 26100}
"""
WITH_DOCKERFILE = "engine: dockerfile\ndockerfile: Dockerfile\n"


@pytest.fixture(scope="module")
def _row() -> Iterator[None]:
    """The program with a release that the table of today has not."""
    with another_release():
        yield


def room(name: str) -> ModuleType:
    """A module of the program as it is now."""
    return importlib.import_module(f"buildtools.{name}")


def variants(image: str) -> tuple[object, ...]:
    """What a definition means."""
    texts = {"images/defaults.yaml": DEFAULTS.encode(), "images/x/image.yaml": image.encode()}
    return room("spec.expand").load(texts).images["x"].variants


pytestmark = pytest.mark.usefixtures("_row")


@pytest.mark.parametrize("text", ["windows/amd64:ltsc2028", "windows/amd64:28h2"])
def test_a_platform_can_name_it(text: str) -> None:
    """By name and alias."""
    platform, release = room("spec.platforms").read_platform(text)
    assert (str(platform), release.name, release.build) == ("windows/amd64", "ltsc2028", 31000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "windows/amd64:ltsc208",
            "unknown Windows release 'ltsc208': did you mean ltsc2028? known are ltsc2019, ltsc2022, ltsc2025, ltsc2028",
        ),
        ("windows/amd64:10.0.31000.1", '"10.0.31000.1" is a build, not a release: write ltsc2028'),
    ],
)
def test_a_slip_is_answered_with_it(text: str, sentence: str) -> None:
    """It is guessed and listed like the others."""
    problem = room("spec.platforms").read_platform(text)
    assert f"{problem.message}: {problem.hint}" == sentence


@pytest.mark.parametrize(
    ("base", "references"),
    [
        (
            "nanoserver",
            ["mcr.microsoft.com/windows/nanoserver:ltsc2025", "mcr.microsoft.com/windows/nanoserver:28h2"],
        ),
        (
            "servercore",
            [
                "mcr.microsoft.com/windows/servercore:ltsc2025",
                "mcr.microsoft.com/windows/servercore:ltsc2028",
            ],
        ),
    ],
)
def test_a_definition_is_expanded_for_it(base: str, references: list[str]) -> None:
    """As a default release, with its base under the tag that the base's repository has for it."""
    made = variants(IMAGE.replace("BASE", base))
    assert [variant.label for variant in made] == ["windows/amd64:ltsc2025", "windows/amd64:ltsc2028"]
    assert [variant.base for variant in made] == references


def test_a_base_of_another_release_is_refused_for_it() -> None:
    """A tag with its name is known to serve no other."""
    with pytest.raises(room("errors").ConfigurationError) as caught:
        variants(IMAGE.replace("BASE", "mcr.microsoft.com/windows/servercore:ltsc2028"))
    assert str(caught.value) == (
        "images/x/image.yaml:3:7: mcr.microsoft.com/windows/servercore:ltsc2028 is made for one Windows release and cannot serve windows/amd64:ltsc2025: "
        "write {release} in place of ltsc2028, or give windows/amd64:ltsc2025 its own base"
    )


def test_a_definition_that_asks_for_more_is_told_of_it() -> None:
    """It is among the releases that are new enough."""
    with pytest.raises(room("errors").ConfigurationError) as caught:
        variants(IMAGE.replace("BASE", "servercore").replace("26100", "26101"))
    assert str(caught.value) == (
        "images/x/image.yaml:2:13: ltsc2025 is build 26100, and requires.windows-build asks for 26101 or later: "
        "name the releases that are new enough (windows/amd64:ltsc2028)"
    )


def test_it_is_planned_for_a_machine_of_its_own() -> None:
    """Layers on any Linux, Dockerfiles on its runner."""
    made = variants(IMAGE.replace("base: BASE\n", WITH_DOCKERFILE))
    assert [room("plan").runner_for(variant) for variant in made] == ["windows-2025", "windows-2028"]
    plan = room("plan")
    bases = {variant.key: plan.Base(reference=variant.base) for variant in made}
    document = plan.make(made, bases=bases, observed={}, records={}, builder="1").to_json()
    assert [(target["release"], target["runner"]) for target in document["targets"]] == [
        ("ltsc2025", "windows-2025"),
        ("ltsc2028", "windows-2028"),
    ]


def test_it_has_a_stand_in_and_a_pin() -> None:
    """Of its build."""
    prepare = room("prepare")
    variant = variants(IMAGE.replace("BASE", "nanoserver"))[1]
    assert str(prepare.stand_in(variant).config.platform).startswith("windows/amd64:10.0.31000.")
    assert prepare.pin_key(variant) == "windows/amd64:10.0.31000"


def test_every_index_is_held_against_its_nodes() -> None:
    """On each kind of runtime they take its image and run it."""
    platform, documents, descriptor = room("oci.platform"), room("oci.documents"), room("oci.descriptor")
    nodes = [node for node in room("cluster.nodes").NODE_KINDS if node.name == "Windows Server 2028"]
    entries = [
        descriptor.Descriptor(
            media_type=descriptor.OCI_MANIFEST,
            size=7,
            digest=room("oci.digest").digest_of(str(build).encode()),
            platform=platform.Platform(os="windows", architecture="amd64", os_version=f"10.0.{build}.1"),
        )
        for build in (31000, 26100, 20348)
    ]
    index = documents.Index.build(manifests=entries)
    choices = [room("cluster.matchers").choose(node, index) for node in nodes]
    assert len(nodes) == 4
    assert {node.version.build for node in nodes} == {31000}
    assert [(choice.descriptor, choice.right, choice.best) for choice in choices] == [
        (entries[0], True, True)
    ] * len(nodes)


def test_the_program_of_today_is_untouched() -> None:
    """The row was in another copy of it."""
    assert [row.name for row in releases.RELEASES] == ["ltsc2019", "ltsc2022", "ltsc2025"]
    assert room("windows.releases") is not releases


NAMES = re.compile(
    r"\bltsc20\d\d\b|\b("
    + "|".join(
        sorted(
            {str(row.build) for row in (*releases.RELEASES, *releases.OTHER_HOSTS)}
            | {alias for row in releases.RELEASES for alias in row.aliases}
        )
    )
    + r")\b"
)


def named_in(source: str) -> list[str]:
    """Releases and builds that the code's texts and numbers name; docstrings and comments may give examples."""
    tree = ast.parse(source)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        f"line {node.lineno}: {found[0]}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in prose and isinstance(node.value, str | int)
        for found in NAMES.finditer(str(node.value))
    ]


@pytest.mark.parametrize(
    "source",
    ['a = "windows:ltsc2022"', "a = 20348", 'f(f"{x}10.0.26100.{y}")', "a: Final = {26200}", 'b = "1809"'],
)
def test_the_search_finds_what_it_is_for(source: str) -> None:
    """Names and builds, in texts, parts of texts and numbers."""
    assert len(named_in(f'"""ltsc2022."""\n# 20348\n{source}')) == 1


@pytest.mark.parametrize(
    "path",
    sorted(set(SOURCES.rglob("*.py")) - {TABLE, FOREIGN}),
    ids=lambda path: path.relative_to(SOURCES).as_posix(),
)
def test_no_other_module_names_a_release_or_a_build(path: Path) -> None:
    """Who looks for what a new release touches finds one place."""
    assert named_in(path.read_text(encoding="utf-8")) == []
