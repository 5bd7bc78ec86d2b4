"""Promotions: all that belongs together arrives, nothing is changed, and a tag never leads astray."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.errors import (
    BuildtoolsError,
    ConfigurationError,
    PartialError,
    UnavailableError,
    VerificationError,
)
from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest
from buildtools.promote import Order, Promotion, promote
from buildtools.settings import Settings
from buildtools.stores import profiles
from buildtools.stores.copy import copy
from buildtools.stores.layout import Layout
from buildtools.stores.referrers import fallback_tag
from buildtools.stores.registry import Registry
from buildtools.windows.bases import STAND_IN_LABEL
from tests.fakes import registry as fake
from tests.fakes.command import json_of
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.images import image, index
from tests.fakes.profiles import PROFILES, registry_like
from tests.fakes.promotions import (
    IMAGES,
    INDEX,
    LINUX,
    NESTED,
    PROVENANCE,
    REFERRERS,
    SBOM,
    SOURCE,
    TARGET,
    faults,
    is_whole,
    patient,
    put_fallback,
    put_referrers,
    referrer,
    seed,
)
from tests.fakes.pushing import BLOB, DATA
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

KINDS = {"api": True, "fallback": False}
SIG = f"{fallback_tag(INDEX.descriptor.digest)}.sig"


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """A registry with the index and all that refers to it."""
    with FakeRegistry(referrers=KINDS[request.param]) as server:
        seed(server, referrers=REFERRERS)
        yield server


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """An empty registry."""
    with FakeRegistry(referrers=KINDS[request.param]) as server:
        yield server


def order(
    source: FakeRegistry, target: FakeRegistry, *tags: str, identifier: str = "1.0", **more: Any
) -> Order:
    """From the source's repository to the target's; clients that do not sleep."""
    return Order(
        source=patient(source, SOURCE),
        identifier=identifier,
        target=patient(target),
        tags=tags or ("1.0",),
        **more,
    )


def again(source: FakeRegistry, target: FakeRegistry, **more: Any) -> tuple[Promotion, list[str]]:
    """A second run, and what it asked both of them."""
    source.seen.clear()
    target.seen.clear()
    done = promote(order(source, target, **more))
    return done, [*source.lines(), *([] if source is target else target.lines())]


def written(lines: Sequence[str]) -> list[str]:
    """The requests that write."""
    return [line for line in lines if not line.startswith(("GET", "HEAD"))]


def test_all_that_belongs_together_arrives(source: FakeRegistry, target: FakeRegistry) -> None:
    """Index, children, blobs, referrers and referrers of referrers, whichever way each registry knows."""
    done = promote(order(source, target, "1.0", "latest"))
    assert faults(target, tags=("1.0", "latest"), referrers=REFERRERS) == []
    assert (done.digest, done.manifests, done.referrers) == (INDEX.descriptor.digest, 4, 3)
    assert len(done.blobs.sent) == len({blob for item in (*IMAGES, *REFERRERS) for blob in item.blobs})
    assert done.changed
    repeated, lines = again(source, target)
    assert (repeated.changed, repeated.referrers, written(lines)) == (False, 0, [])


def test_what_refers_to_it_later_is_brought_later(source: FakeRegistry, target: FakeRegistry) -> None:
    """A run that finds the tag right still brings what is new, and only that."""
    promote(order(source, target))
    late = referrer(LINUX.manifest.descriptor, b"a scan", "application/scan")
    on_late = referrer(late.manifest.descriptor, b"its signature", "application/signature")
    put_referrers(source, SOURCE, late, on_late)
    done, lines = again(source, target)
    assert (done.manifests, done.referrers, len(done.blobs.sent)) == (0, 2, 2)
    assert faults(target, referrers=[*REFERRERS, late, on_late]) == []
    assert "PUT /v2/release/app/manifests/1.0" not in lines


def test_within_one_registry_no_bytes_go(source: FakeRegistry) -> None:
    """Every blob is mounted without a look first."""
    done = promote(order(source, source))
    assert (done.blobs.sent, done.blobs.present) == ((), ())
    assert faults(source, referrers=REFERRERS) == []
    assert [
        seen for seen in source.seen if seen.method in {"PATCH", "PUT"} and "/blobs/" in seen.target
    ] == []


def test_a_run_that_finds_nothing_to_do_asks_little() -> None:
    """One HEAD a tag of the target's, and what refers to each manifest of the source's."""
    with FakeRegistry() as source, FakeRegistry() as target:
        seed(source)
        promote(order(source, target))
        _, lines = again(source, target)
        assert target.lines() == [f"HEAD /v2/{TARGET}/manifests/1.0"]
        digests = [INDEX.descriptor.digest, *(item.manifest.descriptor.digest for item in IMAGES)]
        assert sorted(source.lines()) == sorted([
            f"GET /v2/{SOURCE}/manifests/1.0",
            f"GET /v2/{SOURCE}/tags/list?n=1000&last=sha256-",
            *(f"GET /v2/{SOURCE}/referrers/{digest}" for digest in digests),
        ])  # fmt: skip
        _, lines = again(source, target, referrers=False)
        assert sorted(lines) == [f"GET /v2/{SOURCE}/manifests/1.0", f"HEAD /v2/{TARGET}/manifests/1.0"]


def test_without_referrers(source: FakeRegistry, target: FakeRegistry) -> None:
    """Nothing of them is asked, and none arrive."""
    done = promote(order(source, target, referrers=False))
    assert done.referrers == 0
    assert faults(target) == []
    assert len(target.repository(TARGET).manifests) == 4
    assert [line for line in source.lines() if "referrers" in line or "tags/list" in line] == []


def test_the_order_of_a_promotion() -> None:
    """Blobs, manifests, the index, what refers to them, the tags; then all tags and the digest are read."""
    with FakeRegistry() as source, FakeRegistry() as target:
        seed(source, referrers=REFERRERS)
        promote(order(source, target, "1.0", "latest"))
        puts = [line.rpartition("/")[2] for line in written(target.lines()) if "/blobs/" not in line]
        kinds = ["blobs" if "/blobs/" in line else "manifests" for line in written(target.lines())]
        last = target.lines()[-3:]
    assert kinds == sorted(kinds)
    assert set(puts[:3]) == {item.manifest.descriptor.digest for item in IMAGES}
    assert puts[3] == INDEX.descriptor.digest
    assert set(puts[4:6]) == {item.manifest.descriptor.digest for item in (SBOM, PROVENANCE)}
    assert puts[6:] == [REFERRERS[2].manifest.descriptor.digest, "1.0", "latest"]
    places = ("1.0", "latest", INDEX.descriptor.digest)
    assert sorted(last) == sorted(f"GET /v2/{TARGET}/manifests/{place}" for place in places)


def test_nested_indexes_stay_nested(target: FakeRegistry) -> None:
    """With what refers to the innermost manifests."""
    with FakeRegistry() as source:
        seed(source, root=NESTED, referrers=[SBOM])
        promote(order(source, target))
        assert faults(target, root=NESTED, referrers=[SBOM]) == []
        late = referrer(LINUX.manifest.descriptor, b"late")
        put_referrers(source, SOURCE, late)
        assert again(source, target)[0].referrers == 1
        assert faults(target, root=NESTED, referrers=[SBOM, late]) == []


def test_a_single_image_by_digest(source: FakeRegistry, target: FakeRegistry) -> None:
    """What is promoted need not be an index."""
    digest = LINUX.manifest.descriptor.digest
    done = promote(order(source, target, "linux", identifier=digest))
    assert (done.manifests, done.referrers) == (1, 1)
    assert target.repository(TARGET).tags["linux"] == digest


def test_another_tag_in_the_same_repository(source: FakeRegistry) -> None:
    """Is one tag and nothing else."""
    here = order(source, source, "stable")
    done = promote(replace(here, target=patient(source, SOURCE)))
    assert (done.manifests, done.blobs.sent, done.blobs.mounted) == (0, (), ())
    assert written(source.lines()) == [f"PUT /v2/{SOURCE}/manifests/stable"]


def test_real_registries(registry: DockerRegistry, tmp_path: Path) -> None:
    """Out of a layout, then within docker-registry: everything is there, and mounted the second time."""
    layout = Layout(tmp_path)
    with FakeRegistry() as source:
        seed(source, referrers=REFERRERS)
        copy(patient(source, SOURCE), layout, INDEX.descriptor, tag="1.0")
        for item in REFERRERS:
            copy(
                patient(source, SOURCE),
                layout,
                item.manifest.descriptor,
                tag=item.manifest.descriptor.digest[7:],
            )
    names = [f"promote-{free_port()}/{name}" for name in ("first", "second")]
    first, second = (Registry(registry.host, name, settings=Settings()) for name in names)
    done = promote(Order(source=layout, identifier="1.0", target=first, tags=("1.0",)))
    assert (done.referrers, done.blobs.mounted) == (3, ())
    done = promote(Order(source=first, identifier="1.0", target=second, tags=("1.0", "latest")))
    assert (done.referrers, done.blobs.sent) == (3, ())
    assert second.get_manifest("latest") == (INDEX.descriptor, INDEX.raw)
    for item in REFERRERS:
        subject = item.manifest.subject
        assert subject
        assert [entry.digest for entry in second.referrers(subject.digest)] == [
            item.manifest.descriptor.digest
        ]
    assert not promote(Order(source=first, identifier="1.0", target=second, tags=("1.0",))).changed
    layout.close()


def signatures(*texts: bytes) -> Manifest:
    """What cosign kept under a tag: a layer each."""
    layers = [Descriptor.of(text, "application/vnd.dev.cosign.simplesigning.v1+json") for text in texts]
    return Manifest.build(config=LINUX.manifest.config, layers=layers)


def put_signatures(server: FakeRegistry, name: str, *texts: bytes) -> None:
    """Seed signatures of the index as cosign had them."""
    for text in texts:
        server.put_blob(name, text)
    server.put_blob(name, LINUX.blobs[0])
    manifest = signatures(*texts)
    server.put_manifest(name, manifest.raw, OCI_MANIFEST, tag=SIG)


@pytest.mark.parametrize("listed", [True, False])
def test_signatures_under_tags_of_their_own(listed: bool) -> None:
    """Are brought, brought again when there are more, and never replaced where some would be lost."""
    with FakeRegistry() as source, FakeRegistry() as target:
        if not listed:
            source.rules.append(Rule(pattern="/tags/list", fault=fake.status(504), times=ALWAYS))
        seed(source)
        put_signatures(source, SOURCE, b"one")
        promote(order(source, target))
        assert target.repository(TARGET).tags[SIG] == signatures(b"one").descriptor.digest
        assert written(again(source, target)[1]) == []
        put_signatures(source, SOURCE, b"one", b"two")
        promote(order(source, target))
        assert target.repository(TARGET).tags[SIG] == signatures(b"one", b"two").descriptor.digest
        put_signatures(source, SOURCE, b"three")
        done, lines = again(source, target)
        assert done.warnings == (
            f"{target.host}/{TARGET}:{SIG} stays as it is: it holds signatures that the source has not",
        )
        assert written(lines) == []


def test_a_layer_that_registries_must_not_hold() -> None:
    """Is named and not copied."""
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    old = image(layers=(b"windows",), layer_type=foreign)
    with FakeRegistry() as source, FakeRegistry() as target:
        old.put(source.repository(SOURCE), tag="1.0")
        done = promote(order(source, target))
        assert [blob.digest for blob in done.blobs.sent] == [old.manifest.config.digest]
        assert target.repository(TARGET).tags["1.0"] == old.manifest.descriptor.digest


def test_a_dry_run_writes_nothing(source: FakeRegistry, target: FakeRegistry) -> None:
    """It says what a real one then does."""
    dry = promote(order(source, target, dry_run=True))
    assert written([*source.lines(), *target.lines()]) == []
    assert [part.kind for part in dry.parts if part.kind != "blob"] == [
        *["manifest"] * 3, "index", *["referrer"] * 3, "tag"
    ]  # fmt: skip
    assert {part.doing for part in dry.parts} == {"send", "write", "set"}
    real = promote(order(source, target))
    assert (real.blobs, real.manifests, real.referrers) == (dry.blobs, dry.manifests, dry.referrers)
    dry = promote(order(source, target, dry_run=True))
    assert [(part.name, part.doing) for part in dry.parts] == [("1.0", "there")]
    within = promote(order(source, source, dry_run=True))
    assert {part.doing for part in within.parts if part.kind == "blob"} == {"mount"}


OTHER = index(LINUX)


def moved(target: FakeRegistry, tag: str = "1.0") -> None:
    """Somebody else sets the tag."""
    shelf = target.repository(TARGET)
    LINUX.put(shelf)
    shelf.put_manifest(OTHER.raw, OCI_INDEX, tag=tag)


@pytest.mark.parametrize(
    ("expected", "found"),
    [(None, OTHER.descriptor.digest), (INDEX.descriptor.digest, OTHER.descriptor.digest)],
)
def test_a_tag_that_somebody_else_has_moved(expected: Any, found: str, target: FakeRegistry) -> None:
    """Nothing is sent where the tag is not what was expected."""
    with FakeRegistry() as source:
        seed(source)
        moved(target)
        with pytest.raises(VerificationError) as caught:
            promote(order(source, target, guarded=True, expected=expected))
        assert str(caught.value) == (
            f"{target.host}/{TARGET}:1.0 stands on {found}, and {expected or 'nothing'} was expected: "
            "somebody else has published: look at what is there, then run the command again"
        )
        assert written(target.lines()) == []


@pytest.mark.parametrize("expected", [None, OTHER.descriptor.digest])
def test_a_tag_that_is_where_it_should_be(expected: Any, target: FakeRegistry) -> None:
    """Is moved; and once it is moved the same command finds nothing to do."""
    with FakeRegistry() as source:
        seed(source)
        if expected:
            moved(target)
        assert promote(order(source, target, guarded=True, expected=expected)).changed
        assert not promote(order(source, target, guarded=True, expected=expected)).changed


def test_a_tag_that_moves_while_blobs_are_sent(target: FakeRegistry) -> None:
    """Is looked at once more just before it is set."""

    def moving(answer: fake.Response) -> fake.Response:
        moved(target)
        return answer

    target.rules.append(Rule(pattern=f"^PUT .*{INDEX.descriptor.digest}", fault=moving))
    with FakeRegistry() as source:
        seed(source)
        with pytest.raises(VerificationError, match="and nothing was expected"):
            promote(order(source, target, guarded=True))
    assert target.repository(TARGET).tags["1.0"] == OTHER.descriptor.digest


def test_two_that_promote_to_one_tag(target: FakeRegistry) -> None:
    """Who is overtaken after the tag was set is told."""

    def overtaken(answer: fake.Response) -> fake.Response:
        moved(target)
        return answer

    target.rules.append(Rule(pattern="^PUT .*/manifests/1.0", fault=overtaken))
    with FakeRegistry() as source:
        seed(source)
        with pytest.raises(VerificationError) as caught:
            promote(order(source, target))
    assert str(caught.value) == (
        f"{target.host}/{TARGET}:1.0 is {OTHER.descriptor.digest} right after it was set to "
        f"{INDEX.descriptor.digest}: somebody else publishes under this tag: run again, or use another tag"
    )


def test_some_tags_are_set_and_some_not(target: FakeRegistry) -> None:
    """In their order, and the error says which; none set is the registry's own error."""
    immutable = Rule(pattern="/manifests/1.0$", fault=fake.errors(400, "DENIED", "immutable"), times=ALWAYS)
    immutable.pattern = "^PUT .*/manifests/1.0$"
    immutable.before = True
    target.rules.append(immutable)
    with FakeRegistry() as source:
        seed(source)
        with pytest.raises(PartialError) as caught:
            promote(order(source, target, "latest", "1.0", "2.0"))
        assert str(caught.value).startswith(f"{target.host}/{TARGET}: latest set, 1.0, 2.0 not: ")
        assert set(target.repository(TARGET).tags) == {"latest"}
        with pytest.raises(BuildtoolsError, match="DENIED: immutable"):
            promote(order(source, target, "1.0", "2.0"))


