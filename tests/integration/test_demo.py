"""The demo: built, run, published, verified, rebased, promoted, looked at, on this machine alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pytest

from buildtools.cli import main
from buildtools.demo import rollout
from buildtools.throwaway.replies import Refused, Reply
from buildtools.throwaway.server import ThrowAway
from tests.fakes.components import require
from tests.fakes.project import make_project

BOX = """\
name: box
platforms: [linux/amd64, linux/arm64, windows/amd64:ltsc2022]
base: {linux: "docker.io/library/busybox:1.37", windows: nanoserver}
files:
  - from: box.sh
    to: {linux: /box.sh, windows: 'C:\\box.cmd'}
config:
  linux: {entrypoint: [/box.sh]}
  windows: {entrypoint: ['C:\\box.cmd'], user: ContainerUser}
"""
EXACT = f"""\
name: exact
platforms: [linux/amd64]
base: {{linux: "localhost:5000/base@sha256:{"1" * 64}"}}
files:
  - from: box.sh
    to: {{linux: /box.sh}}
config:
  linux: {{entrypoint: [/box.sh]}}
"""
FETCHED = f"""\
name: fetched
platforms: [linux/amd64]
base: {{linux: scratch}}
fetch:
  it:
    url: https://assets.example/it
    sha256: "{"2" * 64}"
files:
  - from: "{{fetch}}/it"
    to: {{linux: /it}}
config:
  linux: {{entrypoint: [/it]}}
"""
JOB = """\
name: job
platforms: [linux/amd64]
base: {linux: scratch}
files:
  - {from: busybox, to: /busybox, mode: "0755"}
config:
  entrypoint: [/busybox, "true"]
  user: "65532:65532"
lifecycle: {within: 30}
"""
MORE = {
    "images/box/image.yaml": BOX,
    "images/box/box.sh": "#!/bin/sh\n",
    "images/exact/image.yaml": EXACT,
    "images/exact/box.sh": "#!/bin/sh\n",
    "images/fetched/image.yaml": FETCHED,
}
NAMES = ["box", "exact", "hello", "host", "made"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with bases of all kinds, and an image that needs the network."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    # Whoever goes out in spite of all ends here.
    monkeypatch.setenv("BUILDTOOLS_MIRRORS", "mcr.microsoft.com=127.0.0.1:1/mcr")
    return make_project(tmp_path / "project", **MORE)


def demo(project: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code and the document of `demo --json`."""
    code = main(["demo", "-C", str(project), "--json", "-q"])
    text = capsys.readouterr().out
    assert "127.0.0.1" not in text
    return code, json.loads(text)


