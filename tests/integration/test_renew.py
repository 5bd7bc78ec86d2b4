# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""All published images of a project: rebased without tags, and tagged later while nobody else was there."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.settings import Settings
from buildtools.stores.registry import Registry
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.project import DEFAULTS, make_project
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

BASE = "mcr/windows/nanoserver"


@pytest.fixture
def place(project: Path, vendor: DockerRegistry) -> str:
    """Where `hello` and `host` are published as `1` and `latest`; `made` is not."""
    found = f"{vendor.host}/acme"
    make_project(project, **{"images/defaults.yaml": DEFAULTS.replace("registry.example/acme", found)})
    assert main(["publish", "hello", "host", "-q", "--tag", "1", "--tag", "latest"]) == 0
    return found


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file for a step's outputs."""
    path = tmp_path / "output"
    path.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))
    return path


def patch(vendor: DockerRegistry) -> None:
    """Let the vendor publish a newer base for one release."""
    entry = put_base(vendor, BASE, windows(f"{BUILDS['ltsc2025']}9"), text="newer")
    put_base_index(vendor, BASE, "ltsc2025", [entry])


def outputs(path: Path) -> dict[str, Any]:
    """What the last step has put out."""
    found = {
        name: json.loads(text)
        for name, _, text in (line.partition("=") for line in path.read_text().splitlines())
    }
    path.write_text("")
    return found


def digest(place: str, name: str) -> str:
    """What `image:tag` stands on."""
    host, _, path = place.partition("/")
    image, _, tag = name.partition(":")
    return Registry(host, f"{path}/{image}", settings=Settings()).resolve(tag).digest


