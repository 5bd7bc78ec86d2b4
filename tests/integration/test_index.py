"""One index out of published images: in registries and layouts, complete at any moment, and back again."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.errors import BuildtoolsError
from buildtools.index import Joiner, Wish
from buildtools.oci.descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of, short
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.copy import copy
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registry
from tests.fakes import registry as fake
from tests.fakes.clock import FakeClock
from tests.fakes.command import complaint_of, json_of
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.images import Image, image, index
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

AMD64 = image(layers=(b"linux", b"shared"))
ARM64 = image(Platform(os="linux", architecture="arm64"), layers=(b"arm", b"shared"))


def windows(version: str, text: str = "") -> Image:
    """A Windows image of this version."""
    platform = Platform(os="windows", architecture="amd64", os_version=version)
    return image(platform, layers=(f"base {version}".encode(), f"windows{text}".encode()))


WS2019, WS2022, WS2025 = windows("10.0.17763.1"), windows("10.0.20348.1"), windows("10.0.26100.1")
NEWER = windows("10.0.20348.2", " newer")
ALL = (AMD64, ARM64, WS2025, WS2022, WS2019)


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry with `proxy` for Linux and `proxy-win` for Windows, and one image a tag in `parts`."""
    with FakeRegistry() as server:
        seed(server, "proxy", "1.2", AMD64, ARM64)
        seed(server, "proxy-win", "1.2", WS2019, WS2022)
        for item in ALL:
            item.put(server.repository("parts"), tag=tag_of(item))
        yield server


def tag_of(item: Image) -> str:
    """The tag that an image has in `parts`."""
    return str(item.platform).replace("/", "-").replace(":", "-")


def seed(server: FakeRegistry, name: str, tag: str, *images: Image) -> None:
    """Put an index of images into a repository."""
    for item in images:
        item.put(server.repository(name))
    document = index(*images)
    server.put_manifest(name, document.raw, document.media_type, tag=tag)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The document of `index --json`."""
    return json_of(capsys, "index", *arguments, code=code)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The sentences of `index` where it fails."""
    return complaint_of(capsys, "index", *arguments, code=code)


def platforms(server: FakeRegistry, name: str, tag: str) -> list[str]:
    """The entries of an index in a fake registry."""
    return [str(entry.platform) for entry in found(server, name, tag).manifests]


def found(server: FakeRegistry, name: str, tag: str) -> Index:
    """An index in a fake registry."""
    return Index.parse(server.repository(name).get_manifest(tag)[1])


def is_complete(server: FakeRegistry, name: str, tag: str) -> bool:
    """Whether all that the index names is in its repository."""
    store = server.repository(name)
    for entry in found(server, name, tag).manifests:
        manifest = Manifest.parse(store.get_manifest(entry.digest)[1])
        if not all(store.has_blob(blob) for blob in (manifest.config, *manifest.layers)):
            return False
    return True