def test_every_step_of_the_demo(project: Path, temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What each step did to each image; nothing of it is left, and the second run says the same."""
    code, document = demo(project, capsys)
    assert (code, document["faults"], document["findings"]) == (0, [], [])
    published = document["publish"]["published"]
    assert [(one["repository"], one["mounted"]) for one in published] == [
        ("staging/box", 2),
        ("staging/exact", 1),
        ("staging/hello", 3),
        ("staging/host", 0),
        ("staging/made", 3),
    ]
    verified = document["verify"]
    assert [(one["name"], one["errors"], one["quick"]) for one in verified] == [
        (f"staging/{name}", 0, False) for name in NAMES
    ]
    assert {entry["base"] for one in verified for entry in one["entries"]} == {"right", "none"}
    assert [one["digest"] for one in verified] == [one["digest"] for one in published]
    moved = {
        one["image"]: [
            (entry["reason"], entry["old_os_version"], entry["os_version"]) for entry in one["entries"]
        ]
        for one in document["rebase"]
    }
    windows = [("", f"10.0.{build}.1", f"10.0.{build}.2") for build in (26100, 20348, 17763)]
    assert moved == {
        "box": [("", "", ""), ("", "", ""), windows[1]],
        "hello": [("on nothing", "", ""), ("on nothing", "", ""), *windows],
        "host": [("on the HostProcess base", "", "")],
        "made": [("on nothing", "", ""), *windows],
    }
    rebased = {one["image"]: one["digest"] for one in document["rebase"]}
    promoted = document["promote"]
    assert [(one["target"], one["blobs"]["sent"]) for one in promoted] == [
        (f"release/{name}", 0) for name in NAMES
    ]
    assert [one["digest"] for one in promoted] == [
        rebased.get(one["image"], one["digest"]) for one in published
    ]
    released = document["verify_release"]
    assert [(one["name"], one["digest"]) for one in released] == [
        (one["target"], one["digest"]) for one in promoted
    ]
    assert {entry["base"] for one in released for entry in one["entries"]} == {"right", "none"}
    images = document["preflight"]["images"]
    assert [image["name"] for image in images] == [f"release/{name}:demo" for name in NAMES]
    assert sum(node["runs"] for node in images[0]["nodes"]) == len(images[0]["nodes"]) == 13
    assert not list(temporary.iterdir())
    code, again = demo(project, capsys)
    told = ("publish", "verify", "rebase", "promote", "verify_release", "preflight", "faults")
    assert code == 0
    assert {key: again[key] for key in told} == {key: document[key] for key in told}


def test_what_the_demo_prints(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table a step, and a sentence."""
    assert main(["demo", "-C", str(project)]) == 0
    captured = capsys.readouterr()
    lines = [line.rstrip() for line in captured.out.splitlines()]
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles[:-1] == [
        "Which entry a node takes",
        "Run on this machine",
        "Published to a throw-away registry",
        "Verified: every layer read back",
        "Rebased onto the next patches of the bases",
        "Promoted to the release",
        "Verified: the release",
        "Where the release would run",
        "Left out: fetched fetches release assets, which needs the network.",
    ]
    assert titles[-1].startswith(
        "Built 14 of 14 variants. Checked: nothing is wrong. Published and verified 5 images, "
        "rebased 9 variants, promoted and verified all of it. It took "
    )
    assert [line.split() for line in lines if " exact " in line and "base names" in line] == [
        ["exact", "all", "kept:", "a", "base", "names", "no", "tag", "to", "follow"]
    ]
    assert captured.err.splitlines()[-6:] == [
        "publishing to a throw-away registry",
        "verifying what was published",
        "rebasing onto the next patches of the bases",
        "promoting to the release",
        "verifying the release",
        "asking which nodes would run it",
    ]


class Broken(ThrowAway):
    """A registry that answers otherwise where a request begins with `wrong`."""

    wrong: ClassVar[str]
    reply: ClassVar[Reply]

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        if f"{method} {target}".startswith(self.wrong):
            return self.reply
        return super()._answer(method, target, headers, body)


NO = Refused(400, "UNSUPPORTED", "not today").reply
SAID = "answered 400 for"


@pytest.mark.parametrize(
    ("wrong", "reply", "last", "sentence"),
    [
        ("POST /v2/bases/", NO, "", SAID),
        ("PUT /v2/staging/made/manifests/demo", NO, "publish", SAID),
        ("GET /v2/staging/made/manifests/demo", NO, "publish", SAID),
        ("GET /v2/staging/made/blobs/", Reply(body=b"other bytes"), "verify", "bytes"),
        ("PUT /v2/release/made/manifests/demo", NO, "rebase", SAID),
        ("GET /v2/release/made/manifests/demo", NO, "rebase", SAID),
        ("GET /v2/release/made/blobs/", Reply(body=b"other bytes"), "verify_release", "bytes"),
    ],
)
def test_a_step_that_fails_is_the_last_one(
    wrong: str,
    reply: Reply,
    last: str,
    sentence: str,
    project: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 4 with the reason; what was done before it is told, nothing after it is done."""
    monkeypatch.setattr(rollout, "ThrowAway", Broken)
    monkeypatch.setattr(Broken, "wrong", wrong, raising=False)
    monkeypatch.setattr(Broken, "reply", reply, raising=False)
    assert main(["demo", "-C", str(project), "--json", "-q"]) == 4
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    steps = ["publish", "verify", "rebase", "promote", "verify_release", "preflight"]
    published = document.pop("publish")
    assert bool(published["published"] or published["not_published"]) == bool(last)
    assert [step for step in steps[1:] if document[step]] == steps[1 : steps.index(last) + 1 if last else 1]
    assert any(sentence in fault for fault in document["faults"])
    assert all(fault in captured.err for fault in document["faults"])
    assert not list(temporary.iterdir())


INTERRUPTING = """
import itertools, os, signal, sys
from buildtools.__main__ import run
from buildtools.demo import rollout
from buildtools.throwaway.server import ThrowAway

PLACE = sys.argv.pop(1)
# A second Ctrl-C would end the tidying up.
FIRST = itertools.count()

class Interrupting(ThrowAway):
    def _answer(self, method, target, headers, body):
        if target.startswith(PLACE) and next(FIRST) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return super()._answer(method, target, headers, body)

rollout.ThrowAway = Interrupting
sys.exit(run())
"""


@pytest.mark.parametrize(
    "place", ["/v2/bases/", "/v2/staging/made/blobs/", "/v2/release/made/manifests/demo"]
)
def test_an_interrupted_demo_leaves_nothing(place: str, project: Path, temporary: Path) -> None:
    """Ctrl-C at a request: exit code 130, no temporary folder, and what was built is kept."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTING, place, "demo", "-C", project, "-q"],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert not list(temporary.iterdir())
    assert (project / "dist" / "oci" / "made" / "index.json").is_file()


def test_a_project_that_needs_the_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no image is left nothing is published, and that is no failure."""
    path = tmp_path / "images" / "fetched" / "image.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(FETCHED, encoding="utf-8")
    code, document = demo(tmp_path, capsys)
    assert (code, document["images"], document["preflight"]) == (0, [], None)


def test_images_run_as_their_own_user(
    project: Path, open_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root has unpacked is there for whom the image names."""
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    folder = project / "images" / "job"
    folder.mkdir()
    shutil.copy(require("busybox"), folder / "busybox")
    (folder / "image.yaml").write_text(JOB)
    assert main(["demo", "-C", str(project), "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)["ran"]
    assert ran == [{"name": "job linux/amd64", "kept": True, "findings": []}]
    assert [*open_folder.iterdir()] == []
