# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Files of manifests: what is refused, and a folder that is replaced as a whole."""

from pathlib import Path
from typing import Any

import pytest

from buildtools.errors import UsageError
from buildtools.suite import checked, joined, manifests, write_folder
from tests.fakes.suites import IMAGES, suite

LONG = "a" * 59
FAULTS: list[tuple[dict[str, Any], str]] = [
    (
        {"namespace": "E2E"},
        "--namespace 'E2E' cannot be a name in Kubernetes: use at most 58 small letters, digits and -, none of them - at the ends",
    ),
    (
        {"namespace": LONG},
        f"--namespace '{LONG}' cannot be a name in Kubernetes: use at most 58 small letters, digits and -, none of them - at the ends",
    ),
    (
        {"name": "-a"},
        "--name '-a' cannot be a name in Kubernetes: use at most 48 small letters, digits and -, none of them - at the ends",
    ),
    (
        {"images": {}},
        "the part whoami needs the image whoami: name it with --image whoami=REF, or all images with --registry and --tag",
    ),
    (
        {"images": IMAGES | {"whoami": "ghcr.io/acme/whoami"}},
        "--image whoami=ghcr.io/acme/whoami names neither tag nor digest: write NAME:TAG or NAME@sha256:...: what runs should not depend on the day",
    ),
    (
        {"kind": "k2s", "cni": {}},
        "nothing on a node of k2s tells where its CNI plugins are: name --cni-bin and --cni-conf, or leave the part installer out with --part",
    ),
    ({"proxy": "a:b"}, "--proxy-image is for a mesh: name --mesh oss or --mesh bel, too"),
    (
        {"mesh": "bel"},
        "--mesh bel needs the image of a proxy that runs on Windows: name it with --proxy-image NAME:TAG",
    ),
    (
        {"mesh": "oss", "proxy": "ghcr.io/acme/p"},
        "--proxy-image ghcr.io/acme/p names no tag, or a digest, too: write NAME:TAG: Linkerd takes the name and the version apart",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), FAULTS)
def test_what_cannot_be_rolled_out(changes: dict[str, Any], sentence: str) -> None:
    """Each with what to do."""
    changes = dict(changes)
    with pytest.raises(UsageError) as caught:
        checked(suite(changes.pop("kind", "aks"), **changes))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"images": IMAGES | {"whoami": "A B"}}, "--image whoami=A B: "),
        ({"mesh": "oss", "proxy": "A B"}, "--proxy-image A B: "),
    ],
)
def test_what_is_no_reference(changes: dict[str, Any], option: str) -> None:
    """It says which option."""
    with pytest.raises(UsageError) as caught:
        checked(suite("aks", **changes))
    assert str(caught.value).startswith(option)


def test_a_suite_that_can_be_rolled_out() -> None:
    """It is handed on as it is."""
    made = suite("aks")
    assert checked(made) is made


def test_a_folder_is_written_and_replaced_as_a_whole(tmp_path: Path) -> None:
    """Files that are no longer made are gone, and nothing else is left."""
    folder = tmp_path / "all" / "cluster"
    write_folder(folder, manifests(suite("aks")))
    names = [path.name for path in sorted(folder.iterdir())]
    assert names == [
        "00-namespaces.yaml",
        "10-whoami.yaml",
        "20-client.yaml",
        "30-validator.yaml",
        "40-installer.yaml",
        "50-demo.yaml",
    ]
    write_folder(folder, manifests(suite("aks", parts=("whoami",))))
    assert [path.name for path in sorted(folder.iterdir())] == ["00-namespaces.yaml", "10-whoami.yaml"]
    assert [path.name for path in folder.parent.iterdir()] == ["cluster"]


def test_what_others_have_written_stays(tmp_path: Path) -> None:
    """Nothing is replaced beside a file of somebody else, and a file is no folder."""
    (tmp_path / "mine.yaml").write_text("kind: Mine\n")
    with pytest.raises(UsageError) as caught:
        write_folder(tmp_path, manifests(suite("aks")))
    assert str(caught.value) == (
        f"--out {tmp_path} holds mine.yaml, which was not written by this tool: "
        "name an empty folder, or one that is not there"
    )
    with pytest.raises(UsageError) as caught:
        write_folder(tmp_path / "mine.yaml", manifests(suite("aks")))
    assert str(caught.value) == f"--out {tmp_path / 'mine.yaml'} is a file: name a folder"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_write_that_breaks_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old files are all there, and nothing beside them."""
    folder = tmp_path / "cluster"
    write_folder(folder, manifests(suite("aks")))
    before = {path.name: path.read_text() for path in folder.iterdir()}
    rename = Path.rename

    def breaks(self: Path, target: Path) -> Path:
        if target == folder and self.name.endswith(".new"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", breaks)
    with pytest.raises(KeyboardInterrupt):
        write_folder(folder, manifests(suite("generic")))
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["cluster"]


def test_one_stream_has_one_header() -> None:
    """The first line says where it comes from."""
    text = joined(manifests(suite("aks")))
    assert text.splitlines()[0] == (
        "# Generated by `buildtools cluster manifests --provider aks --mesh none`. Make it anew instead of changing it."
    )
    assert text.count("#") == 1
