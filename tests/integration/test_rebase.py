"""Published images on newer bases: as if built there, nothing sent twice, and whole at any moment."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.errors import BuildtoolsError
from buildtools.oci.annotations import BASE_DIGEST, BASE_NAME, CREATED
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.descriptor import OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of, short
from buildtools.oci.documents import Index, Manifest
from buildtools.oci.platform import Platform
from buildtools.rebase import Rebaser
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.registry import Registry
from buildtools.windows.bases import stand_in_base
from tests.fakes import registry as fake
from tests.fakes.bases import BUILDS, linux, put_base, put_base_index, windows
from tests.fakes.clock import FakeClock
from tests.fakes.command import complaint_of, json_of
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

NEWER = {tag: f"{version}9" for tag, version in BUILDS.items()}
BASE = "mcr/windows/nanoserver"


def run(capsys: pytest.CaptureFixture[str], *arguments: str, verb: str = "rebase", code: int = 0) -> Any:
    """The document of a verb's `--json`."""
    return json_of(capsys, verb, *arguments, code=code)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The sentences of `rebase` where it fails."""
    return complaint_of(capsys, "rebase", *arguments, code=code)


def patch(vendor: DockerRegistry, *tags: str) -> None:
    """Let the vendor publish newer bases under these tags."""
    for tag in tags:
        entry = put_base(vendor, BASE, windows(NEWER[tag]), text="newer")
        put_base_index(vendor, BASE, tag, [entry])


def index_at(reference: str) -> Index:
    """The index that a reference in a registry names."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    descriptor, raw = Registry(host, name, settings=Settings()).get_manifest(tag)
    return Index.parse(raw, descriptor.media_type)