def stand_in() -> FakeRegistry:
    """A registry whose image stands on a stand-in base."""
    platform = LINUX.platform
    config = build_config(
        None,
        platform=platform,
        settings=ConfigSettings(labels={STAND_IN_LABEL: "true"}),
        diff_ids=(digest_of(b"layer"),),
        history=("",),
        created="2026-01-01T00:00:00Z",
    )
    manifest = Manifest.build(config=config.descriptor, layers=[Descriptor.of(b"layer", "text/plain")])
    server = FakeRegistry()
    server.put_blob(SOURCE, config.raw)
    server.put_blob(SOURCE, b"layer")
    entry = replace(manifest.descriptor, platform=platform)
    server.put_manifest(SOURCE, manifest.raw, OCI_MANIFEST)
    server.put_manifest(SOURCE, Index.build(manifests=[entry]).raw, OCI_INDEX, tag="1.0")
    return server


@pytest.mark.parametrize("dry_run", [True, False])
def test_stand_ins_are_never_promoted(dry_run: bool, target: FakeRegistry) -> None:
    """Nothing is sent of them, but into a registry that is thrown away."""
    with stand_in() as source:
        with pytest.raises(ConfigurationError) as caught:
            promote(order(source, target, dry_run=dry_run))
        assert str(caught.value) == (
            f"{source.host}/{SOURCE} stands on a stand-in base (linux/amd64), which is never published: "
            "build it on its real bases"
        )
        assert written(target.lines()) == []
        assert promote(order(source, target, stand_ins=True)).changed