def test_two_names_become_one(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """The index that was for Linux serves every node; nothing of Windows is sent, all of it is mounted."""
    proxy, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    document = run(capsys, "create", proxy, proxy, win)
    assert platforms(server, "proxy", "1.2") == [
        "linux/amd64", "linux/arm64", "windows/amd64:10.0.20348.1", "windows/amd64:10.0.17763.1",
    ]  # fmt: skip
    assert is_complete(server, "proxy", "1.2")
    assert [(entry["what"], entry["from"]) for entry in document["entries"]] == [
        ("kept", proxy), ("kept", proxy), ("added", win), ("added", win),
    ]  # fmt: skip
    assert (document["changed"], document["sent"]) == (True, 0)
    assert document["mounted"] == sum(
        len(blob) for item in (WS2019, WS2022) for blob in set(item.blobs)
    ) - len(b"windows")
    assert document["digest"] == found(server, "proxy", "1.2").descriptor.digest
    again = run(capsys, "create", proxy, proxy, win)
    assert (again["changed"], again["digest"]) == (False, document["digest"])


def test_how_many_requests_it_takes(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Five images of one repository: each read once; the same again asks for each name once."""
    parts = [f"{server.host}/parts:{tag_of(item)}" for item in ALL]
    run(capsys, "create", f"{server.host}/parts:all", *parts)
    kinds = [line.split("/")[0] + line.split("/")[3] for line in server.lines()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "GET manifests": 5 + 1 + 2, "GET blobs": 5, "PUT manifests": 2,
    }  # fmt: skip
    server.seen.clear()
    run(capsys, "create", f"{server.host}/parts:all", *parts)
    assert sorted(server.lines()) == sorted(
        f"GET /v2/parts/manifests/{tag}" for tag in ("all", *map(tag_of, ALL))
    )


def test_images_come_from_other_registries_and_go_to_layouts(
    server: FakeRegistry, registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From one registry to another one, on to a layout that was not there, and back into a registry."""
    place = f"{registry.host}/joined-{tmp_path.name}:1.2".lower()
    sources = [f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"]
    first = run(capsys, "create", place, *sources, "--tag", "latest")
    blobs = {blob for item in (AMD64, ARM64, WS2019, WS2022) for blob in item.blobs}
    assert (first["sent"], first["mounted"]) == (sum(map(len, blobs)), 0)
    layout = f"oci:{tmp_path}/new/layout:1.2"
    second = run(capsys, "create", layout, place)
    assert second["digest"] == first["digest"]
    assert run(capsys, "create", layout, place)["changed"] is False
    assert not Layout(tmp_path / "new" / "layout").missing()
    third = run(capsys, "create", f"{server.host}/back:1.2", layout.removesuffix(":1.2"))
    assert third["digest"] == first["digest"]
    assert is_complete(server, "back", "1.2")
    taken = run(capsys, "remove", layout, "windows")
    assert [entry["platform"]["os"] for entry in taken["entries"]] == ["linux", "linux"]


def test_each_action_on_an_index(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """What is added, what takes whose place, what stays, and what is taken out."""
    NEWER.put(server.repository("parts"), tag="newer")
    all_, parts = f"{server.host}/parts:all", f"{server.host}/parts"
    run(capsys, "create", all_, f"{parts}:{tag_of(AMD64)}", f"{parts}:{tag_of(WS2022)}")
    run(capsys, "append", all_, f"{parts}:{tag_of(WS2019)}")
    assert platforms(server, "parts", "all") == [
        "linux/amd64",
        "windows/amd64:10.0.20348.1",
        "windows/amd64:10.0.17763.1",
    ]
    said = failure(capsys, "append", all_, f"{parts}:newer")
    assert said == (
        f"error: windows/amd64:10.0.20348.2 ({short(NEWER.entry.digest)}) of {parts}:newer is for the same "
        f"nodes as windows/amd64:10.0.20348.1 ({short(WS2022.entry.digest)}) of {all_}, which the index has "
        "already: use replace or merge\n"
    )
    document = run(capsys, "replace", all_, f"{parts}:newer")
    assert [entry["what"] for entry in document["entries"]] == [
        "kept", f"replaces {short(WS2022.entry.digest)}", "kept",
    ]  # fmt: skip
    assert "use append or merge" in failure(capsys, "replace", all_, f"{parts}:{tag_of(ARM64)}")
    merged = run(capsys, "merge", all_, f"{parts}:{tag_of(ARM64)}", f"{parts}:{tag_of(WS2022)}")
    assert [entry["what"] for entry in merged["entries"]] == [
        "kept", "added", f"replaces {short(NEWER.entry.digest)}", "kept",
    ]  # fmt: skip
    assert document["warnings"] == []
    (warning,) = merged["warnings"]
    assert warning == (
        f"windows/amd64:10.0.20348.1 ({short(WS2022.entry.digest)}) of {parts}:{tag_of(WS2022)} takes the "
        f"place of windows/amd64:10.0.20348.2 ({short(NEWER.entry.digest)}) of {all_}, which is patched "
        "further: give the newer image if this is not meant"
    )
    before = merged["digest"]
    removed = run(capsys, "remove", all_, "windows/amd64:ltsc2019", ARM64.entry.digest)
    assert {item["digest"] for item in removed["removed"]} == {WS2019.entry.digest, ARM64.entry.digest}
    assert removed["before"] == before
    again = run(capsys, "remove", all_, "windows/amd64:ltsc2019")
    assert (again["changed"], again["warnings"]) == (
        False,
        ["windows/amd64:ltsc2019 is not in the index: it has linux/amd64, windows/amd64:10.0.20348.1"],
    )
    assert "no image would be left in the index" in failure(capsys, "remove", all_, "linux", "windows")


@pytest.mark.parametrize("action", ["append", "merge", "replace", "remove"])
def test_a_second_run_finds_nothing_to_do(
    action: str, server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks for each name once, and says so."""
    all_ = f"{server.host}/parts:all"
    parts = [f"{server.host}/parts:{tag_of(item)}" for item in ALL]
    items = ["windows:ltsc2019"] if action == "remove" else parts[:3]
    run(capsys, "create", all_, *parts)
    run(capsys, action, all_, *items)
    server.seen.clear()
    assert main(["index", action, all_, *items]) == 0
    count = 1 if action == "remove" else 4
    assert [line.split("/")[0] for line in server.lines()] == ["GET "] * count
    digest = found(server, "parts", "all").descriptor.digest
    assert f"Nothing to do: all of {server.host}/parts is {digest}." in capsys.readouterr().err


def test_only_the_tags_that_lag_are_set(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they are named."""
    proxy, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    run(capsys, "create", proxy, proxy, win)
    server.seen.clear()
    run(capsys, "create", proxy, proxy, win, "--tag", "1", "--tag", "latest", "--tag", "1.2")
    digest = found(server, "proxy", "1.2").descriptor.digest
    puts = [line.rpartition("/")[2] for line in server.lines() if line.startswith("PUT")]
    assert puts == [digest, "1", "latest"]


def test_what_indexes_say_wrongly_is_put_right(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index without os.version, as other tools make it, gets that of the configs; each is told."""
    wrong = [replace(item.entry, platform=replace(item.platform, os_version="")) for item in (WS2022, WS2019)]
    document = Index.build(manifests=[AMD64.entry, *wrong])
    for item in (AMD64, WS2022, WS2019):
        item.put(server.repository("wrong"))
    server.put_manifest("wrong", document.raw, document.media_type, tag="1")
    place = f"{server.host}/wrong:1"
    made = run(capsys, "create", place, place)
    assert platforms(server, "wrong", "1")[1:] == ["windows/amd64:10.0.20348.1", "windows/amd64:10.0.17763.1"]
    assert made["warnings"] == [
        f"{item.platform} ({short(item.entry.digest)}) of {place} stood there as windows/amd64: what its "
        "config says counts"
        for item in (WS2022, WS2019)
    ]


def test_nested_indexes_are_opened(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Down to a depth that no honest index has."""
    inner = found(server, "proxy", "1.2").descriptor
    for depth in range(4):
        document = Index.build(manifests=[inner], annotations={"depth": str(depth)})
        inner = server.put_manifest("proxy", document.raw, document.media_type, tag=f"nested{depth}")
    run(capsys, "create", f"{server.host}/proxy:flat", f"{server.host}/proxy:nested1")
    assert platforms(server, "proxy", "flat") == ["linux/amd64", "linux/arm64"]
    said = failure(capsys, "create", f"{server.host}/proxy:flat", f"{server.host}/proxy:nested3")
    assert said == (
        f"error: {server.host}/proxy:nested3 has indexes nested deeper than 3: name the images themselves\n"
    )


def with_attestations(server: FakeRegistry, name: str, tag: str, *images: Image) -> list[Descriptor]:
    """An index as BuildKit makes it; returns the attestations."""
    proofs = []
    for item in images:
        data = f"provenance of {item.entry.digest}".encode()
        proof = image(layers=(data,), layer_type="application/vnd.in-toto+json")
        proof.put(server.repository(name))
        proofs.append(
            replace(
                proof.entry,
                platform=Platform(os="unknown", architecture="unknown"),
                annotations={
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": item.entry.digest,
                },
            )
        )
        item.put(server.repository(name))
    entries = [entry for pair in zip((item.entry for item in images), proofs, strict=True) for entry in pair]
    document = Index.build(manifests=entries)
    server.put_manifest(name, document.raw, document.media_type, tag=tag)
    return proofs


def test_attestations_go_where_their_images_go(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind the images, with their blobs; gone with an image that is taken out or replaced."""
    proofs = with_attestations(server, "built", "1", AMD64, WS2022)
    place = f"{server.host}/proxy:all"
    run(capsys, "create", place, f"{server.host}/proxy-win:1.2", f"{server.host}/built:1")
    entries = found(server, "proxy", "all").manifests
    assert [entry.digest for entry in entries[3:]] == [proof.digest for proof in proofs]
    assert is_complete(server, "proxy", "all")
    run(capsys, "remove", place, "windows:ltsc2022")
    assert found(server, "proxy", "all").manifests[2:] == (proofs[0],)
    run(capsys, "remove", place, proofs[0].digest)
    assert platforms(server, "proxy", "all") == ["linux/amd64", "windows/amd64:10.0.17763.1"]


def test_children_keep_their_bytes_and_docker_lists_are_made_on_request(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Docker's images stay Docker's; the index is OCI's unless a list is asked for."""
    docker = image(manifest_type=DOCKER_MANIFEST, layers=(b"docker",))
    docker.put(server.repository("old"), tag="1")
    place = f"{server.host}/old:index"
    document = run(capsys, "create", place, f"{server.host}/old:1")
    assert document["entries"][0]["digest"] == docker.entry.digest
    assert "has media type" in document["warnings"][0]
    assert run(capsys, "create", place, f"{server.host}/old:1", "--docker")["media_type"] == DOCKER_LIST
    said = failure(capsys, "create", place, f"{server.host}/proxy:1.2", "--docker")
    assert "not of Docker's media type" in said


def test_annotations_stay_and_are_added(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the index, by every action that reads it; create begins anew."""
    place, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    run(capsys, "create", place, place, "--annotation", "a=1", "--annotation", "b=x=y")
    assert run(capsys, "merge", place, win, "--annotation", "a=2")["annotations"] == {"a": "2", "b": "x=y"}
    assert run(capsys, "merge", place, win)["changed"] is False
    assert run(capsys, "create", place, place)["annotations"] == {}


def test_a_dry_run_writes_nothing(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be sent and mounted, and which index would be there."""
    with FakeRegistry() as other:
        place = f"{other.host}/proxy:1.2"
        arguments = ["create", place, f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"]
        told = run(capsys, *arguments, "--dry-run")
        mounting = ["create", f"{server.host}/new:1", f"{server.host}/proxy:1.2"]
        assert {line.split("/")[0] for line in other.lines()} == {"GET ", "HEAD "}
        done = run(capsys, *arguments)
        assert (told["digest"], told["sent"], told["mounted"]) == (done["digest"], done["sent"], 0)
        assert run(capsys, *arguments, "--dry-run")["sent"] == 0
        assert main(["index", *mounting, "--dry-run"]) == 0
        captured = capsys.readouterr()
        assert f"1 of {server.host}/new would be sha256:" in captured.err
        assert "0 B to send" in captured.err
        told = run(capsys, *mounting, "--dry-run")
        assert told["mounted"] == run(capsys, *mounting)["mounted"]


def test_what_somebody_else_publishes_is_not_written_over(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expected of the tag before, and looked at again right before it is set."""
    place, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    current = found(server, "proxy", "1.2").descriptor.digest
    other = digest_of(b"other")
    sentence = "somebody else has published: look at what is there, then run the command again"
    for expected, shown in ((other, other), ("none", "nothing")):
        said = failure(capsys, "append", place, win, "--expect-current", expected, code=4)
        assert said == f"error: {place} stands on {current}, and {shown} was expected: {sentence}\n"
    said = failure(capsys, "append", place, win, "--expect-current", "sha256:12", code=2)
    assert said.endswith("or none for a tag that is not there yet\n")
    run(capsys, "append", place, win, "--expect-current", current)
    # Done is done: what was expected of the tag then is no matter now.
    assert run(capsys, "append", place, win, "--expect-current", current)["changed"] is False
    run(capsys, "create", f"{server.host}/proxy:new", win, "--expect-current", "none")


def test_a_tag_that_moves_in_the_meantime_stays(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was read would otherwise be lost: the other one's images would be gone."""
    place, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    other = index(AMD64)

    def moves(response: Any) -> Any:
        server.repository("proxy").put_manifest(other.raw, other.media_type, tag="1.2")
        return response

    server.rules.append(Rule(pattern="PUT /v2/proxy/manifests/sha256", fault=moves))
    said = failure(capsys, "append", place, win, code=4)
    assert f"{place} stands on {other.descriptor.digest}, and sha256:" in said
    assert found(server, "proxy", "1.2").raw == other.raw


def test_what_is_read_back_decides(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else's tag right behind ours is told."""
    place, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    other = index(AMD64)

    def moves(response: Any) -> Any:
        server.repository("proxy").put_manifest(other.raw, other.media_type, tag="1.2")
        return response

    server.rules.append(Rule(pattern="PUT /v2/proxy/manifests/1.2", fault=moves))
    said = failure(capsys, "append", place, win, code=4)
    assert f"{place} is {other.descriptor.digest} right after it was set to sha256:" in said


def test_a_tag_that_cannot_be_set_leaves_the_others(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some done, some not: which ones is told, and the same command does the rest."""
    place, win = f"{server.host}/proxy:1.2", f"{server.host}/proxy-win:1.2"
    server.rules.append(Rule(pattern="PUT .*/latest", fault=fake.status(400), before=True))
    said = failure(capsys, "append", place, win, "--tag", "latest", code=9)
    digest = found(server, "proxy", "1.2").descriptor.digest
    assert f"{server.host}/proxy: 1.2 set, latest not:" in said
    run(capsys, "append", place, win, "--tag", "latest")
    assert found(server, "proxy", "latest").descriptor.digest == digest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "proxy@" + digest_of(b""), "x"], "has a digest, which cannot be set: name the tag"),
        (["create", "127.0.0.1:9/a", "x"], "127.0.0.1:9/a has no tag: name the tag, as in 127.0.0.1:9/a:1.0"),
        (["create", "A:1", "x"], "upper-case"),
        (["create", "127.0.0.1:9/proxy:1", "oci:nowhere"], "nowhere is not an OCI image layout"),
        (["create", "127.0.0.1:9/a:1", "x", "--annotation", "a"], "no annotation: write KEY=VALUE"),
        (["create", "127.0.0.1:9/proxy:1", "x", "--tag", "a b"], "a b"),
        (["remove", "127.0.0.1:9/proxy:1", "windows:2022"], "unknown Windows release '2022'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2."""
    assert sentence in failure(capsys, *arguments, code=2)


def test_what_is_not_there(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing source is an error for every action, a missing index only where it must be changed."""
    assert "was not found" in failure(capsys, "create", f"{server.host}/proxy:2", f"{server.host}/none:1")
    assert "was not found" in failure(capsys, "remove", f"{server.host}/proxy:2", "windows")
    sources = f"{server.host}/proxy:1.2"
    assert "was not found" in failure(capsys, "replace", f"{server.host}/proxy:2", sources)
    run(capsys, "merge", f"{server.host}/proxy:2", sources)
    assert platforms(server, "proxy", "2") == ["linux/amd64", "linux/arm64"]


def test_what_is_no_image_is_no_entry(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature, an entry that is something else than it says, and a config that is none."""
    signature = image(config_type="application/vnd.oci.empty.v1+json")
    signature.put(server.repository("proxy"), tag="signature")
    place = f"{server.host}/proxy:1.2"
    said = failure(capsys, "append", place, f"{server.host}/proxy:signature")
    assert f"{short(signature.entry.digest)} of {server.host}/proxy:signature is no image" in said
    inner = found(server, "proxy", "1.2").descriptor
    lie = Index.build(manifests=[replace(inner, media_type=OCI_MANIFEST)])
    server.put_manifest("proxy", lie.raw, lie.media_type, tag="lie")
    said = failure(capsys, "append", place, f"{server.host}/proxy:lie")
    assert "is an index, its entry says that it is an image" in said
    lie = Index.build(manifests=[replace(AMD64.entry, media_type=inner.media_type)])
    server.put_manifest("proxy", lie.raw, lie.media_type, tag="lie")
    said = failure(capsys, "append", place, f"{server.host}/proxy:lie")
    assert "is an image, its entry says that it is an index" in said


def test_a_host_process_image_stands_alone(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside Linux it may, beside versioned Windows entries it may not."""
    windows("").put(server.repository("host"), tag="1")
    host = f"{server.host}/host:1"
    run(capsys, "append", f"{server.host}/proxy:1.2", host)
    assert "has no os.version beside Windows entries that have one" in failure(
        capsys, "append", f"{server.host}/proxy-win:1.2", host
    )


def joined(server: FakeRegistry) -> None:
    """Join two repositories in a third one by the use case itself, with a clock that does not wait."""
    client = Client(Settings(), clock=FakeClock().clock)

    def opened(name: str) -> Registry:
        return Registry(server.host, name, settings=Settings(), client=client)

    try:
        joiner = Joiner(
            target=opened("joined"), tags=("1", "latest"), open_base=lambda name: (opened(name), "")
        )
        sources = tuple((name, opened(name), "1.2") for name in ("proxy", "proxy-win"))
        joiner.publish(joiner.plan(Wish(action="merge", sources=sources)))
    finally:
        client.close()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_that_is_cut_anywhere_leaves_a_whole_index(before: bool) -> None:
    """From any request on nothing gets through: each tag is as it was, or right; again, and all is right."""
    with FakeRegistry() as server:
        seed(server, "proxy", "1.2", AMD64)
        seed(server, "proxy-win", "1.2", WS2022)
        joined(server)
        count, right = len(server.seen), server.repository("joined").tags
    for place in range(count):
        with FakeRegistry() as server:
            seed(server, "proxy", "1.2", AMD64)
            seed(server, "proxy-win", "1.2", WS2022)
            seed(server, "joined", "1", AMD64)
            old = dict(server.repository("joined").tags)
            server.rules.append(Rule(pattern="", fault=fake.reset(), skip=place, times=ALWAYS, before=before))
            with suppress(BuildtoolsError):
                joined(server)
            for tag, digest in server.repository("joined").tags.items():
                assert digest in {old.get(tag), right[tag]}
                assert is_complete(server, "joined", tag)
            server.rules.clear()
            joined(server)
            assert server.repository("joined").tags == right
            assert is_complete(server, "joined", "1")


def test_layers_that_a_layout_leaves_to_its_base_come_from_there(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `build` made is joined straight into a registry, the bases' layers mounted there."""
    assert main(["build", "hello", "-q"]) == 0
    place = f"{vendor.host}/acme/hello:1"
    document = run(capsys, "create", place, "oci:dist/oci/hello")
    assert len(document["entries"]) == 5
    sizes = [blob.size for blob in Layout(project / "dist/oci/hello").missing()]
    assert len(sizes) == 3
    assert document["mounted"] == sum(sizes)
    assert run(capsys, "create", place, "oci:dist/oci/hello")["changed"] is False


def test_stand_ins_do_not_get_into_a_registry(
    project: Path, server: FakeRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They may be joined in a layout."""
    assert main(["build", "hello", "--stand-in-bases", "-q"]) == 0
    run(capsys, "create", f"oci:{tmp_path}/layout:1", "oci:dist/oci/hello")
    said = failure(capsys, "create", f"{server.host}/hello:1", "oci:dist/oci/hello")
    assert "stand on stand-in bases, which are never published: build on real bases" in said


def test_an_index_in_memory() -> None:
    """The use case takes any store; what was read of one is copied to another."""
    source, target = MemoryStore("source"), MemoryStore("target")
    for item in ALL:
        item.put(source)
    made = index(AMD64, WS2022)
    copy(source, target, source.put_manifest(made.raw, made.media_type, tag="1"))
    joiner = Joiner(target=target, tags=("1",), open_base=lambda _: (source, ""))
    plan = joiner.plan(Wish(action="create", sources=(("source:1", source, "1"),)))
    assert joiner.publish(plan).sent == 0
    assert target.tags == {"1": plan.digest}


def test_windows_on_arm_is_warned_of(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """No node of a cluster takes it."""
    platform = Platform(os="windows", architecture="arm64", os_version="10.0.26100.1")
    image(platform).put(server.repository("arm"), tag="1")
    (warning,) = run(capsys, "append", f"{server.host}/proxy:1.2", f"{server.host}/arm:1")["warnings"]
    assert warning == (
        "manifests[2] (windows/arm64:10.0.26100.1) is for windows/arm64:10.0.26100.1, and only amd64 nodes "
        "run Windows containers: leave it out unless you know a node that takes it"
    )
