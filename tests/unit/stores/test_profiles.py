"""Registries by host: a row where something is known, the default everywhere else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.stores.profiles import DEFAULT, MIB, PROFILES, profile_for

HOSTS = [
    ("ghcr.io", "GitHub (ghcr.io)"),
    ("GHCR.io:443", "GitHub (ghcr.io)"),
    ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"),
    ("123456789012.dkr-ecr.eu-west-1.on.aws", "Amazon ECR"),
    ("public.ecr.aws", "Amazon ECR"),
    ("acme.azurecr.io", "Azure (azurecr.io)"),
    ("docker.io", "Docker Hub"),
    ("registry-1.docker.io", "Docker Hub"),
    ("acme.jfrog.io", "Artifactory"),
    ("quay.io", "Quay"),
    ("registry.gitlab.com", "GitLab"),
    ("registry.cn-hangzhou.aliyuncs.com", "Alibaba Cloud"),
    ("127.0.0.1:5000", "any other"),
    ("notghcr.io", "any other"),
    ("ghcr.io.example.com", "any other"),
    ("", "any other"),
]


@pytest.mark.parametrize(("host", "name"), HOSTS)
def test_a_registry_is_known_by_its_host(host: str, name: str) -> None:
    """With or without a port, in any case, and only as a whole."""
    assert profile_for(host).name == name


def test_every_row_says_what_it_is_for() -> None:
    """A quirk without a source would be a rumour, and a chunk below ECR's least would be refused."""
    for row in PROFILES:
        assert row.quirks, row.name
        assert row.source, row.name
        re.compile(row.hosts)
    assert profile_for("1.dkr.ecr.eu-west-1.amazonaws.com").chunk >= 5 * MIB
    assert profile_for("ghcr.io").chunk <= 4 * MIB
    assert len({row.name for row in PROFILES}) == len(PROFILES)


@given(st.text())
def test_any_host_has_a_profile(host: str) -> None:
    """No text is a fault."""
    assert profile_for(host) in (*PROFILES, DEFAULT)