POINTS = 100
"""More requests than a promotion makes of its target."""


def cut(target: FakeRegistry, point: int, side: str) -> None:
    """Let the connection break before or after a request is obeyed, and every later one before it is."""
    after = side == "after"
    rules = [Rule(pattern="", fault=fake.reset(), skip=point + after, times=ALWAYS, before=True)]
    target.rules[:] = [*rules, Rule(pattern="", fault=fake.reset(), skip=point)] if after else rules


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("api", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)], ids=["some", "all"])
def test_a_run_that_ends_at_any_request(side: str, api: bool, step: int) -> None:
    """Whatever is cut, every tag leads to something whole, and the same command then brings the rest."""
    with FakeRegistry() as source, FakeRegistry(referrers=api) as target:
        seed(source, referrers=REFERRERS)
        for point in range(0, POINTS, step):
            target.repositories.clear()
            moved(target)
            cut(target, point, side)
            ended = True
            try:
                promote(order(source, target))
            except (UnavailableError, PartialError):
                ended = False
            target.rules.clear()
            assert is_whole(target), point
            tag = target.repository(TARGET).tags["1.0"]
            assert tag in {OTHER.descriptor.digest, INDEX.descriptor.digest}, point
            promote(order(source, target))
            assert faults(target, referrers=REFERRERS) == [], point
            if ended:
                return
    pytest.fail(f"{POINTS} points were not enough")


