"""The tutorial does what it says: its files, its commands, on this machine."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.oci.reference import parse_reference
from buildtools.settings import Settings
from buildtools.stores.layout import Layout
from buildtools.stores.registry import Registries
from tests.fakes.bases import BUILDS, linux, put_base, put_base_index, windows
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
LINKS = re.compile(r"\]\(([^)#]+)")
REGISTRY = "127.0.0.1:5000"
PATCHED = "10.0.20348.5000"


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerRegistry]:
    """The registries that the tutorial's bases are in; the project reads them through mirrors."""
    with DockerRegistry(require("docker-registry"), tmp_path / "vendor") as registry:
        for tag, version in BUILDS.items():
            put(registry, "mcr/windows/nanoserver", tag, windows(version))
        put(registry, "hub/library/busybox", "1.37", linux("amd64"), linux("arm64"))
        mirrors = f"mcr.microsoft.com={registry.host}/mcr,docker.io={registry.host}/hub"
        monkeypatch.setenv("BUILDTOOLS_MIRRORS", mirrors)
        yield registry


@pytest.fixture
def throw_away() -> Iterator[str]:
    """The address of `buildtools registry` in a second terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "buildtools", "registry", "--port", "0", "-q"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def put(registry: DockerRegistry, name: str, tag: str, *platforms: Platform) -> None:
    """Put a base's images and its index."""
    entries = [put_base(registry, name, platform) for platform in platforms]
    put_base_index(registry, name, tag, entries)


def standing(host: str, name: str) -> tuple[Descriptor, Index]:
    """What a tag of the throw-away registry stands for."""
    registries = Registries(Settings())
    try:
        reference = parse_reference(f"{host}/{name}")
        descriptor, raw = registries.open(reference).get_manifest(reference.tag)
        return descriptor, Index.parse(raw, descriptor.media_type)
    finally:
        registries.close()


def commands(text: str) -> list[list[str]]:
    """Its commands that name no registry of others; the second terminal's is run by a fixture."""
    lines = re.findall(r"^\$ buildtools (.*)$", text, re.MULTILINE)
    found = [shlex.split(line, comments=True) for line in lines if "registry.example" not in line]
    found.remove(["registry"])
    return found


def write_files(text: str, root: Path) -> None:
    """Write the files that the tutorial shows."""
    for name, body in re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, re.DOTALL):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8", newline="\n")


def test_the_tutorial(
    tmp_path: Path, vendor: DockerRegistry, throw_away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files make a project, its commands succeed, and a release of five images stands on the patch."""
    text = TUTORIAL.read_text(encoding="utf-8")
    root = tmp_path / "project"
    write_files(text, root)
    monkeypatch.chdir(root)
    verbs = []
    for command in commands(text):
        verbs.append(command[0])
        if verbs.count("rebase") == 1 and command[0] == "rebase":
            put(vendor, "mcr/windows/nanoserver", "ltsc2022", windows(PATCHED))
        assert main([part.replace(REGISTRY, throw_away) for part in command]) == 0, command
    assert " ".join(verbs) == (
        "check plan build inspect pins build publish publish verify rebase rebase promote preflight build"
    )
    (built,) = Layout(root / "dist" / "oci" / "greeter").entries()
    published, _ = standing(throw_away, "staging/greeter:1.0.0")
    release, index = standing(throw_away, "release/greeter:latest")
    assert published.digest == built.digest
    assert release.digest == standing(throw_away, "staging/greeter:1.0.1")[0].digest
    platforms = [entry.platform for entry in index.manifests if entry.platform]
    assert [platform.os_version for platform in platforms] == [
        "", "", BUILDS["ltsc2025"], PATCHED, BUILDS["1809"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{name}" for name in ("tutorial.md", "how-it-works.md", "publish.md", "adr/README.md")),
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    """What a page links to in the repository is there."""
    path = TUTORIAL.parents[1] / page
    targets = [link for link in LINKS.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert targets
    assert not [link for link in targets if not (path.parent / link).exists()]
