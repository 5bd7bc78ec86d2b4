"""References: the grammar, Docker Hub's short names, and a sentence for each mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.reference import InvalidReference, Reference, parse_reference

DIGEST = digest_of(b"")
HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("nginx", "docker.io", "library/nginx", ""),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27"),
        ("grafana/grafana", "docker.io", "grafana/grafana", ""),
        ("docker.io/nginx", "docker.io", "library/nginx", ""),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1"),
        ("index.docker.io/grafana/grafana", "docker.io", "grafana/grafana", ""),
        ("localhost/app", "localhost", "app", ""),
        ("localhost", "docker.io", "library/localhost", ""),
        ("localhost:5000/app:1", "localhost:5000", "app", "1"),
        ("127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000", "a/b/c", "1"),
        ("[::1]:5000/app:1", "[::1]:5000", "app", "1"),
        ("[2001:db8::1]/app", "[2001:db8::1]", "app", ""),
        ("host:5000", "docker.io", "library/host", "5000"),
        ("Host/app", "Host", "app", ""),
        ("ghcr.io/acme/app:v1.2.3-rc.1_x", "ghcr.io", "acme/app", "v1.2.3-rc.1_x"),
        (
            "mcr.microsoft.com/windows/nanoserver:ltsc2022",
            "mcr.microsoft.com",
            "windows/nanoserver",
            "ltsc2022",
        ),
        ("a.b/c__d--e.f_g", "a.b", "c__d--e.f_g", ""),
        (f"{HEX}:1", "docker.io", f"library/{HEX}", "1"),
    ],
)
def test_a_reference_is_read(text: str, registry: str, repository: str, tag: str) -> None:
    """With Docker Hub's defaults for registry and repository, and no tag where none is written."""
    assert parse_reference(text) == Reference(registry=registry, repository=repository, tag=tag)


def test_a_digest_stands_with_and_without_a_tag() -> None:
    """Both are kept, and the digest is what a registry is asked for."""
    pinned = parse_reference(f"ghcr.io/acme/app@{DIGEST}")
    both = parse_reference(f"ghcr.io/acme/app:1@{DIGEST}")
    assert (pinned.tag, pinned.digest, pinned.identifier) == ("", DIGEST, DIGEST)
    assert (both.tag, both.digest, both.identifier) == ("1", DIGEST, DIGEST)


@pytest.mark.parametrize(("text", "identifier"), [("a.io/b", "latest"), ("a.io/b:1", "1")])
def test_without_a_digest_the_tag_is_asked_for(text: str, identifier: str) -> None:
    """And `latest` where there is none."""
    assert parse_reference(text).identifier == identifier


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the reference is empty: write registry/repository:tag"),
        (" nginx", "reference ' nginx' has a space or line break in it: remove it"),
        ("nginx\n", r"reference 'nginx\n' has a space or line break in it: remove it"),
        ("https://ghcr.io/a/b", "reference 'https://ghcr.io/a/b' starts with https://: leave that out"),
        (
            "https://bot:p@ss@ghcr.io/a/b",
            "reference 'https://***@ghcr.io/a/b' starts with https://: leave that out",
        ),
        ("docker://nginx", "reference 'docker://nginx' starts with docker://: leave that out"),
        (HEX, f"'{HEX}' is an image's identity on one machine: write registry/repository@sha256:..."),
        (
            "ghcr.io/Acme/app",
            "reference 'ghcr.io/Acme/app' has upper-case letters in its repository: write it in lower case",
        ),
        ("Nginx", "reference 'Nginx' has upper-case letters in its repository: write it in lower case"),
        (
            "ghcr.io//app",
            "reference 'ghcr.io//app' has an empty part: write registry/repository:tag without gaps",
        ),
        ("/app", "reference '/app' has an empty part: write registry/repository:tag without gaps"),
        ("ghcr.io/", "reference 'ghcr.io/' has an empty part: write registry/repository:tag without gaps"),
        (":1", "reference ':1' has an empty part: write registry/repository:tag without gaps"),
        (
            "a/b..c",
            (
                "reference 'a/b..c' has 'b..c' in its repository: write lower-case letters and digits, "
                "with single '.', '_', '__' or '-' between them"
            ),
        ),
        (
            "a/-b",
            (
                "reference 'a/-b' has '-b' in its repository: write lower-case letters and digits, "
                "with single '.', '_', '__' or '-' between them"
            ),
        ),
        (
            "app:",
            "reference 'app:' has a colon and no tag behind it: write the tag or leave the colon out",
        ),
        (
            "ghcr.io/app:1:2",
            "reference 'ghcr.io/app:1:2' has two colons behind its repository: write repository:tag",
        ),
        (
            "app:.x",
            (
                "reference 'app:.x' has the tag '.x': write letters, digits, '_', '.' and '-', "
                "and begin with none of the last two"
            ),
        ),
        (
            "app:grün",
            (
                "reference 'app:grün' has the tag 'grün': write letters, digits, '_', '.' and '-', "
                "and begin with none of the last two"
            ),
        ),
        (
            "a_b.c/app",
            (
                "reference 'a_b.c/app' names the registry 'a_b.c': write a host name or address "
                "with a port of digits behind it, if any"
            ),
        ),
        (
            "app:tag/more",
            (
                "reference 'app:tag/more' names the registry 'app:tag': write a host name or address "
                "with a port of digits behind it, if any"
            ),
        ),
        (
            "[::g]/app",
            (
                "reference '[::g]/app' names the registry '[::g]': write a host name or address "
                "with a port of digits behind it, if any"
            ),
        ),
        (
            "[:::]/app",
            (
                "reference '[:::]/app' names the registry '[:::]': write a host name or address "
                "with a port of digits behind it, if any"
            ),
        ),
        ("a.io:0/b", "reference 'a.io:0/b' has port '0': write 1 to 65535"),
        ("a.io:65536/b", "reference 'a.io:65536/b' has port '65536': write 1 to 65535"),
        ("a.io:123456789/b", "reference 'a.io:123456789/b' has port '123456789': write 1 to 65535"),
        (
            "app@sha256:abc",
            (
                "reference 'app@sha256:abc': digest 'sha256:abc' needs 64 hexadecimal digits, "
                "it has 3 characters"
            ),
        ),
        ("app@", "reference 'app@': '' is not a digest: write sha256: and 64 hexadecimal digits"),
        (
            "app@md5:1",
            "reference 'app@md5:1': digest algorithm 'md5' is not supported: use sha256",
        ),
    ],
)
def test_a_mistake_has_its_sentence(text: str, sentence: str) -> None:
    """What is wrong and what to write."""
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert str(caught.value) == sentence