@pytest.mark.parametrize("name", PROFILES)
def test_registries_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into each and out of each, with what refers to it; a large blob, too."""
    with FakeRegistry() as plain, registry_like(name) as odd, FakeRegistry() as back:
        seed(plain, referrers=REFERRERS)
        promote(order(plain, odd))
        assert faults(odd, referrers=REFERRERS) == []
        out = Order(source=patient(odd), identifier="1.0", target=patient(back), tags=("1.0",))
        promote(out)
        assert faults(back, referrers=REFERRERS) == []
    monkeypatch.setattr(profiles, "DEFAULT", replace(profiles.DEFAULT, at_once=1024 * 1024))
    with FakeRegistry() as plain, registry_like(name) as odd:
        plain.put_blob(SOURCE, DATA)
        store = patient(odd)
        store.put_blob(BLOB, lambda: patient(plain, SOURCE).get_blob(BLOB))
        assert odd.repository(TARGET).blobs == {BLOB.digest: DATA}


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """The document of `promote --json`."""
    return json_of(capsys, "promote", *arguments, code=code)


def test_the_command(source: FakeRegistry, target: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """The tag of SRC is kept; the document says what it took, and a second run that there was nothing."""
    here, there = f"{source.host}/{SOURCE}:1.0", f"{target.host}/{TARGET}"
    document = run(capsys, here, there)
    sent = document.pop("bytes")
    assert sent == sum(len(blob) for blob in {blob for item in (*IMAGES, *REFERRERS) for blob in item.blobs})
    assert document == {
        "schema": 1,
        "source": here,
        "target": there,
        "digest": INDEX.descriptor.digest,
        "tags": ["1.0"],
        "changed": True,
        "dry_run": False,
        "blobs": {"sent": 11, "mounted": 0, "present": 0},
        "manifests": 4,
        "referrers": 3,
        "warnings": [],
    }
    assert run(capsys, here, there)["changed"] is False
    assert run(capsys, here, there, "--tag", "a", "--tag", "b")["tags"] == ["a", "b"]
    assert run(capsys, here, f"{there}:c", "--tag", "b")["tags"] == ["c", "b"]
    dry = run(capsys, here, f"{there}:d", "--dry-run", "--no-referrers", "--expect-current", "none")
    assert [part["doing"] for part in dry["parts"]].count("set") == 1
    assert main(["promote", here, f"{there}:e", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "would be promoted" in out
    assert main(["promote", here, f"{there}:e"]) == 0
    assert "up to date" not in capsys.readouterr().out


def test_a_layout_has_its_tag(dist: Path, tmp_path: Path, target: FakeRegistry, capsys: Any) -> None:
    """A folder with one image needs no name; what was built on stand-ins is refused."""
    layout = Layout(tmp_path / "layout")
    with FakeRegistry() as source:
        seed(source)
        copy(patient(source, SOURCE), layout, INDEX.descriptor, tag="1.0")
    layout.close()
    assert run(capsys, f"oci:{layout.path}", f"{target.host}/{TARGET}")["tags"] == ["1.0"]
    folder = next(path for path in (dist / "oci").iterdir() if path.name == "network-validator")
    document = run(capsys, f"oci:{folder}", f"{target.host}/{TARGET}", code=2)
    assert "stands on a stand-in base" in document["findings"][0]["message"]


PLACE = "127.0.0.1:9/b"
MISTAKES = {
    "no tag": (
        ["a@{digest}", PLACE],
        (
            "a@{digest} has no tag that could be kept: name one, as in 127.0.0.1:9/b:1.0: "
            "what has no tag is deleted by many registries"
        ),
    ),
    "no registry": (
        ["a:1", "acme/app"],
        "acme/app does not say which registry it is in: write docker.io/acme/app",
    ),
    "a folder": (
        ["a:1", "oci:dist"],
        "oci:dist is a folder, and images are promoted to registries: write registry/repository[:tag]",
    ),
    "a digest": (
        ["a:1", f"{PLACE}@{{digest}}"],
        (
            "127.0.0.1:9/b@{digest} names a digest, and what is promoted has its own: "
            "write 127.0.0.1:9/b:tag; --expect-current holds a tag to a digest"
        ),
    ),
    "upper case": (["a:1", "127.0.0.1:9/B"], "'127.0.0.1:9/B' has upper-case letters in its repository"),
    "a tag": (["a:1", PLACE, "--tag", "a b"], "'a b'"),
    "expected": (
        ["a:1", PLACE, "--expect-current", "x"],
        (
            "--expect-current: 'x' is not a digest: write sha256: and 64 hexadecimal digits: "
            "or none for a tag that is not there yet"
        ),
    ),
    "nothing expected": (["a:1", PLACE, "--expect-current", ""], "--expect-current: '' is not a digest"),
    "a space": (["a b", PLACE], "has a space or line break in it"),
    "no layout": (["oci:nowhere", PLACE], "nowhere is not an OCI image layout"),
    "an empty layout": (["oci:{empty}", PLACE], "holds no image: build one into it, or name another layout"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_meant(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with a sentence, before any registry is asked."""
    arguments, sentence = MISTAKES[name]
    layout = Layout(tmp_path / "empty")
    layout.new_blob().__exit__(None, None, None)
    layout.close()
    words = {"digest": INDEX.descriptor.digest, "empty": str(layout.path)}
    code = main(["promote", "-q", *(argument.format(**words) for argument in arguments)])
    assert sentence.format(**words) in capsys.readouterr().err
    assert code == 2


