# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""`publish --no-build`: what legs of a matrix have built, merged as it comes, is published whole or not at all."""

import json
import shutil
from pathlib import Path

import pytest

from buildtools.cli import main
from tests.fakes.bases import BUILDS
from tests.fakes.registry import FakeRegistry

LEGS = (
    "hello@linux/amd64 hello@windows/amd64:ltsc2025",
    "hello@linux/arm64 made@linux/amd64 host@windows/amd64",
    (
        "made@windows/amd64:ltsc2019 made@windows/amd64:ltsc2022 made@windows/amd64:ltsc2025 "
        "hello@windows/amd64:ltsc2019 hello@windows/amd64:ltsc2022"
    ),
)


def build(project: Path, *legs: str) -> None:
    """Each leg in a folder of its own, then all in dist, the last one over the others."""
    for number, leg in enumerate(legs):
        folder = project / f"leg-{number}"
        assert main(["build", "-q", "--targets", leg, "--dist", str(folder)]) == 0
        for part in ("oci", "records"):
            shutil.copytree(folder / part, project / "dist" / part, dirs_exist_ok=True)


@pytest.mark.parametrize("order", [LEGS, LEGS[::-1]], ids=("as they are", "the other way round"))
def test_legs_are_merged_in_any_order(
    project: Path, order: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexes of several legs lie over each other and are made anew; the digests are those of one build."""
    assert main(["pins", "-q"]) == 0
    build(project, *order)
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    with FakeRegistry() as server:
        place = f"{server.host}/acme"
        line = ["publish", "-q", "--no-build", "--locked", "--github-output", "--tag", "try", "--to", place]
        assert main(line) == 0
        first, second = output.read_text().splitlines()
        name, _, text = first.partition("=")
        legs = json.loads(text)["include"]
        assert name == "images"
        assert [(leg["image"], leg["name"], len(leg["children"])) for leg in legs] == [
            ("hello", f"{place}/hello", 5),
            ("host", f"{place}/host", 1),
            ("made", f"{place}/made", 4),
        ]
        attest = json.loads(second.removeprefix("attest="))["include"]
        assert [(leg["images"], len(leg["subjects"])) for leg in attest] == [
            ("hello and 1 more", 8),
            ("made", 5),
        ]
        assert [(one["name"], one["digest"]) for leg in attest for one in leg["subjects"]] == [
            (leg["name"], digest) for leg in legs for digest in (leg["digest"], *leg["children"])
        ]
        for leg in legs:
            descriptor, raw = server.repository(f"acme/{leg['image']}").get_manifest("try")
            assert leg["digest"] == descriptor.digest
            entries = json.loads(raw)["manifests"]
            assert leg["children"] == [entry["digest"] for entry in entries]
            assert leg["platforms"] == [
                f"{entry['platform']['os']}/{entry['platform']['architecture']}" for entry in entries
            ]
            assert len({*leg["files"]}) == len(entries)
        assert legs[0]["files"] == [
            "hello-linux-amd64",
            "hello-linux-arm64",
            *(f"hello-windows-amd64-{version}" for version in reversed(BUILDS.values())),
        ]
        assert main(["build", "-q", "--dist", str(tmp_path / "whole")]) == 0
    for leg in legs:
        (entry,) = json.loads((tmp_path / "whole" / "oci" / leg["image"] / "index.json").read_text())[
            "manifests"
        ]
        assert entry["digest"] == leg["digest"]


def test_a_leg_that_is_missing_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every variant that would have to be built is named; nothing is built or sent."""
    assert main(["pins", "-q"]) == 0
    build(project, LEGS[0])
    capsys.readouterr()
    with FakeRegistry() as server:
        line = ["publish", "hello", "-q", "--no-build", "--tag", "try", "--to", f"{server.host}/acme"]
        assert main(line) == 1
        assert not server.lines()
    assert capsys.readouterr().err == (
        "error: 3 of 5 variants are not built: hello linux/arm64 (new); hello windows/amd64:ltsc2019 (new); "
        "hello windows/amd64:ltsc2022 (new): run `buildtools build` first, or leave --no-build out\n"
    )


def test_nothing_is_pinned_for_what_is_built_already(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without pins nothing can have been built: no vendor is asked, and no file is written."""
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", "mcr.microsoft.com=127.0.0.1:9/mcr")
    assert main(["publish", "hello", "-q", "--no-build", "--tag", "try", "--to", "127.0.0.1:9/acme"]) == 2
    assert (
        "images/pins.json: error: the base mcr.microsoft.com/windows/nanoserver:ltsc2022 for "
        "windows/amd64:10.0.20348 is not pinned: run `buildtools pins` and commit the file\n"
    ) in capsys.readouterr().err
    assert not (project / "images" / "pins.json").exists()


def test_what_was_built_of_other_files_is_not_published(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The definitions may have moved on between the jobs."""
    assert main(["build", "hello", "-q"]) == 0
    (project / "images/hello/hello.sh").write_text("#!/bin/sh\necho other\n")
    capsys.readouterr()
    assert main(["publish", "hello", "-q", "--no-build", "--tag", "try", "--to", "127.0.0.1:9/acme"]) == 1
    assert "hello linux/amd64 (inputs changed: hello.sh)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "argument --targets: it names no target"),
        ("hello", "argument --targets: 'hello' is not IMAGE@PLATFORM"),
    ],
)
def test_targets_that_are_none(text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors before anything is done."""
    with pytest.raises(SystemExit) as caught:
        main(["build", "--targets", text])
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "host@linux/amd64",
            "error: there is no target host@linux/amd64: there is host@windows/amd64\n",
        ),
        (
            "x@linux/amd64",
            "error: there is no target x@linux/amd64: see `buildtools plan` for all of them\n",
        ),
    ],
)
def test_targets_that_do_not_exist(
    project: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what there is of the image."""
    assert main(["build", "-q", "--targets", text]) == 2
    assert capsys.readouterr().err == sentence
