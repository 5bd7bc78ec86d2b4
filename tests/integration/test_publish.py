"""Publishing to real registries: complete, once, in order, and never a stand-in."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from tests.fakes import registry as fake
from tests.fakes.command import json_of
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule


def publish(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The document of `publish --json`."""
    return json_of(capsys, "publish", *arguments, code=code)


def index_at(reference: str) -> dict[str, Any]:
    """What another client reads there."""
    command = [require("skopeo"), "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def test_an_image_for_every_node_under_one_name(
    project: Path, registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another client copies all of it out of the registry: base layers came from the bases' registry."""
    place = f"{registry.host}/acme-{free_port()}"
    (one,) = publish(capsys, "hello", "--to", place, "--tag", "1.0", "--tag", "latest")["published"]
    assert (one["image"], one["changed"]) == ("hello", True)
    assert [(tag["tag"], tag["what"]) for tag in one["tags"]] == [("1.0", "set"), ("latest", "set")]
    assert (one["mounted"], one["present"]) == (0, 0)
    found = index_at(f"{place}/hello:1.0")
    assert found == index_at(f"{place}/hello:latest")
    versions = [entry["platform"].get("os.version", "") for entry in found["manifests"]]
    assert versions == ["", "", "10.0.26100.7462", "10.0.20348.4529", "10.0.17763.8146"]
    command = [require("skopeo"), "copy", "--all", "--quiet", "--src-tls-verify=false"]
    subprocess.run([*command, f"docker://{place}/hello:1.0", f"oci:{tmp_path}/copy:all"], check=True)
    (again,) = publish(capsys, "hello", "--to", place, "--tag", "1.0", "--tag", "latest")["published"]
    assert (again["changed"], again["sent"], again["digest"]) == (False, 0, one["digest"])


def test_base_layers_are_mounted_where_the_bases_are(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the bases' own registry none of their bytes go over the network."""
    (one,) = publish(capsys, "hello", "--to", f"{vendor.host}/acme")["published"]
    assert one["mounted"] == 3
    assert len(index_at(f"{vendor.host}/acme/hello:latest")["manifests"]) == 5


def test_a_second_run_asks_once_a_tag(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where every tag is right nothing else is asked, and nothing is sent."""
    with FakeRegistry() as server:
        place = f"{server.host}/acme"
        publish(capsys, "host", "--to", place, "--tag", "1.0", "--tag", "latest")
        server.seen.clear()
        publish(capsys, "host", "--to", place, "--tag", "1.0", "--tag", "latest")
        assert sorted(server.lines()) == [
            "HEAD /v2/acme/host/manifests/1.0",
            "HEAD /v2/acme/host/manifests/latest",
        ]


def test_the_index_comes_after_all_it_names_and_tags_come_last(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is killed in between leaves every tag as it was."""
    with FakeRegistry() as server:
        publish(capsys, "hello", "--to", f"{server.host}/acme", "--tag", "1.0", "--tag", "latest")
        written = [line for line in server.lines() if line.startswith("PUT")]
    kinds = ["blob" if "/blobs/" in line else line.rpartition("/")[2][:6] for line in written]
    first = kinds.index("sha256")
    assert set(kinds[:first]) == {"blob"}
    assert kinds[first:] == [*["sha256"] * 6, "1.0", "latest"]


def test_one_registry_of_two_is_down(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other one has everything, and the exit code says that some are not done."""
    broken = Rule(pattern="POST", fault=fake.status(400), times=ALWAYS)
    with FakeRegistry() as server, FakeRegistry(rules=[broken]) as other:
        document = publish(
            capsys, "host", "--to", f"{other.host}/acme", "--to", f"{server.host}/acme", code=9
        )
    assert [one["repository"] for one in document["published"]] == [f"{server.host}/acme/host"]
    (failure,) = document["failures"]
    assert f"{other.host} answered 400" in failure


def test_stand_ins_are_never_published(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even when the last build made them: publishing builds on the real bases first."""
    assert main(["build", "hello", "--stand-in-bases", "-q"]) == 0
    with FakeRegistry() as server:
        publish(capsys, "hello", "--to", f"{server.host}/acme")
        entries = json.loads(server.repository("acme/hello").get_manifest("latest")[1])["manifests"]
    versions = [entry["platform"]["os.version"] for entry in entries[2:]]
    assert versions == ["10.0.26100.7462", "10.0.20348.4529", "10.0.17763.8146"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "acme"], "'acme' is no place for images: write docker.io/acme"),
        (["--to", "ghcr.io/Acme"], "Acme"),
        (
            ["--to", "bot:secret@ghcr.io/acme"],
            (
                "error: a place for images has no @ in it: "
                "write host/path, as in ghcr.io/acme, and log in with `docker login`\n"
            ),
        ),
        (["--to", "127.0.0.1:9/acme", "--tag", "a b"], "a b"),
    ],
)
def test_what_cannot_be_a_place_or_tag_is_refused_before_anything_is_built(
    project: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence and exit code 2."""
    assert main(["publish", "host", "-q", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (project / "dist" / "oci").exists()