def test_an_entry_of_a_fallback_tag_that_refers_to_something_else(target: FakeRegistry) -> None:
    """Is no referrer, and stays where it is."""
    with FakeRegistry(referrers=False) as source:
        seed(source, referrers=[PROVENANCE, SBOM])
        put_fallback(source.repository(SOURCE), INDEX.descriptor.digest, [SBOM.manifest.descriptor])
        source.repository(SOURCE).tags.pop(fallback_tag(LINUX.manifest.descriptor.digest))
        assert promote(order(source, target)).referrers == 1
        assert faults(target, referrers=[PROVENANCE]) == []
        assert SBOM.manifest.descriptor.digest not in target.repository(TARGET).manifests


def test_a_registry_that_does_not_mount(source: FakeRegistry) -> None:
    """Gets the bytes out of its own other repository."""
    source.uploads.mounts = False
    done = promote(order(source, source))
    assert (done.blobs.mounted, done.blobs.present, len(done.blobs.sent)) == ((), (), 11)
    assert faults(source, referrers=REFERRERS) == []


def test_an_attestation_in_an_index_that_nobody_names(target: FakeRegistry) -> None:
    """Whoever was killed before a part of an index was named as a referrer names it the next time."""
    attestation = referrer(LINUX.manifest.descriptor, b"attestation")
    root = Index.build(manifests=[*INDEX.manifests, attestation.manifest.descriptor])
    with FakeRegistry() as source:
        seed(source)
        put_referrers(source, SOURCE, attestation)
        source.put_manifest(SOURCE, root.raw, root.media_type, tag="1.0")
        promote(order(source, target))
        assert faults(target, root=root, referrers=[attestation]) == []
        target.repository(TARGET).tags.pop(fallback_tag(LINUX.manifest.descriptor.digest), None)
        again(source, target)
        assert faults(target, root=root, referrers=[attestation]) == []
        assert not again(source, target)[0].changed


