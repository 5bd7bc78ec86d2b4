# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Generated manifests hold against the schemas of Kubernetes, and the command line that writes them works."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildtools.cli import main
from buildtools.cluster.meshed import MESHES
from buildtools.cluster.providers import NAMES
from buildtools.suite import joined, manifests
from tests.fakes.components import missing
from tests.fakes.suites import DIGEST, meshed

VERSIONS = ("1.32", "1.34", "1.36", "1.37")
"""Kubernetes versions from the first that runs the newest Windows to the newest whose schemas there are."""
OWN = "policy.linkerd.io"
REST = ("--registry", "ghcr.io/acme", "--tag", "main")


def validate(document: Any, version: str) -> None:
    """Hold a document against the strict schema of a Kubernetes version."""
    try:
        import kubernetes_validate
    except ImportError:
        missing("the package kubernetes-validate is not installed")
    kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_every_document_keeps_the_schema(name: str, version: str) -> None:
    """Strictly: a field that Kubernetes does not know is refused. Linkerd's kinds are not Kubernetes'."""
    for mesh in MESHES:
        for document in yaml.safe_load_all(joined(manifests(meshed(name, mesh)))):
            if not document["apiVersion"].startswith(OWN):
                validate(document, version)


def test_the_schema_would_tell() -> None:
    """A misspelt field is refused, so the silence above says something."""
    document = next(
        one
        for one in yaml.safe_load_all(joined(manifests(meshed("aks", "none"))))
        if one["kind"] == "Deployment"
    )
    document["spec"]["template"]["spec"]["nodeSelectors"] = {}
    with pytest.raises(Exception, match="nodeSelectors"):
        validate(document, VERSIONS[-1])


def test_a_stream_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both hold the same documents; images named by digest win over the tag."""
    images = {"include": [{"image": "whoami", "name": "ghcr.io/acme/whoami", "digest": DIGEST}]}
    given = ["--provider", "aks", *REST, "--images", json.dumps(images)]
    assert main(["cluster", "manifests", *given]) == 0
    stream = [*yaml.safe_load_all(capsys.readouterr().out)]
    assert main(["cluster", "manifests", "--out", str(tmp_path / "all"), "--json", *given]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["files"]] == [
        path.name for path in sorted((tmp_path / "all").iterdir())
    ]
    texts = [path.read_text() for path in sorted((tmp_path / "all").iterdir())]
    assert [one for text in texts for one in yaml.safe_load_all(text)] == stream
    references = {
        container["image"]
        for one in stream
        if "template" in one.get("spec", {})
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    assert references == {
        f"ghcr.io/acme/whoami@{DIGEST}",
        "ghcr.io/acme/network-validator:main",
        "ghcr.io/acme/cni-installer:main",
    }


def test_preflight_reads_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder as a whole: nothing but notes on images that were not looked at."""
    assert (
        main(["cluster", "manifests", "--provider", "generic", *REST, "--out", str(tmp_path / "m"), "-q"])
        == 0
    )
    capsys.readouterr()
    code = main(
        ["preflight", "--nodes", "aks-ltsc2025", "--only-refs", "--manifests", str(tmp_path / "m"), "--json"]
    )
    found = json.loads(capsys.readouterr().out)
    assert {one["code"] for one in found["findings"]} == {"image-skipped"}
    assert code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--image", "who=a:b"],
            "--image who=a:b names no image and reference: write --image NAME=REF, with NAME one of whoami, network-validator, cni-installer",
        ),
        (["--tag", ""], "--tag is empty: name a tag that is published, such as main"),
        (
            ["--images", "{}"],
            """--images is not what `publish --github-output` gives: 'include': write {"include": [{"image": ..., "name": ..., "digest": ...}]}""",
        ),
        (["--cni-bin", "C:\\x"], "--cni-bin and --cni-conf belong together: name both"),
        (
            [],
            "the part whoami needs the image whoami: name it with --image whoami=REF, or all images with --registry and --tag",
        ),
    ],
)
def test_wrong_words(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a sentence, and exit code 2."""
    assert main(["cluster", "manifests", "--provider", "aks", *words]) == 2
    assert " ".join(capsys.readouterr().err.split()) == f"error: {sentence}"


def test_a_tag_outside_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has said where the images are."""
    monkeypatch.chdir(tmp_path)
    assert main(["cluster", "manifests", "--provider", "aks", "--tag", "main"]) == 2
    assert " ".join(capsys.readouterr().err.split()) == (
        f"error: --tag needs to know where the images are, and {tmp_path} has no images folder, "
        "nor has any folder above it: name it with --registry"
    )


def test_a_taint_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """The parser says it."""
    with pytest.raises(SystemExit) as caught:
        main(["cluster", "manifests", "--provider", "generic", "--taint", "os"])
    assert caught.value.code == 2
    assert "'os' is no taint, such as os=windows:NoSchedule" in capsys.readouterr().err
