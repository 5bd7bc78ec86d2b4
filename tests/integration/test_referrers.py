"""Referrers: by the API, by the fallback tag, and what keeps the two apart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildtools.errors import AuthenticationError, BuildError, UnavailableError
from buildtools.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.reference import parse_reference
from buildtools.settings import Settings
from buildtools.stores.layout import Layout
from buildtools.stores.referrers import (
    fallback_tag,
    layout_referrers,
    referrer_descriptor,
    subject_of,
)
from buildtools.stores.registry import Registries, Registry
from tests.fakes import registry as fake
from tests.fakes.docker_registry import DockerRegistry, free_port
from tests.fakes.images import image
from tests.fakes.promotions import (
    EMPTY,
    INDEX,
    LINUX,
    PROVENANCE,
    SBOM,
    SIGNATURE,
    SOURCE,
    Referrer,
    patient,
    put_fallback,
    put_referrers,
    referrer,
    seed,
)
from tests.fakes.registry import ALWAYS, FakeRegistry, Rule

SUBJECT = INDEX.descriptor.digest
TAG = fallback_tag(SUBJECT)
OTHER = referrer(INDEX.descriptor, b"another one")
REFERRERS = rf"^GET /v2/{SOURCE}/referrers/"


@pytest.fixture(params=[True, False], ids=["api", "fallback"])
def server(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """A registry with the referrers API, and one without."""
    with FakeRegistry(referrers=request.param) as server:
        seed(server)
        yield server


@pytest.fixture
def old() -> Iterator[FakeRegistry]:
    """A registry without the referrers API."""
    with FakeRegistry(referrers=False) as server:
        seed(server)
        yield server


def push(registry: Registry, *referrers: Referrer) -> None:
    """Push manifests that refer to something."""
    for item in referrers:
        registry.put_manifest(item.manifest.raw, OCI_MANIFEST)


def entries(*referrers: Referrer) -> list[Descriptor]:
    """How lists name them."""
    return [referrer_descriptor(item.manifest) for item in referrers]


def test_what_was_pushed_is_listed(server: FakeRegistry) -> None:
    """With artifact type and annotations, whichever way the registry knows."""
    put_referrers(server, SOURCE)
    for item in (PROVENANCE, OTHER):
        for data in item.blobs:
            server.put_blob(SOURCE, data)
    registry = patient(server, SOURCE)
    assert registry.referrers(SUBJECT) == ()
    push(registry, PROVENANCE, OTHER)
    assert list(registry.referrers(SUBJECT)) == entries(PROVENANCE, OTHER)
    assert registry.referrers(LINUX.manifest.descriptor.digest) == ()
    assert (TAG in server.repository(SOURCE).tags) is not server.api.referrers
    assert entries(PROVENANCE)[0].artifact_type == "application/vnd.in-toto+json"


def test_docker_registry_gets_a_fallback_tag(registry: DockerRegistry) -> None:
    """A real registry without the API: pushed, listed, and pushed again without a change."""
    store = Registry(registry.host, f"referrers-{free_port()}", settings=Settings())
    name = store.location.repository
    for data in {*LINUX.blobs, *SBOM.blobs}:
        registry.put_blob(name, data)
    registry.put_manifest(name, LINUX.manifest.raw, OCI_MANIFEST)
    push(store, SBOM)
    push(store, SBOM)
    subject = LINUX.manifest.descriptor.digest
    assert list(store.referrers(subject)) == entries(SBOM)
    assert store.get_manifest(fallback_tag(subject))[0].media_type == OCI_INDEX


def test_which_way_works_is_asked_once_a_registry(old: FakeRegistry) -> None:
    """Repositories of one run share the answer."""
    registries = Registries(Settings())
    registries.open(parse_reference(f"{old.host}/{SOURCE}")).referrers(SUBJECT)
    other = registries.without_mirrors().open(parse_reference(f"{old.host}/other"))
    other.referrers(SUBJECT)
    assert len([line for line in old.lines() if "/referrers/" in line]) == 1
    registries.close()


def test_a_repository_that_is_not_there_says_nothing_of_the_registry() -> None:
    """NAME_UNKNOWN is about the repository: a registry with the API may answer so."""
    rule = Rule(pattern="/none/referrers/", fault=fake.errors(404, "NAME_UNKNOWN", "no"), times=ALWAYS)
    with FakeRegistry(rules=[rule]) as server:
        seed(server, referrers=[PROVENANCE])
        registries = Registries(Settings())
        none = registries.open(parse_reference(f"{server.host}/none"))
        assert none.referrers(SUBJECT) == ()
        there = registries.open(parse_reference(f"{server.host}/{SOURCE}"))
        assert list(there.referrers(SUBJECT)) == entries(PROVENANCE)
        assert none.referrers(SUBJECT) == ()
        registries.close()


@pytest.mark.parametrize(
    "fault",
    [
        *(fake.status(code) for code in (400, 404, 405, 406, 501)),
        fake.status(200, body=b"<html>", Content_Type="text/html"),
        fake.status(200, body=LINUX.manifest.raw, Content_Type=OCI_MANIFEST),
        fake.status(200, body=b"[]", Content_Type="application/json"),
    ],
)  # fmt: skip
def test_answers_that_mean_that_there_is_no_api(old: FakeRegistry, fault: fake.Fault) -> None:
    """Whatever is no index leads to the fallback tag."""
    put_referrers(old, SOURCE, PROVENANCE)
    old.rules.append(Rule(pattern=REFERRERS, fault=fault, times=ALWAYS))
    assert [entry.digest for entry in patient(old, SOURCE).referrers(SUBJECT)] == [
        PROVENANCE.manifest.descriptor.digest
    ]


def test_a_registry_that_denies_its_referrers(old: FakeRegistry) -> None:
    """403 is an error: what is there cannot be told."""
    old.rules.append(Rule(pattern=REFERRERS, fault=fake.status(403), times=ALWAYS))
    with pytest.raises(AuthenticationError) as caught:
        patient(old, SOURCE).referrers(SUBJECT)
    assert str(caught.value).startswith(f"{old.host} denies the referrers in {old.host}/{SOURCE}")


def test_a_list_in_pages() -> None:
    """Each page says where the next one is."""
    first, second = (Index.build(manifests=entries(item)).raw for item in (PROVENANCE, OTHER))
    headers = {"Content_Type": OCI_INDEX}
    link = f'</v2/{SOURCE}/referrers/{SUBJECT}?next=2>; rel="next"'
    rules = [
        Rule(pattern=r"/referrers/.*\?next=2$", fault=fake.status(200, body=second, **headers)),
        Rule(pattern=r"/referrers/[^?]*$", fault=fake.status(200, body=first, Link=link, **headers)),
    ]
    with FakeRegistry(rules=rules) as server:
        assert list(patient(server, SOURCE).referrers(SUBJECT)) == entries(PROVENANCE, OTHER)


def test_a_list_without_end() -> None:
    """A registry whose pages lead in a circle is told off."""
    link = '<?next=1>; rel="next"'
    page = fake.status(200, body=Index.build(manifests=[]).raw, Content_Type=OCI_INDEX, Link=link)
    with FakeRegistry(rules=[Rule(pattern="/referrers/", fault=page, times=ALWAYS)]) as server:
        with pytest.raises(BuildError) as caught:
            patient(server, SOURCE).referrers(SUBJECT)
        assert str(caught.value) == f"{server.host}/{SOURCE} lists referrers of {SUBJECT} without end"


def test_a_fallback_tag_that_answers_with_the_subject(old: FakeRegistry) -> None:
    """D15: GitLab does so; its children are no referrers, and pushing one begins a list."""
    old.repository(SOURCE).tags[TAG] = SUBJECT
    put_referrers(old, "elsewhere", OTHER)
    registry = patient(old, SOURCE)
    assert registry.referrers(SUBJECT) == ()
    for data in PROVENANCE.blobs:
        old.put_blob(SOURCE, data)
    push(registry, PROVENANCE)
    assert list(registry.referrers(SUBJECT)) == entries(PROVENANCE)


def test_entries_that_refer_to_something_else_are_left_out(old: FakeRegistry) -> None:
    """An entry counts when its manifest says so, and when it is there."""
    put_referrers(old, SOURCE, PROVENANCE, SBOM)
    gone = replace(PROVENANCE.manifest.descriptor, digest=Index.build(manifests=[]).descriptor.digest)
    put_fallback(old.repository(SOURCE), SUBJECT, [SBOM.manifest.descriptor, gone])
    assert [entry.digest for entry in patient(old, SOURCE).referrers(SUBJECT)] == [
        PROVENANCE.manifest.descriptor.digest
    ]


def test_two_that_write_at_once(old: FakeRegistry) -> None:
    """D14: whose entry was overwritten sees it, and writes again beside the other's."""
    put_referrers(old, SOURCE, PROVENANCE, OTHER)
    shelf = old.repository(SOURCE)
    del shelf.tags[TAG]

    def overwritten(answer: fake.Response) -> fake.Response:
        del shelf.tags[TAG]
        put_fallback(shelf, SUBJECT, entries(OTHER))
        return answer

    old.rules.append(Rule(pattern=f"^PUT .*/manifests/{TAG}", fault=overwritten))
    registry = patient(old, SOURCE)
    push(registry, PROVENANCE)
    assert list(registry.referrers(SUBJECT)) == entries(OTHER, PROVENANCE)


