# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Registries that the defaults name: what is a place, and a sentence for what is none."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.oci.reference import parse_reference
from buildtools.spec.expand import load_project

Faults = Callable[[str], list[str]]
NO_PLACE = "is not a place in a registry: write host[:port][/path], as in ghcr.io/acme"


@pytest.mark.parametrize(
    "text",
    ["", "ghcr.io", "ghcr.io/acme/more", "localhost", "localhost:5000", "registry:5000/a", "127.0.0.1:5000", "[::1]", "[::1]/a", "[::1]:5000/a", "docker.io", "docker.io/acme", "HOST.example:1"],
)  # fmt: skip
def test_a_registry_is_a_host_with_a_port_or_path_behind_it(text: str) -> None:
    """Or nothing at all."""
    assert load_project(f"registry: '{text}'\n", "defaults.yaml").registry == text


REGISTRIES = [
    ("acme", '"acme" has no host in front: write the registry\'s too, as in docker.io/acme'),
    ("acme/x", '"acme/x" has no host in front: write the registry\'s too, as in docker.io/acme/x'),
    ("index.docker.io", "index.docker.io is another name of docker.io: write docker.io"),
    ("index.docker.io/acme", "index.docker.io is another name of docker.io: write docker.io/acme"),
    ("https://ghcr.io/acme", '"https://ghcr.io/acme" starts with https://: leave that out'),
    ("oci://ghcr.io", '"oci://ghcr.io" starts with oci://: leave that out'),
    ("me:hunter2@ghcr.io/acme", "a password stands here: delete it: secrets stay out of definitions"),
    ("https://me:hunter2@ghcr.io", "a password stands here: delete it: secrets stay out of definitions"),
    ("ghcr.io/Acme", f'"ghcr.io/Acme" {NO_PLACE}'),
    ("ghcr.io/acme:1", f'"ghcr.io/acme:1" {NO_PLACE}'),
    (f"ghcr.io/acme@sha256:{'0' * 64}", f'"ghcr.io/acme@sha256:{"0" * 64}" {NO_PLACE}'),
    ("ghcr.io/", f'"ghcr.io/" {NO_PLACE}'),
    ("ghcr.io//acme", f'"ghcr.io//acme" {NO_PLACE}'),
    ("/acme", f'"/acme" {NO_PLACE}'),
    ("host:0", f'"host:0" {NO_PLACE}'),
    ("host:65536/a", f'"host:65536/a" {NO_PLACE}'),
    ("host:", f'"host:" {NO_PLACE}'),
    ("host:80:90", f'"host:80:90" {NO_PLACE}'),
    ("[::g]", f'"[::g]" {NO_PLACE}'),
    ("a b", f'"a b" {NO_PLACE}'),
]


@pytest.mark.parametrize(("text", "sentence"), REGISTRIES)
def test_what_is_no_registry_has_its_sentence(text: str, sentence: str, project_faults: Faults) -> None:
    """J10: where it stands, what is wrong and what to write; the names of mirrors go by the same rule."""
    assert project_faults(f"registry: '{text}'\n") == [f"defaults.yaml:1:11: {sentence}"]
    assert project_faults(f"mirrors:\n  '{text}': ghcr.io\n") == [f"defaults.yaml:2:3: {sentence}"]


@pytest.mark.parametrize(
    "mirror", ["127.0.0.1:5000/mcr", "hub", "hub:1", "http://hub.example.com", "https://hub/mirror"]
)
def test_a_mirror_may_say_how_it_is_reached(mirror: str) -> None:
    """And a single word is a host, which no reference could name."""
    text = f"mirrors: {{mcr.microsoft.com: '{mirror}', docker.io/acme: '{mirror}'}}\n"
    assert load_project(text, "defaults.yaml").mirrors == {
        "mcr.microsoft.com": mirror,
        "docker.io/acme": mirror,
    }


@pytest.mark.parametrize(
    ("mirror", "sentence"),
    [
        ("", f'"" {NO_PLACE}'),
        ("ftp://hub", '"ftp://hub" starts with ftp://: leave that out'),
        ("https://http://hub", '"http://hub" starts with http://: leave that out'),
        ("http://", f'"" {NO_PLACE}'),
        ("http://me:hunter2@hub", "a password stands here: delete it: secrets stay out of definitions"),
        ("hub/a:1", f'"hub/a:1" {NO_PLACE}'),
    ],
)
def test_what_is_no_mirror_has_its_sentence(mirror: str, sentence: str, project_faults: Faults) -> None:
    """Where the mirror stands, not its name."""
    assert project_faults(f"mirrors:\n  ghcr.io: '{mirror}'\n") == [f"defaults.yaml:2:12: {sentence}"]


def test_plain_http_is_for_hosts(project_faults: Faults) -> None:
    """With a port or without; all that are none are told at once."""
    right = "plain-http: [hub, 'hub:80', '[::1]:5000', hub.example.com]\n"
    assert len(load_project(right, "defaults.yaml").plain_http) == 4
    assert project_faults("plain-http: [hub, hub/a, 'http://hub', '']\n") == [
        'defaults.yaml:1:19: "hub/a" is more than a host: write hub',
        'defaults.yaml:1:26: "http://hub" starts with http://: leave that out',
        f'defaults.yaml:1:40: "" {NO_PLACE}',
    ]


@given(st.text(alphabet="aA0.:/-_[]@ ", max_size=12) | st.sampled_from(REGISTRIES).map(lambda row: row[0]))
def test_what_is_taken_stands_in_front_of_a_repository(text: str) -> None:
    """A registry that is not refused makes references that name it, letter by letter."""
    try:
        registry = load_project(f"registry: '{text}'\n", "defaults.yaml").registry
    except ConfigurationError as error:
        (finding,) = error.diagnostics
        assert (finding.line, finding.column, finding.code) == (1, 11, "registry")
        return
    if registry:
        assert str(parse_reference(f"{registry}/name")) == f"{registry}/name"