def test_a_dry_run_names_the_tags_of_signatures() -> None:
    """They are set before the image's own."""
    with FakeRegistry() as source, FakeRegistry() as target:
        seed(source)
        put_signatures(source, SOURCE, b"one")
        dry = promote(order(source, target, dry_run=True))
    assert [(part.name, part.doing) for part in dry.parts if part.kind == "tag"] == [
        (SIG, "set"),
        ("1.0", "set"),
    ]


def test_a_layout_with_several_images(
    tmp_path: Path, target: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is named, by tag or digest."""
    layout = Layout(tmp_path / "layout")
    with FakeRegistry() as source:
        seed(source)
        for root, tag in ((INDEX.descriptor, "1.0"), (LINUX.manifest.descriptor, "linux")):
            copy(patient(source, SOURCE), layout, root, tag=tag)
    layout.close()
    place = f"{target.host}/{TARGET}"
    message = run(capsys, f"oci:{layout.path}", place, code=2)["findings"][0]["message"]
    assert message == f"{layout.path} holds 2 images"
    assert run(capsys, f"oci:{layout.path}:linux", place)["tags"] == ["linux"]
    document = run(capsys, f"oci:{layout.path}@{INDEX.descriptor.digest}", f"{place}:1.0")
    assert (document["tags"], document["digest"]) == (["1.0"], INDEX.descriptor.digest)
    message = run(capsys, f"oci:{layout.path}@{INDEX.descriptor.digest}", place, code=2)["findings"][0][
        "message"
    ]
    assert message.endswith("has no tag that could be kept")