def test_a_fallback_tag_that_never_keeps_what_is_written(old: FakeRegistry) -> None:
    """After five times it is an error that says so."""
    put_referrers(old, SOURCE, PROVENANCE)
    shelf = old.repository(SOURCE)
    del shelf.tags[TAG]

    def lost(answer: fake.Response) -> fake.Response:
        del shelf.tags[TAG]
        return answer

    old.rules.append(Rule(pattern=f"^PUT .*/manifests/{TAG}", fault=lost, times=ALWAYS))
    with pytest.raises(UnavailableError) as caught:
        push(patient(old, SOURCE), PROVENANCE)
    assert str(caught.value) == (
        f"{old.host}/{SOURCE}:{TAG} does not keep what is written to it: "
        "others write the same tag; run the command again when they have finished"
    )
    assert len([line for line in old.lines() if line.startswith(f"PUT /v2/{SOURCE}/manifests/{TAG}")]) == 5


def test_a_fallback_tag_that_is_something_else(old: FakeRegistry) -> None:
    """An image under that tag is not overwritten."""
    put_referrers(old, SOURCE, PROVENANCE)
    old.repository(SOURCE).tags[TAG] = LINUX.manifest.descriptor.digest
    with pytest.raises(BuildError) as caught:
        push(patient(old, SOURCE), PROVENANCE)
    assert str(caught.value) == (
        f"{old.host}/{SOURCE}:{TAG} is no list of referrers: "
        "that tag is kept for them: give what is there another one"
    )


