"""Dockerfiles that are assembled, through planning, building and checking, without a network or an engine."""

import io
import tarfile
from pathlib import Path

import pytest

from buildtools.build import Builder
from buildtools.check import check_definitions
from buildtools.errors import ConfigurationError, MissingToolError
from buildtools.prepare import Choice, Prepared, prepare
from buildtools.settings import Settings
from buildtools.workspace import Workspace
from tests.fakes.project import make_project

DEFINITION = 'name: x\nplatforms: [linux/amd64, windows/amd64]\nengine: dockerfile\nargs: {R: "{release}"}\n'
WINDOWS = "FROM mcr.microsoft.com/windows/nanoserver:${R} AS windows\n"
BOTH = f"ARG R\nFROM scratch AS linux\n{WINDOWS}FROM $TARGETOS\n"


def project(root: Path, dockerfile: str, definition: str = DEFINITION, **files: str) -> Workspace:
    """A project with one more image."""
    made = make_project(
        root,
        **{"images/x/image.yaml": definition, "images/x/Dockerfile": dockerfile, "images/x/a.txt": "a\n"},
        **{f"images/x/{name}": text for name, text in files.items()},
    )
    return Workspace(root=made, dist=root / "dist", settings=Settings(source_date_epoch=0))


def prepared(workspace: Workspace) -> Prepared:
    """Its plan on stand-in bases."""
    return prepare(workspace, Choice(images=("x",), stand_in_bases=True))


def build(workspace: Workspace) -> list[str]:
    """Build it; the names of what was built."""
    report = Builder(
        workspace=workspace,
        prepared=prepared(workspace),
        clock=lambda: 0.0,
        base_layers=lambda name: pytest.fail(f"{name} was asked for"),
        download=lambda *_: pytest.fail("something was fetched"),
    ).run()
    report.raise_failures()
    return [built.target.variant.label for built in report.variants if not built.reused]


def findings(workspace: Workspace) -> list[str]:
    """What `check` says of the image."""
    return [f"{one.severity} {one}" for one in check_definitions(workspace, ("x",))]


def test_one_dockerfile_for_both_systems(tmp_path: Path) -> None:
    """Is planned for any machine, built once, kept afterwards; releases share one layer."""
    workspace = project(tmp_path, BOTH + "COPY a.txt /app/\n")
    plan = prepared(workspace).plan
    assert {target.runner for target in plan.targets} == {"ubuntu-24.04"}
    assert plan.targets[0].variant.base == "scratch"
    assert build(workspace) == [target.variant.label for target in plan.targets]
    assert build(workspace) == []
    records = [target.record for target in prepared(workspace).plan.targets]
    assert len({record.layers[0].digest for record in records if record and record.os == "windows"}) == 1
    assert findings(workspace) == []


def test_releases_that_differ(tmp_path: Path) -> None:
    """An argument that is part of a path makes a layer for each release."""
    workspace = project(tmp_path, BOTH + "ARG R=none\nCOPY a.txt /app/$R/\n")
    build(workspace)
    records = [target.record for target in prepared(workspace).plan.targets]
    layers = [record.layers[0].digest for record in records if record]
    assert len(set(layers)) == len(layers)


def test_warnings_are_told_once(tmp_path: Path) -> None:
    """By planning and by check, which goes on."""
    workspace = project(tmp_path, BOTH + "MAINTAINER me\n")
    warning = (
        "images/x/Dockerfile:5:1: MAINTAINER is left out: it is long deprecated: "
        'write LABEL org.opencontainers.image.authors="..."'
    )
    assert prepared(workspace).warnings == (warning,)
    assert findings(workspace) == [f"warning {warning}"]


def test_faults_of_all_variants(tmp_path: Path) -> None:
    """Are told before anything is built, each once."""
    workspace = project(
        tmp_path, f"ARG R\n{WINDOWS}COPY nothing /\nUSER 5\n", DEFINITION.replace("linux/amd64, ", "")
    )
    user = "images/x/Dockerfile:4:6: '5' is a Linux user: write ContainerUser or ContainerAdministrator"
    with pytest.raises(ConfigurationError) as caught:
        prepared(workspace)
    assert [str(one) for one in caught.value.diagnostics] == [user]
    assert findings(workspace) == [f"error {user}"]
    (tmp_path / "images" / "x" / "Dockerfile").write_text(f"ARG R\n{WINDOWS}COPY nothing /\n")
    hint = "name what is there; .dockerignore may leave it out"
    copy = f"images/x/Dockerfile:3:6: there is no nothing to copy: {hint}"
    with pytest.raises(ConfigurationError) as caught:
        prepared(workspace)
    assert [str(one) for one in caught.value.diagnostics] == [copy]
    assert findings(workspace) == [f"error {copy}"]


def test_an_archive(tmp_path: Path) -> None:
    """ADD would unpack it, and COPY does not."""
    workspace = project(
        tmp_path, "FROM scratch\nADD a.txt b.bin /\n", DEFINITION.replace(", windows/amd64", "")
    )
    with tarfile.open(tmp_path / "images" / "x" / "b.bin", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("c"), io.BytesIO())
    with pytest.raises(ConfigurationError) as caught:
        build(workspace)
    assert str(caught.value) == (
        "images/x/Dockerfile:2:11: ADD would unpack b.bin, which only an engine does: "
        "use COPY, or unpack it before and copy the folder"
    )


def test_what_is_wrong_with_the_files(tmp_path: Path) -> None:
    """Is found as for other images."""
    workspace = project(
        tmp_path,
        'FROM scratch\nCOPY a.txt /a\nENTRYPOINT ["/b"]\n',
        DEFINITION.replace(", windows/amd64", ""),
    )
    with pytest.raises(ConfigurationError, match="the entrypoint b is not in the image"):
        build(workspace)
    assert len(findings(workspace)) == 1


def test_an_engine_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reason is told with its place; for what is not understood at all the engine is named."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing")
    workspace = project(tmp_path, BOTH + "RUN a\n", DEFINITION.replace("linux/amd64, ", ""))
    with pytest.raises(MissingToolError) as caught:
        build(workspace)
    assert str(caught.value).count("images/x/Dockerfile:5:1: RUN executes Windows programs") == 1
    linux = project(
        tmp_path / "linux", "FROM scratch\nCOPY --newer a b\n", DEFINITION.replace(", windows/amd64", "")
    )
    with pytest.raises(MissingToolError, match=r"no Docker Engine answers at unix://.*/nothing"):
        build(linux)
    assert findings(linux) == []


def test_a_host_process_image(tmp_path: Path) -> None:
    """Stands on what FROM names, without a version of its own."""
    definition = "name: x\nkind: host-process\nplatforms: [windows/amd64]\nengine: dockerfile\n"
    workspace = project(tmp_path, 'FROM hpc.example/base:1\nCOPY a.txt /x.cmd\nCMD ["x.cmd"]\n', definition)
    assert build(workspace) == ["windows/amd64"]
    (target,) = prepared(workspace).plan.targets
    assert target.record
    assert (target.base.reference, target.record.os_version) == ("hpc.example/base:1", "")
