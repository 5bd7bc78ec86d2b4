"""The table of runtimes, and which row a node's words mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.runtimes import RUNTIMES, UnknownRuntimeError, WindowsRule, runtime_for


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("containerd://1.4.13", "containerd 1.6.0-1.6.17"),
        ("containerd://1.6.0", "containerd 1.6.0-1.6.17"),
        ("containerd://1.6.17", "containerd 1.6.0-1.6.17"),
        ("containerd://1.6.18", "containerd 1.6.18-1.6.22"),
        ("containerd://1.6.22", "containerd 1.6.18-1.6.22"),
        ("containerd://1.6.23", "containerd 1.6.23-1.6.39"),
        ("containerd://1.6.35+azure", "containerd 1.6.23-1.6.39"),
        ("containerd://1.6.40", "containerd 1.6.23-1.6.39"),
        ("containerd://1.7.0", "containerd 1.7.0-1.7.5"),
        ("containerd://1.7.5", "containerd 1.7.0-1.7.5"),
        ("containerd://1.7.6", "containerd 1.7.6-1.7.34"),
        ("containerd://1.7.20", "containerd 1.7.6-1.7.34"),
        ("containerd://1.7.20-0ubuntu1~22.04", "containerd 1.7.6-1.7.34"),
        ("containerd://v2.0.4", "containerd 2.0"),
        ("containerd://2.0", "containerd 2.0"),
        ("containerd://2.1.5", "containerd 2.1.0-2.1.5"),
        ("containerd://2.1.6", "containerd 2.1.6-2.2"),
        ("containerd://2.2.7", "containerd 2.1.6-2.2"),
        ("containerd://2.3.0-rc.0", "containerd 2.3.0-2.3.4"),
        ("containerd://2.3.4", "containerd 2.3.0-2.3.4"),
        ("containerd://2.3.5", "containerd 2.3.5 and later"),
        ("containerd://3.0.0", "containerd 2.3.5 and later"),
        ("docker://20.10.21", "Docker"),
        ("docker://", "Docker"),
        ("cri-o://1.33.2", "CRI-O"),
        ("podman://5.0.0", "Podman"),
    ],
)
def test_a_nodes_words_mean_a_row(version: str, name: str) -> None:
    """The row that the kubelet pulls with; releases between two rows belong to the older."""
    assert str(runtime_for(version)) == name


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (
            "rkt://1.0",
            "'rkt://1.0' is not a container runtime that is known: containerd, docker, cri-o, podman are",
        ),
        ("", "'' is not a container runtime that is known: containerd, docker, cri-o, podman are"),
        (
            "containerd://unknown",
            "'containerd://unknown' does not say which release it is: write it as containerd://1.7.20",
        ),
        (
            "containerd",
            "'containerd' does not say which release it is: write it as containerd://1.7.20",
        ),
    ],
)
def test_what_is_not_known_is_refused(version: str, sentence: str) -> None:
    """Guessing would tell people the wrong image."""
    with pytest.raises(UnknownRuntimeError) as caught:
        runtime_for(version)
    assert str(caught.value) == sentence


@given(st.text() | st.text(alphabet="containerd:/0129.v-", max_size=30).map("containerd://".__add__))
def test_any_text_is_a_row_or_refused(version: str) -> None:
    """Nothing but UnknownRuntimeError is raised."""
    try:
        runtime = runtime_for(version)
    except UnknownRuntimeError:
        return
    assert runtime in RUNTIMES


def test_the_table_is_in_order() -> None:
    """Names are unique, and the rows that pods are pulled by ascend within an engine."""
    assert len({row.name for row in RUNTIMES}) == len(RUNTIMES)
    for engine in {row.engine for row in RUNTIMES}:
        rows = [row.since for row in RUNTIMES if row.engine == engine and row.kubelet]
        assert rows == sorted(set(rows))


def test_every_range_starts_with_the_first_stable_build() -> None:
    """The rules count on it."""
    rules = [row.windows for row in RUNTIMES if row.windows]
    assert {rule.stable[0] for rule in rules} == {20348}
    assert all(list(rule.stable) == sorted(rule.stable) for rule in rules)
    assert all(isinstance(rule, WindowsRule) for rule in rules)