def test_a_list_that_is_full(old: FakeRegistry) -> None:
    """An index that readers refuse is not written."""
    put_referrers(old, SOURCE, PROVENANCE)
    shelf = old.repository(SOURCE)
    del shelf.tags[TAG]
    many = [referrer(INDEX.descriptor, f"{number}".encode()) for number in range(500)]
    put_fallback(shelf, SUBJECT, entries(*many))
    with pytest.raises(BuildError, match="cannot name one more referrer") as caught:
        push(patient(old, SOURCE), PROVENANCE)
    assert caught.value.hint == "delete referrers that nobody needs"


def test_oci_subject_without_the_api(old: FakeRegistry) -> None:
    """ECR has said OCI-Subject without listing anything: once that is known, the tag is written."""
    put_referrers(old, SOURCE)
    for data in PROVENANCE.blobs:
        old.put_blob(SOURCE, data)
    rule = Rule(pattern="^PUT .*/manifests/sha256:", fault=fake.header("OCI-Subject", SUBJECT), times=ALWAYS)
    old.rules.append(rule)
    registry = patient(old, SOURCE)
    assert registry.referrers(SUBJECT) == ()
    push(registry, PROVENANCE)
    assert list(registry.referrers(SUBJECT)) == entries(PROVENANCE)


def test_referrers_in_a_layout(tmp_path: Path) -> None:
    """Those that `index.json` names, with a tag or without, and those of a fallback tag."""
    layout = Layout(tmp_path)
    layout.put_manifest(INDEX.raw, OCI_INDEX, tag="1.0")
    for item in (PROVENANCE, SIGNATURE):
        layout.put_manifest(item.manifest.raw, OCI_MANIFEST, tag=item.manifest.descriptor.digest[-5:])
    layout.put_manifest(OTHER.manifest.raw, OCI_MANIFEST)
    listed = Index.build(manifests=entries(OTHER))
    layout.put_manifest(listed.raw, OCI_INDEX, tag=TAG)
    assert list(layout_referrers(layout, SUBJECT)) == entries(PROVENANCE, OTHER)
    layout.close()


def test_what_a_document_names_as_its_subject() -> None:
    """None where there is none, and where the bytes are no manifest."""
    assert subject_of(SBOM.manifest.raw, OCI_MANIFEST) == LINUX.manifest.descriptor.digest
    assert subject_of(LINUX.manifest.raw, OCI_MANIFEST) is None
    assert subject_of(EMPTY, OCI_MANIFEST) is None


def test_the_kind_of_an_artifact_without_one() -> None:
    """Is that of its config."""
    plain = image(config_type="application/vnd.example")
    assert referrer_descriptor(plain.manifest).artifact_type == "application/vnd.example"


@pytest.mark.parametrize(
    ("body", "link", "expected"),
    [
        (b'{"tags":["1.0","sha256-a","sha256-b.sig","v1"]}', None, {"sha256-a", "sha256-b.sig"}),
        (b'{"tags":["sha256-a","v1"]}', "<x>", {"sha256-a"}),
        (b'{"tags":["sha256-a","sha256-b"]}', "<x>", None),
        (b'{"tags":["v1","sha256-a"]}', "<x>", None),
        (b'{"tags":null}', None, set()),
        (b"<html>", None, None),
    ],
    ids=["all", "past them", "more to come", "not sorted", "none", "no list"],
)
def test_which_tags_of_digests_there_are(body: bytes, link: str | None, expected: set[str] | None) -> None:
    """One page, where it is known to hold all of them."""
    page = fake.status(200, body=body, **({} if link is None else {"Link": link}))
    with FakeRegistry(rules=[Rule(pattern="/tags/list", fault=page)]) as server:
        assert patient(server, SOURCE).named_referrers.tags() == expected
        assert server.lines() == [f"GET /v2/{SOURCE}/tags/list?n=1000&last=sha256-"]