def test_a_long_tag_is_counted() -> None:
    """128 characters are the most."""
    assert parse_reference("a.io/b:" + "x" * 128).tag == "x" * 128
    text = "a.io/b:" + "x" * 129
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert str(caught.value) == (
        f"reference '{text[:80]}'... (136 characters) has a tag of 129 characters: at most 128 are allowed"
    )


def test_a_long_repository_is_counted() -> None:
    """255 characters are the most, the registry apart."""
    assert parse_reference("a.io/" + "x" * 255).repository == "x" * 255
    with pytest.raises(InvalidReference) as caught:
        parse_reference("a.io/" + "x" * 256)
    assert str(caught.value) == (
        f"reference 'a.io/{'x' * 75}'... (261 characters) has a repository of 256 characters: "
        "at most 255 are allowed"
    )


def test_another_tag_drops_the_digest() -> None:
    """The digest belongs to what the old tag stood for."""
    reference = parse_reference(f"a.io/b:1@{DIGEST}")
    assert str(reference.with_tag("2")) == "a.io/b:2"
    with pytest.raises(InvalidReference) as caught:
        reference.with_tag("a:b")
    assert str(caught.value) == "reference 'a:b' has two colons behind its repository: write repository:tag"


def test_another_digest_keeps_the_tag() -> None:
    """So that people see what was pinned."""
    assert str(parse_reference("a.io/b:1").with_digest(DIGEST)) == f"a.io/b:1@{DIGEST}"


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/nginx:1", "nginx:1"),
        ("docker.io/grafana/grafana", "grafana/grafana"),
        ("docker.io/library/a/b", "library/a/b"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("docker.io/a.b/c", "docker.io/a.b/c"),
        ("docker.io/localhost/c:2", "docker.io/localhost/c:2"),
        (f"docker.io/library/{HEX}", f"docker.io/library/{HEX}"),
        (f"docker.io/library/{HEX}:1", f"{HEX}:1"),
    ],
)
def test_people_see_the_shortest_form_that_reads_back(text: str, familiar: str) -> None:
    """Docker Hub's names lose what goes without saying."""
    reference = parse_reference(text)
    assert reference.familiar == familiar
    assert parse_reference(familiar) == reference


COMPONENT = st.from_regex(r"[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
HOST = st.lists(LABEL, min_size=2, max_size=4).map(".".join) | st.just("localhost")
HOST = HOST | st.sampled_from(["[::1]", "[2001:DB8::a]", "[fe80:0:0:0:0:0:0:1]"])
PORT = st.just("") | st.integers(1, 65535).map(lambda port: f":{port}")
REGISTRY = st.tuples(HOST, PORT).map("".join) | st.just("docker.io")
REPOSITORY = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
TAG = st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
MAYBE_DIGEST = st.none() | st.binary(max_size=4).map(digest_of)


@given(registry=REGISTRY, repository=REPOSITORY, tag=TAG, digest=MAYBE_DIGEST)
def test_every_reference_of_the_grammar_reads_back(
    registry: str, repository: str, tag: str, digest: Digest | None
) -> None:
    """The full form and the familiar form both stand for the same reference."""
    text = f"{registry}/{repository}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    reference = parse_reference(text)
    assert (reference.tag, reference.digest) == (tag, digest)
    assert reference.repository.removeprefix("library/") == repository.removeprefix("library/")
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference
    assert str(reference) == text or registry in {"docker.io", "index.docker.io"}


@given(st.text() | st.text(alphabet="aA1.:/@-_[]sha256 \n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but InvalidReference is raised, and what is read reads back."""
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return
    assert parse_reference(str(reference)) == reference
