# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Hand-over by the registry: legs send by digest, records travel, and who joins them holds one against the other."""

import json
import shutil
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index, Manifest
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.forks import Forks, Running, killed
from tests.fakes.proxy import Fault, Passed, Proxy, Rule

LEGS = (
    "hello@linux/amd64 hello@windows/amd64:ltsc2025 host@windows/amd64",
    "hello@linux/arm64 hello@windows/amd64:ltsc2019 hello@windows/amd64:ltsc2022",
)
IMAGES = ("hello", "host")
Said = Callable[..., Any]


@pytest.fixture
def place(registry: DockerRegistry, project: Path) -> str:
    """Where the project publishes, and its pins."""
    assert main(["pins", "-q"]) == 0
    return f"{registry.host}/acme-{free_port()}"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a verb with --json; gives its document."""

    def run(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "-q", "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def legs(project: Path, place: str, *chosen: str) -> Path:
    """Each leg builds and sends on a machine of its own; gives the folder that their records are merged in."""
    joint = project / "joint"
    for number, leg in enumerate(chosen or LEGS):
        dist = project / f"leg-{number}"
        assert main(["build", "-q", "--locked", "--targets", leg, "--dist", str(dist)]) == 0
        line = ["publish", "-q", "--by-digest", "--no-build", "--locked", "--targets", leg]
        assert main([*line, "--to", place, "--dist", str(dist)]) == 0
        shutil.copytree(dist / "records", joint / "records", dirs_exist_ok=True)
    return joint


def join(place: str, joint: Path, *more: str) -> list[str]:
    """The line that joins what the legs have sent."""
    return [
        "publish",
        *IMAGES,
        "--from-records",
        "--locked",
        "--to",
        place,
        "--dist",
        str(joint),
        "--tag",
        "try",
        *more,
    ]


def ask(place: str, path: str, method: str = "GET") -> bytes | None:
    """What the registry says below a repository's address; None for what is not there."""
    host, _, name = place.partition("/")
    types = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(
        f"http://{host}/v2/{name}/{path}", headers={"Accept": types}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError:
        return None


def record(joint: Path, name: str) -> dict[str, Any]:
    """A leg's record."""
    found: dict[str, Any] = json.loads((joint / "records" / name).read_text())
    return found


def change(joint: Path, name: str, **fields: Any) -> None:
    """Write other fields into a leg's record."""
    (joint / "records" / name).write_text(json.dumps(record(joint, name) | fields))


def test_what_legs_have_sent_is_the_index_that_one_machine_makes(
    project: Path, place: str, said: Said
) -> None:
    """Nothing but records reaches the machine that joins; it sends an index an image and no blob."""
    joint = legs(project, place)
    assert json.loads(ask(place, "hello/tags/list") or b"{}").get("tags") is None
    document = said(*join(place, joint))
    assert [(one["image"], one["sent"], one["changed"]) for one in document["published"]] == [
        ("hello", 0, True),
        ("host", 0, True),
    ]
    assert not (joint / "oci").exists()
    assert main(["build", *IMAGES, "-q", "--dist", str(project / "whole")]) == 0
    for one in document["published"]:
        (entry,) = json.loads((project / "whole/oci" / one["image"] / "index.json").read_text())["manifests"]
        assert entry["digest"] == one["digest"]
        assert main(["verify", f"{place}/{one['image']}:try", "-q"]) == 0


def test_a_second_run_finds_nothing_to_do(project: Path, place: str, said: Said) -> None:
    """Legs send nothing again, and no tag is set again."""
    joint = legs(project, place)
    assert {tag["what"] for one in said(*join(place, joint))["published"] for tag in one["tags"]} == {"set"}
    again = said(
        "publish", "--by-digest", "--to", place, "--dist", str(project / "leg-0"), "--targets", LEGS[0]
    )
    assert [(one["image"], one["platform"], one["sent"], one["mounted"]) for one in again["sent"]] == [
        ("hello", "linux/amd64", 0, 0),
        ("hello", "windows/amd64:ltsc2025", 0, 0),
        ("host", "windows/amd64", 0, 0),
    ]
    assert {tag["what"] for one in said(*join(place, joint))["published"] for tag in one["tags"]} == {
        "unchanged"
    }


def test_a_base_is_sent_once_for_several_images(project: Path, place: str, said: Said) -> None:
    """The second image mounts the base's layer from the first one's repository."""
    leg = "hello@windows/amd64:ltsc2025 made@windows/amd64:ltsc2025"
    sent = said("publish", "--by-digest", "--to", place, "--targets", leg)["sent"]
    assert [(one["image"], one["mounted"]) for one in sent] == [("hello", 0), ("made", 1)]


def test_a_record_that_is_missing(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every image that the Plan asks for and nobody has built is named; no tag is set."""
    joint = legs(project, place, LEGS[0])
    capsys.readouterr()
    assert main([*join(place, joint), "-q"]) == 1
    assert capsys.readouterr().err == (
        "error: 3 of 6 variants are not built: hello linux/arm64 (new); hello windows/amd64:ltsc2019 (new); "
        "hello windows/amd64:ltsc2022 (new): hand over the records of every leg; one that failed is run again\n"
    )
    assert b"try" not in (ask(place, "hello/tags/list") or b"")


def test_a_manifest_that_is_gone(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a clean-up has taken is named, and the leg that is run again puts it back."""
    joint = legs(project, place)
    digest = record(joint, "hello/linux-arm64.json")["manifest"]["digest"]
    assert ask(place, f"hello/manifests/{digest}", "DELETE") is not None
    capsys.readouterr()
    assert main([*join(place, joint), "-q"]) == 4
    assert capsys.readouterr().err == (
        f"error: 1 of 6 images are not what their records say: hello linux/arm64 ({digest} in {place}/hello "
        "is not there): run the legs that build them again, then this\n"
    )
    assert b"try" not in (ask(place, "hello/tags/list") or b"")
    assert main([*join(place, legs(project, place)), "-q"]) == 0


def test_records_that_were_changed_on_their_way(
    project: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a record says is held against the image that the registry has; all faults are told at once."""
    joint = legs(project, place)
    other = record(joint, "hello/linux-amd64.json")
    mine = record(joint, "hello/linux-arm64.json")
    change(joint, "hello/linux-arm64.json", manifest=other["manifest"])
    windows = record(joint, "hello/windows-amd64-ltsc2025.json")
    change(joint, "hello/windows-amd64-ltsc2025.json", os_version="10.0.26100.1")
    gone = record(joint, "host/windows-amd64.json")["manifest"] | {"digest": f"sha256:{'0' * 64}"}
    change(joint, "host/windows-amd64.json", manifest=gone)
    capsys.readouterr()
    assert main([*join(place, joint), "-q"]) == 4
    assert capsys.readouterr().err == (
        "error: 3 of 6 images are not what their records say: "
        f"hello linux/arm64 ({other['manifest']['digest']} in {place}/hello has another config); "
        f"hello windows/amd64:ltsc2025 ({windows['manifest']['digest']} in {place}/hello has another platform); "
        f"host windows/amd64 ({gone['digest']} in {place}/host is not there): "
        "run the legs that build them again, then this\n"
    )
    assert mine["manifest"] != other["manifest"]


def test_a_place_that_lacks_an_image(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each place is looked at; none gets a tag where one is not whole."""
    joint = legs(project, place)
    other = f"{place}-other"
    sent = ["publish", "-q", "--by-digest", "--locked", "--targets", f"{LEGS[0]} hello@linux/arm64"]
    assert main([*sent, "--to", other, "--dist", str(project / "leg-0")]) == 0
    capsys.readouterr()
    assert main([*join(place, joint), "--to", other, "-q"]) == 4
    error = capsys.readouterr().err
    assert error.startswith(
        "error: 2 of 12 images are not what their records say: hello windows/amd64:ltsc2019 (sha256:"
    )
    assert error.count(f"in {other}/hello is not there)") == 2
    assert b"try" not in (ask(place, "hello/tags/list") or b"")


def test_a_record_of_something_that_is_no_image(
    project: Path, registry: DockerRegistry, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manifest whose config is another document, and an index."""
    joint = legs(project, place)
    name = f"{place.partition('/')[2]}/hello"
    registry.put_blob(name, b"[]")
    config = Descriptor.of(b"[]", OCI_CONFIG)
    none = registry.put_manifest(name, Manifest.build(config=config, layers=()).raw, OCI_MANIFEST)
    index = registry.put_manifest(name, Index.build(manifests=[none]).raw, OCI_INDEX)
    for file, found in (("hello/linux-amd64.json", none), ("hello/linux-arm64.json", index)):
        digest = {"media_type": found.media_type, "size": found.size, "digest": found.digest}
        change(joint, file, manifest=digest)
    capsys.readouterr()
    assert main([*join(place, joint), "-q"]) == 4
    error = capsys.readouterr().err
    assert f"hello linux/amd64 ({none.digest} in {place}/hello is no image)" in error
    assert f"hello linux/arm64 ({index.digest} in {place}/hello is an index)" in error


def test_records_that_are_none(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was cut off, and one under another's name, each with its path."""
    joint = legs(project, place)
    (joint / "records/hello/linux-amd64.json").write_text("{")
    shutil.copy(joint / "records/host/windows-amd64.json", joint / "records/hello/linux-arm64.json")
    capsys.readouterr()
    assert main([*join(place, joint), "-q"]) == 2
    assert capsys.readouterr().err == (
        "joint/records/hello/linux-amd64.json: error: the record cannot be read (Input data was truncated): "
        "delete it and build again\n"
        "joint/records/hello/linux-arm64.json: error: the record is of host windows/amd64, not of hello "
        "linux/arm64: hand over the folder as it was written\n"
    )


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[Forks]:
    """Runs of the command line that can be killed."""
    with Forks(tmp_path / "runs") as started:
        yield started


def test_a_leg_that_is_killed_between_blobs_and_manifest(
    project: Path, registry: DockerRegistry, place: str, said: Said, forks: Forks
) -> None:
    """Its blobs are there and nothing names them; the same leg again sends only what is missing."""
    legs(project, place, LEGS[1])
    name = place.partition("/")[2]
    with Proxy(registry.host) as proxy:
        running: list[Running] = []
        ready = threading.Event()

        def kill(_: Passed) -> None:
            ready.wait(30)
            killed(running[0].pid)(None)

        proxy.reset(Rule(pattern=f"PUT /v2/{name}/hello/manifests/", fault=Fault(act=kill, breaks="before")))
        line = ["publish", "--by-digest", "--targets", LEGS[0], "--to", f"{proxy.host}/{name}", "-q"]
        dist = str(project / "leg-a")
        running.append(forks.start(*line, "--dist", dist, cwd=project))
        ready.set()
        assert running[0].wait().code == -signal.SIGKILL
        manifest = record(project / "leg-a", "hello/linux-amd64.json")
        assert ask(place, f"hello/manifests/{manifest['manifest']['digest']}") is None
        assert ask(place, f"hello/blobs/{manifest['layers'][0]['digest']}", "HEAD") is not None
        proxy.reset()
        first = said(*line[:-1], "--dist", dist)["sent"][0]
    assert (first["platform"], first["sent"], first["present"]) == ("linux/amd64", 0, 2)
    joint = project / "joint"
    shutil.copytree(project / "leg-a/records", joint / "records", dirs_exist_ok=True)
    assert main([*join(place, joint), "-q"]) == 0


def test_a_dry_run_says_what_would_be_asked(project: Path, place: str, said: Said) -> None:
    """Nothing is written."""
    document = said("publish", "--by-digest", "--dry-run", "--to", place, "--targets", "host@windows/amd64")
    assert document["dry_run"] is True
    assert document["total"]["writes"] > 2
    assert ask(place, "host/tags/list") is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            ["--by-digest", "--from-records"],
            (
                "--by-digest and --from-records are two steps: a leg sends with the first, and the job behind all legs "
                "joins with the second"
            ),
        ),
        (
            ["--targets", "hello@linux/amd64"],
            (
                "--targets is for --by-digest: an index holds every variant of its image; send some of them with "
                "--by-digest"
            ),
        ),
        (
            ["--by-digest", "--tag", "x"],
            (
                "--by-digest sets no tag, so --tag says nothing: give it to `publish --from-records`, which joins what "
                "was sent"
            ),
        ),
        (
            ["--by-digest", "--github-output"],
            (
                "--by-digest sets no tag, so --github-output says nothing: give it to `publish --from-records`, which "
                "joins what was sent"
            ),
        ),
    ],
)
def test_what_does_not_go_together(
    project: Path, line: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is done."""
    assert main(["publish", "-q", *line, "--to", "127.0.0.1:9/acme"]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"
    assert not (project / "dist").exists()