def test_a_rebased_image_is_the_image_that_a_build_makes(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same index, byte for byte, as the same project gives on the new bases; then nothing is to do."""
    run(capsys, "hello", "--to", f"{vendor.host}/acme", "--tag", "1", verb="publish")
    place = f"{vendor.host}/acme/hello:1"
    before = index_at(place)
    assert run(capsys, place)["changed"] is False
    patch(vendor, "ltsc2022", "ltsc2025")
    document = run(capsys, place)
    assert [entry["rebased"] for entry in document["entries"]] == [False, False, True, True, False]
    assert [entry["reason"] for entry in document["entries"]] == [
        "on nothing", "on nothing", "", "", "up to date",
    ]  # fmt: skip
    third = document["entries"][2]
    assert (third["old_os_version"], third["os_version"]) == ("10.0.26100.7462", "10.0.26100.74629")
    assert third["mounted"] > 0
    after = index_at(place)
    kept = [0, 1, 4]
    assert [after.manifests[one] for one in kept] == [before.manifests[one] for one in kept]
    assert main(["pins", "--update", "-q"]) == 0
    (built,) = run(capsys, "hello", "--to", f"{vendor.host}/built", "--tag", "1", verb="publish")["published"]
    assert (document["digest"], document["changed"]) == (built["digest"], True)
    again = run(capsys, place)
    assert (again["changed"], again["digest"], again["before"]) == (False, built["digest"], built["digest"])


OLD, NEW = windows("10.0.20348.1"), windows("10.0.20348.2")
APP = b"the application"


def read(store: MemoryStore, digest: str) -> tuple[Manifest, ImageConfig]:
    """A manifest and its config."""
    descriptor, raw = store.get_manifest(digest)
    manifest = Manifest.parse(raw, descriptor.media_type)
    return manifest, ImageConfig.parse(store.blobs[manifest.config.digest])


def put_app(
    server: FakeRegistry,
    base: Descriptor,
    *,
    name: str = "app",
    annotations: dict[str, str] | None = None,
    settings: ConfigSettings | None = None,
    tag: str = "",
) -> Descriptor:
    """An application on a base that is in the repository `base`; its annotations name the base."""
    below, config = read(server.repository("base"), base.digest)
    made = build_config(
        config,
        platform=replace(config.platform, os_version=""),
        settings=settings or ConfigSettings(entrypoint=("app.exe",)),
        diff_ids=[digest_of(b"tar")],
        history=["app"],
        created="2026-06-01T00:00:00Z",
    )
    told = {BASE_NAME: f"{server.host}/base:1", BASE_DIGEST: base.digest}
    manifest = Manifest.build(
        config=made.descriptor,
        layers=[*below.layers, Descriptor.of(APP, OCI_LAYER_GZIP)],
        annotations=told if annotations is None else annotations,
    )
    for layer in below.layers:
        server.put_blob(name, server.repository("base").blobs[layer.digest])
    for blob in (made.raw, APP):
        server.put_blob(name, blob)
    put = server.put_manifest(name, manifest.raw, manifest.media_type, tag=tag)
    return replace(put, platform=made.platform)


def put_index(
    server: FakeRegistry, *entries: Descriptor, name: str = "app", tag: str = "1", **more: Any
) -> Index:
    """An index of these entries."""
    document = Index.build(manifests=entries, **more)
    server.put_manifest(name, document.raw, document.media_type, tag=tag)
    return document


def put_bases(
    server: FakeRegistry, *platforms: Platform, text: str = "base", tag: str = "1"
) -> list[Descriptor]:
    """Bases in one index of the repository `base`."""
    entries = [put_base(server, "base", platform, text=text) for platform in platforms]
    put_base_index(server, "base", tag, entries)
    return entries


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry with `app:1` for Linux and Windows, built on `base:1`, which has moved on."""
    with FakeRegistry() as server:
        seed(server)
        yield server


def seed(server: FakeRegistry) -> None:
    """What the fixture promises."""
    lower = put_bases(server, linux(), OLD)
    put_index(
        server,
        *(put_app(server, entry) for entry in lower),
        annotations={"a": "b", CREATED: "2026-06-01T00:00:00Z"},
    )
    put_bases(server, linux(), NEW, text="newer")


def app(server: FakeRegistry, tag: str = "1") -> Index:
    """The index of the application."""
    return Index.parse(server.repository("app").get_manifest(tag)[1])


def is_complete(server: FakeRegistry, tag: str, name: str = "app") -> bool:
    """Whether all that the index names is in its repository."""
    store = server.repository(name)
    for entry in app(server, tag).manifests:
        manifest, _ = read(store, entry.digest)
        if not all(store.has_blob(blob) for blob in (manifest.config, *manifest.layers)):
            return False
    return True


def test_linux_and_windows_go_to_what_the_bases_tag_is_now(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mounted layers, renewed times and annotations, the application's own settings, the same order."""
    place = f"{server.host}/app:1"
    told = run(capsys, place, "--dry-run")
    assert not [line for line in server.lines() if not line.startswith(("GET", "HEAD"))]
    document = run(capsys, place)
    assert (told["digest"], told["mounted"], told["sent"]) == tuple(
        document[key] for key in ("digest", "mounted", "sent")
    )
    index = app(server)
    assert [str(entry.platform) for entry in index.manifests] == ["linux/amd64", "windows/amd64:10.0.20348.2"]
    assert index.annotations == {"a": "b", CREATED: "2026-06-01T00:00:00Z"}
    assert is_complete(server, "1")
    manifest, config = read(server.repository("app"), index.manifests[1].digest)
    base = Index.parse(server.repository("base").get_manifest("1")[1]).manifests[1]
    assert manifest.annotations == {
        BASE_NAME: f"{server.host}/base:1", BASE_DIGEST: base.digest, CREATED: "2026-06-01T00:00:00Z",
    }  # fmt: skip
    assert (config.entrypoint, config.platform.os_version) == (("app.exe",), "10.0.20348.2")
    configs = sum(read(server.repository("app"), entry.digest)[0].config.size for entry in index.manifests)
    assert document["sent"] == configs


def test_a_newer_base_makes_a_newer_image(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without SOURCE_DATE_EPOCH the later of both times counts, with it that one alone."""
    place = f"{server.host}/app:1"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    run(capsys, place, "--tag", "dated")
    assert app(server, "dated").annotations[CREATED] == "2027-01-15T08:00:00Z"
    manifest, config = read(server.repository("app"), app(server, "dated").manifests[0].digest)
    assert config.created == manifest.annotations[CREATED] == "2027-01-15T08:00:00Z"
    assert app(server).annotations[CREATED] == "2026-06-01T00:00:00Z"


def test_how_many_requests_it_takes(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Every document is read once; a second run asks for what the bases' tags are and no more."""
    place = f"{server.host}/app:1"
    server.seen.clear()
    run(capsys, place)
    kinds = [line.split("/")[0] + line.split("/")[3] for line in server.lines()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        # The index, two images, the base's index, its two images and those below; twice to read back.
        "GET manifests": 1 + 2 + 1 + 2 + 2 + 2,
        "GET blobs": 2 + 2 + 2,
        # Whether the index and its images are there, and the tag right before it is set.
        "HEAD manifests": 3 + 1,
        # Two configs and the application's layer, which is there.
        "HEAD blobs": 3,
        "POST blobs": 2 + 2,
        "PUT blobs": 2,
        "PUT manifests": 2 + 1 + 1,
    }
    server.seen.clear()
    run(capsys, place)
    kinds = [line.split("/")[0] + line.split("/")[3] for line in server.lines()]
    assert {kind: kinds.count(kind) for kind in kinds} == {"GET manifests": 1 + 2 + 1, "GET blobs": 2}


def test_a_foreign_image_is_told_its_bases(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Without annotations a person names old and new base, by tag or digest, for each platform."""
    base = Index.parse(server.repository("base").get_manifest("1")[1])
    (lower,) = [put_base(server, "base", OLD)]
    put_base_index(server, "base", "old", [lower])
    put_app(server, lower, name="foreign", annotations={}, tag="1")
    place, old, new = (f"{server.host}/{name}" for name in ("foreign:1", "base:old", "base:1"))
    assert failure(capsys, place) == (
        f"error: no image of {place} says what it stands on: name the base that it was built on with --base\n"
    )
    document = run(capsys, place, "--base", old, "--to-base", f"windows={new}", "--tag", "2")
    (entry,) = document["entries"]
    assert (entry["old_base"], entry["new_base"]) == (lower.digest, base.manifests[1].digest)
    manifest, _ = read(server.repository("foreign"), document["digest"])
    assert manifest.annotations[BASE_NAME] == new
    assert server.repository("foreign").tags["1"] != document["digest"]
    by_digest = run(capsys, place, "--base", f"{server.host}/base@{lower.digest}", "--to-base", new)
    assert by_digest["digest"] == document["digest"]
    # Who names both again, as after a run that was interrupted, finds nothing to do.
    told = (f"{server.host}/foreign:2", "--base", old, "--to-base", new)
    again = run(capsys, *told)
    assert (again["changed"], again["entries"][0]["reason"]) == (False, "up to date")
    # From now on the image says itself what it stands on.
    assert run(capsys, place)["entries"][0]["reason"] == "up to date"


def test_a_wrong_base_is_refused(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Layers that are not the image's, a base of another build, and one that is for nobody here."""
    place = f"{server.host}/app:1"
    put_bases(server, linux(), OLD, text="unrelated", tag="other")
    put_bases(server, windows("10.0.26100.1"), tag="2025")
    untouched = dict(server.repository("app").tags)
    (_, windows_entry) = app(server).manifests
    image = f"windows/amd64:10.0.20348.1 ({short(windows_entry.digest)}) of {place}"
    said = failure(capsys, place, "--base", f"windows={server.host}/base:other")
    assert (
        said
        == (
            f"error: {image} cannot be put from {server.host}/base:other to {server.host}/base:other: its "
            "lowest layers are not those of its base: name the base that it was built on with --base\n"
        )
        or "up to date" in said
    )
    said = failure(capsys, place, "--to-base", f"windows={server.host}/base:2025")
    assert said == (
        f"error: the base {server.host}/base:2025 has no image for {image}: it offers "
        "windows/amd64:10.0.26100.1\n"
    )
    said = failure(capsys, place, "--to-base", f"windows:ltsc2025={server.host}/base:1", code=2)
    assert said == (
        f"error: --to-base windows:ltsc2025={server.host}/base:1 fits no image: there are linux/amd64, "
        "windows/amd64:10.0.20348.1\n"
    )
    assert server.repository("app").tags == untouched


def test_a_patch_is_not_taken_away(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """By a base's tag that has gone back, as a mirror's does that lags; a person may, and is warned."""
    place = f"{server.host}/app:1"
    run(capsys, place)
    newer = app(server)
    put_bases(server, linux(), OLD, text="newer")
    document = run(capsys, place)
    assert document["changed"] is False
    assert [entry["reason"] for entry in document["entries"]] == [
        "up to date", "its base is newer, 10.0.20348.1 is offered",
    ]  # fmt: skip
    document = run(capsys, place, "--to-base", f"windows={server.host}/base:1")
    old = f"windows/amd64:10.0.20348.2 ({short(newer.manifests[1].digest)}) of {place}"
    assert document["warnings"] == [f"{old} goes back to an older patch, 10.0.20348.1"]
    assert app(server).manifests[1].platform == OLD


def test_a_base_without_a_tag_is_not_followed(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an image says may be a mere digest, as a rebase to a digest leaves it, or no reference at all."""
    place = f"{server.host}/app:1"
    (entry,) = put_bases(server, OLD, tag="2")
    by_digest = f"{server.host}/base@{entry.digest}"
    for name, shown in ((by_digest, by_digest), ("oci:/etc", "'oci:/etc'"), ("a b", "'a b'")):
        put_index(server, put_app(server, entry, annotations={BASE_NAME: name, BASE_DIGEST: entry.digest}))
        image = f"{OLD} ({short(app(server).manifests[0].digest)}) of {place}"
        assert failure(capsys, place) == (
            f"error: {image} stands on {shown}, which names no tag to follow: "
            "name the new base with --to-base\n"
        )


def test_a_base_whose_index_lies_is_refused(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """What its config says counts; foreign layers are refused, too."""
    lie = put_base(server, "base", windows("10.0.26100.1"), said=NEW)
    put_base_index(server, "base", "1", [lie, put_base(server, "base", linux())])
    said = failure(capsys, f"{server.host}/app:1", code=4)
    assert "is an image for windows/amd64:10.0.26100.1: its index is wrong" in said
    manifest, _ = read(server.repository("base"), lie.digest)
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    _, config = read(server.repository("base"), put_base(server, "base", NEW).digest)
    foreign = Manifest.build(
        config=config.descriptor, layers=[replace(layer, media_type=kind) for layer in manifest.layers]
    )
    put = server.put_manifest("base", foreign.raw, foreign.media_type)
    put_base_index(server, "base", "1", [replace(put, platform=NEW), put_base(server, "base", linux())])
    assert "has foreign layers, which registries refuse today" in failure(capsys, f"{server.host}/app:1")


def test_a_base_that_is_gone(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Its name and what to do; nothing is written."""
    for entry in app(server).manifests:
        digest = read(server.repository("app"), entry.digest)[0].annotations[BASE_DIGEST]
        del server.repository("base").manifests[digest]
    said = failure(capsys, f"{server.host}/app:1")
    assert said.startswith(f"error: the base {server.host}/base")
    assert said.endswith("name another tag or digest of it with --base, or of a base with the same layers\n")


def test_an_index_within_an_index_is_not_rebased(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would have to be written anew, too."""
    put_index(server, app(server).descriptor, tag="outer")
    place = f"{server.host}/app:outer"
    assert failure(capsys, place) == (
        f"error: {place} has an index within the index, whose images cannot be replaced: open it first: "
        f"buildtools index create {place} {place}\n"
    )
    assert main(["index", "create", place, place, "-q"]) == 0
    assert run(capsys, place)["changed"] is True


def test_pinned_documents_serve_where_a_base_is_gone(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layers themselves are not needed: those of the old base go."""
    with FakeRegistry() as server:
        for tag, version in BUILDS.items():
            put_base_index(server, BASE, tag, [put_base(server, BASE, windows(version))])
        monkeypatch.setenv("BUILDTOOLS_MIRRORS", f"mcr.microsoft.com={server.host}/mcr")
        run(capsys, "hello", "--to", f"{server.host}/acme", "--tag", "1", verb="publish")
        server.repositories.pop(BASE)
        for tag, version in NEWER.items():
            put_base_index(server, BASE, tag, [put_base(server, BASE, windows(version), text="newer")])
        document = run(capsys, f"{server.host}/acme/hello:1")
        assert [entry["rebased"] for entry in document["entries"]] == [False, False, True, True, True]


def test_attestations_of_replaced_images_go(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """With a warning; those of images that are kept stay, and so do the kept images, byte for byte."""
    linux_image, windows_image = app(server).manifests
    kept = put_app(server, put_base(server, "base", windows("10.0.26100.1")), annotations={})
    proofs = []
    for subject in (windows_image, kept):
        put = server.put_manifest(
            "app", server.repository("app").get_manifest(subject.digest)[1], OCI_MANIFEST
        )
        about = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.digest,
        }
        unknown = Platform(os="unknown", architecture="unknown")
        proofs.append(replace(put, platform=unknown, annotations=about))
    put_index(server, linux_image, kept, windows_image, *proofs, tag="proven")
    document = run(capsys, f"{server.host}/app:proven")
    entries = app(server, "proven").manifests
    assert (entries[1], entries[3:]) == (kept, (proofs[1],))
    assert document["warnings"] == [
        (
            f"attestation {short(proofs[0].digest)} is about {short(windows_image.digest)}, which is "
            "replaced, and is left out: attest the new image"
        )
    ]


def test_what_both_have_changed_is_told(server: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """The image's own value stays."""
    entry = put_app(server, put_base(server, "base", OLD), settings=ConfigSettings(env={"V": "app"}))
    put_index(server, entry)
    below = Index.parse(server.repository("base").get_manifest("1")[1]).manifests[1]
    manifest, config = read(server.repository("base"), below.digest)
    other = build_config(
        config,
        platform=NEW,
        settings=ConfigSettings(env={"V": "base"}),
        diff_ids=(),
        history=(),
        created=config.created,
    )
    server.put_blob("base", other.raw)
    made = Manifest.build(config=other.descriptor, layers=manifest.layers)
    put = server.put_manifest("base", made.raw, made.media_type)
    put_base_index(server, "base", "1", [replace(put, platform=NEW)])
    (warning,) = run(capsys, f"{server.host}/app:1")["warnings"]
    assert warning.endswith(
        "have both changed Env V: the image's own values stay; build it again if the base's matter"
    )


def test_only_the_tag_that_was_read_is_moved(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expected before, and looked at again right before it is set."""
    place, digest = f"{server.host}/app:1", app(server).descriptor.digest
    said = failure(capsys, place, "--expect-current", digest_of(b"x"), code=4)
    assert said.startswith(f"error: {place} stands on {digest}, and {digest_of(b'x')} was")
    assert "only what is there can be rebased" in failure(capsys, place, "--expect-current", "none", code=2)

    def moves(response: Any) -> Any:
        server.repository("app").tags["1"] = server.repository("app").tags["other"]
        return response

    put_index(server, *app(server).manifests[:1], tag="other")
    server.rules.append(Rule(pattern="PUT /v2/app/manifests/sha256", fault=moves))
    assert "somebody else has published" in failure(capsys, place, code=4)
    expected = app(server, "other").descriptor.digest
    run(capsys, place, "--expect-current", expected)
    assert run(capsys, place, "--expect-current", expected)["changed"] is False


def test_what_is_named_by_digest_gets_another_tag(
    server: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The digest itself cannot be moved."""
    before = app(server).descriptor.digest
    document = run(capsys, f"{server.host}/app@{before}", "--tag", "2", "--tag", "3")
    tags = server.repository("app").tags
    assert tags == {"1": before, "2": document["digest"], "3": document["digest"]}
    said = failure(capsys, f"{server.host}/app@{digest_of(b'none')}", "--tag", "2")
    assert "was not found" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["127.0.0.1:9/app"], "127.0.0.1:9/app has no tag: name the tag, as in 127.0.0.1:9/app:1.0"),
        (["127.0.0.1:9/app@" + digest_of(b"")], "has a digest, which cannot be set"),
        (["127.0.0.1:9/app:1", "--base", "windows:2022=x"], "windows:2022=x: unknown Windows release '2022'"),
        (["127.0.0.1:9/app:1", "--to-base", "A b"], "A b: reference 'A b' has a space"),
        (["oci:nowhere"], "nowhere is no OCI image layout"),
        (["127.0.0.1:9/app:1", "-C", "nowhere"], "nowhere has no images folder"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence."""
    assert sentence in failure(capsys, *arguments, code=1 if arguments == ["oci:nowhere"] else 2)


def rebased(server: FakeRegistry) -> None:
    """Rebase by the use case itself, with a clock that does not wait."""
    client = Client(Settings(), clock=FakeClock().clock)

    def opened(text: str) -> tuple[Registry, str]:
        name, _, tag = text.removeprefix(f"{server.host}/").partition("@")[0].partition(":")
        identifier = text.partition("@")[2] or tag
        return Registry(server.host, name, settings=Settings(), client=client), identifier

    try:
        rebaser = Rebaser(target=opened("app")[0], identifier="1", tags=("1", "latest"), open_base=opened)
        rebaser.publish(rebaser.plan())
    finally:
        client.close()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_that_is_cut_anywhere_leaves_a_whole_index(before: bool) -> None:
    """From any request on nothing gets through: each tag is as it was, or right; again, and all is right."""
    with FakeRegistry() as server:
        seed(server)
        rebased(server)
        count = len(server.seen)
    for place in range(count):
        with FakeRegistry() as server:
            seed(server)
            old = app(server).descriptor.digest
            server.rules.append(Rule(pattern="", fault=fake.reset(), skip=place, times=ALWAYS, before=before))
            with suppress(BuildtoolsError):
                rebased(server)
            found = dict(server.repository("app").tags)
            assert all(is_complete(server, tag) for tag in found)
            server.rules.clear()
            rebased(server)
            right = app(server).descriptor.digest
            assert server.repository("app").tags == {"1": right, "latest": right}
            assert is_complete(server, "1")
            assert set(found.values()) <= {old, right}


def test_a_layout_leaves_out_what_it_left_out_before(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The layers of a base stay in its registry, unless the layout has those of the old one."""
    assert main(["build", "hello", "-q"]) == 0
    layout = Layout(project / "dist/oci/hello")
    assert len(layout.missing()) == 3
    patch(vendor, "ltsc2022")
    document = run(capsys, "oci:dist/oci/hello")
    assert (document["changed"], document["tags"]) == (True, ["latest"])
    assert len(layout.missing()) == 3
    assert main(["build", "hello", "--full", "-q"]) == 0
    run(capsys, "oci:dist/oci/hello")
    assert not layout.missing()
    assert run(capsys, "oci:dist/oci/hello:latest", "--dry-run")["changed"] is False


def test_pins_say_what_an_image_stands_on(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the layers, where annotations do not; and they have the documents of a base that is gone."""
    run(capsys, "hello", "--to", f"{vendor.host}/acme", "--tag", "1", verb="publish")
    place, found = f"{vendor.host}/acme/hello", []
    registry = Registry(vendor.host, "acme/hello", settings=Settings())
    for entry in index_at(f"{place}:1").manifests:
        manifest = Manifest.parse(registry.get_manifest(entry.digest)[1])
        bare = Manifest.build(config=manifest.config, layers=manifest.layers)
        put = registry.put_manifest(bare.raw, bare.media_type)
        found.append(replace(put, platform=entry.platform))
    document = Index.build(manifests=found)
    registry.put_manifest(document.raw, document.media_type, tag="bare")
    patch(vendor, "ltsc2022")
    entries = run(capsys, f"{place}:bare")["entries"]
    assert [entry["rebased"] for entry in entries] == [False, False, False, True, False]
    assert entries[3]["base"] == "mcr.microsoft.com/windows/nanoserver:ltsc2022"


def test_a_host_process_image_stays(
    project: Path, vendor: DockerRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its base comes with the tool."""
    run(capsys, "host", "--to", f"{vendor.host}/acme", "--tag", "1", verb="publish")
    document = run(capsys, f"{vendor.host}/acme/host:1")
    assert (document["changed"], document["entries"][0]["reason"]) == (
        False, "on the HostProcess base",
    )  # fmt: skip


def test_stand_in_bases_by_stores_alone() -> None:
    """The use case takes any store for bases; a registry gets no stand-ins unless it is to be thrown away."""
    title = "registry.example/base:1"
    bases = {
        version: stand_in_base(windows(version), title=title) for version in ("10.0.20348.1", "10.0.20348.2")
    }
    with FakeRegistry() as server:
        for version, base in bases.items():
            for blob in base.blobs.values():
                server.put_blob("base", blob)
            server.put_manifest("base", base.manifest.raw, base.manifest.media_type, tag=version)
        first = bases["10.0.20348.1"].manifest.descriptor
        put_app(server, first, annotations={BASE_NAME: title, BASE_DIGEST: first.digest}, tag="1")
        client = Client(Settings())
        base_store = Registry(server.host, "base", settings=Settings(), client=client)
        rebaser = Rebaser(
            target=Registry(server.host, "app", settings=Settings(), client=client),
            identifier="1",
            tags=("2",),
            open_base=lambda name: (base_store, name.partition("@")[2] or "10.0.20348.2"),
        )
        with pytest.raises(BuildtoolsError) as caught:
            rebaser.plan()
        assert str(caught.value) == (
            f"{title} is a stand-in base, and what stands on it is never published: name a real base with "
            "--to-base"
        )
        rebaser.stand_ins = True
        plan = rebaser.plan()
        moved = rebaser.publish(plan)
        client.close()
        layers = bases["10.0.20348.2"].manifest.layers
        assert moved.mounted == sum(layer.size for layer in layers)
        assert server.repository("app").tags["2"] == plan.digest


def test_a_folder_of_pictures_is_no_project(
    server: FakeRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody says that it is one."""
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    said = failure(capsys, f"{server.host}/app:1", "-C", ".", code=2)
    assert said == f"error: {tmp_path / 'images'} holds no image: write images/<name>/image.yaml\n"
    assert run(capsys, f"{server.host}/app:1")["changed"] is True