def test_rebased_without_tags_and_tagged_later(
    place: str, vendor: DockerRegistry, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One index for both tags; it is there by its digest, and both move to it; then nothing is to do."""
    line = ["rebase", "--published", "1", "--published", "latest", "--no-tags", "--github-output"]
    assert main(line) == 0
    assert outputs(output) == {"any": False, "images": {"include": []}}
    patch(vendor)
    before = digest(place, "hello:1")
    capsys.readouterr()
    assert main(line) == 0
    err = capsys.readouterr().err
    found = outputs(output)
    (leg,) = found["images"]["include"]
    assert found["any"] is True
    assert (leg["image"], leg["name"], leg["before"], leg["tags"]) == (
        "hello", f"{place}/hello", before, ["1", "latest"],
    )  # fmt: skip
    assert leg["files"][2] == "hello-windows-amd64-10.0.26100.74629"
    assert leg["platforms"] == ["linux/amd64", "linux/arm64", *["windows/amd64"] * 3]
    assert f"warning: {place}/made:1 is not published, and left out\n" in err
    assert f"1 of 5 images rebased; no tag of {place}/hello is {leg['digest']}; " in err
    assert f"Nothing to do: {place}/host is {digest(place, 'host:1')}.\n" in err
    assert digest(place, "hello:1") == digest(place, "hello:latest") == before
    assert main(line) == 0
    assert outputs(output) == found

    images = json.dumps(found["images"])
    capsys.readouterr()
    assert main(["promote", "--images", images, "--dry-run", "-q"]) == 0
    assert digest(place, "hello:1") == before
    for what in ("promoted", "up to date"):
        capsys.readouterr()
        assert main(["promote", "--images", images, "-q"]) == 0
        assert capsys.readouterr().out.splitlines()[3].split("   ")[-1].strip() == what
        assert digest(place, "hello:1") == digest(place, "hello:latest") == leg["digest"]
    assert main(line) == 0
    assert outputs(output) == {"any": False, "images": {"include": []}}


def test_tags_that_somebody_else_has_moved_stay(
    place: str, vendor: DockerRegistry, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so do those of all other images, which are looked at before the first one is set."""
    assert main(["publish", "made", "-q", "--tag", "1"]) == 0
    patch(vendor)
    assert main(["rebase", "--published", "1", "-q", "--no-tags", "--github-output"]) == 0
    found = outputs(output)["images"]
    assert [leg["image"] for leg in found["include"]] == ["hello", "made"]
    before = digest(place, "hello:1")
    assert main(["promote", f"{place}/host:1", f"{place}/made:1", "-q"]) == 0
    other = digest(place, "made:1")
    capsys.readouterr()
    assert main(["promote", "--images", json.dumps(found), "-q"]) == 4
    assert capsys.readouterr().err == (
        f"error: {place}/made:1 stands on {other}, and {found['include'][1]['before']} was expected: "
        "somebody else has published: look at what is there, then run the command again\n"
    )
    assert (digest(place, "hello:1"), digest(place, "made:1")) == (before, other)


def test_a_run_that_breaks_between_two_images_goes_on(
    project: Path, vendor: DockerRegistry, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one's tag is set and told, the second one's by the same command again."""
    with FakeRegistry() as server:
        place = f"{server.host}/acme"
        text = DEFAULTS.replace("registry.example/acme", place)
        make_project(project, **{"images/defaults.yaml": text})
        assert main(["publish", "hello", "made", "-q", "--tag", "1"]) == 0
        patch(vendor)
        assert main(["rebase", "--published", "1", "-q", "--no-tags", "--github-output"]) == 0
        images = outputs(output)["images"]
        hello, made = images["include"]
        server.rules.append(
            Rule(pattern="^PUT .*/made/manifests/1$", fault=fake.status(400), times=ALWAYS, before=True)
        )
        line = ["promote", "--images", json.dumps(images), "-q"]
        capsys.readouterr()
        assert main(line) == 9
        assert capsys.readouterr().err.startswith("error: 1 of 2 are promoted, and then: ")
        assert digest(place, "hello:1") == hello["digest"]
        assert digest(place, "made:1") == made["before"]
        server.rules.clear()
        assert main(line) == 0
        assert (digest(place, "hello:1"), digest(place, "made:1")) == (hello["digest"], made["digest"])


def test_nothing_is_written_where_one_image_cannot_be_planned(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """All images are read before the first one is sent."""
    with FakeRegistry() as server:
        text = DEFAULTS.replace("registry.example/acme", f"{server.host}/acme")
        make_project(project, **{"images/defaults.yaml": text})
        assert main(["publish", "hello", "made", "-q", "--tag", "1"]) == 0
        patch(vendor)
        broken = Rule(pattern="^GET .*/made/blobs/", fault=fake.status(404), times=ALWAYS)
        server.rules.append(broken)
        before = len(server.lines())
        assert main(["rebase", "--published", "1", "-q"]) != 0
        assert not [one for one in server.lines()[before:] if one.startswith(("PUT", "POST", "PATCH"))]
        server.rules.clear()
        assert main(["rebase", "--published", "1", "-q"]) == 0


def test_with_tags_at_once(place: str, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --no-tags every tag moves, those of one index to the same new one."""
    patch(vendor)
    capsys.readouterr()
    assert main(["rebase", "--published", "1", "--published", "latest", "-q", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert [(one["name"], one["tags"], one["changed"]) for one in document["images"]] == [
        (f"{place}/hello", ["1", "latest"], True),
        (f"{place}/host", ["1", "latest"], False),
    ]
    new = document["images"][0]["digest"]
    assert digest(place, "hello:1") == digest(place, "hello:latest") == new != document["images"][0]["before"]


def test_one_image_without_tags(
    place: str, vendor: DockerRegistry, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By tag, or by a digest that has none; only expected images are rebased."""
    patch(vendor)
    before = digest(place, "hello:1")
    capsys.readouterr()
    line = ["rebase", f"{place}/hello@{before}", "--no-tags", "--github-output", "-q", "--json"]
    assert main([*line, "--expect-current", f"sha256:{'0' * 64}"]) == 4
    capsys.readouterr()
    assert main(line) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["tags"], document["changed"], document["before"]) == ([], True, before)
    (leg,) = outputs(output)["images"]["include"]
    assert (leg["tags"], leg["digest"]) == ([], document["digest"])
    assert digest(place, f"hello:{document['digest']}") == document["digest"]
    assert digest(place, "hello:1") == before
    assert (
        main(["rebase", f"{place}/hello@{document['digest']}", "--no-tags", "--dry-run", "-q", "--json"]) == 0
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["rebase"], "error: no image is named: name one, or --published TAG for all of the project\n"),
        (["rebase", "a.example/b:1", "--published", "1"], "error: REF and --published exclude each other: name one, or --published TAG for all of the project\n"),
        (["rebase", "--published", "1", "--tag", "2"], "error: --tag is about one image, and --published names many: name a REF\n"),
        (["rebase", "--published", "a b"], "error: reference 'a b' has the tag 'a b': write letters, digits, '_', '.' and '-', and begin with none of the last two\n"),
        (["rebase", "a.example/b:1", "--no-tags", "--tag", "2"], "error: --no-tags and --tag contradict each other: leave one of them out\n"),
        (["rebase", "oci:x:1", "--no-tags"], "error: what has no tag in a layout is nowhere to be found: leave --no-tags out\n"),
        (["promote", "a.example/b:1"], "error: SRC and DST are needed: name both, or --images\n"),
        (
            ["promote", "a.example/b:1", "--images", '{"include": [{"name": "a", "digest": "b", "tags": [], "before": "c"}]}'],
            "error: --images says what is promoted, where to and what tags must stand on: leave out SRC, DST, --tag and --expect-current\n",
        ),
    ],
)  # fmt: skip
def test_wrong_arguments(
    line: list[str], sentence: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what to do, and nothing is asked of any registry."""
    assert main([*line, "-q"]) == 2
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "it is not what `rebase --github-output` gives: Object missing required field `include`"),
        ('{"include": []}', "it names no image"),
    ],
)
def test_images_that_are_none(text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was not given by `rebase` is refused before anything is done."""
    with pytest.raises(SystemExit) as caught:
        main(["promote", "--images", text])
    assert caught.value.code == 2
    assert f"argument --images: {sentence}" in capsys.readouterr().err


def test_a_project_without_a_registry(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nowhere to look."""
    make_project(small, **{"images/defaults.yaml": DEFAULTS.replace("registry: registry.example/acme\n", "")})
    assert main(["rebase", "--published", "1", "-q"]) == 2
    assert capsys.readouterr().err == (
        "error: --published needs a registry in images/defaults.yaml: add `registry: ghcr.io/acme`\n"
    )


def test_whether_pins_have_moved(project: Path, vendor: DockerRegistry, output: Path) -> None:
    """Told to the steps that follow, whether the file was written or only looked at."""
    line = ["pins", "-q", "--github-output"]
    assert main(line) == 0
    assert outputs(output) == {"moved": True}
    assert main([*line, "--update"]) == 0
    assert outputs(output) == {"moved": False}
    patch(vendor)
    assert main([*line, "--check"]) == 3
    assert outputs(output) == {"moved": True}
    assert main([*line, "--update"]) == 0
    assert outputs(output) == {"moved": True}
