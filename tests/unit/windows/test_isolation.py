# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""How a Windows host runs images of every build, by the table of releases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.isolation import Isolation, isolation_for
from buildtools.windows.releases import OTHER_HOSTS, RELEASES, OsVersion, by_build

HOSTS = [row.build for row in (*RELEASES, *OTHER_HOSTS)]


def version(build: int, revision: int | None = 1) -> OsVersion:
    """A version of this build."""
    return OsVersion(10, 0, build, revision)


@given(st.sampled_from(RELEASES), st.sampled_from(HOSTS))
def test_a_host_runs_what_the_table_says(release: object, host: int) -> None:
    """Newer ones never, listed ones under process isolation, all others in a virtual machine."""
    row = by_build(release.build)  # type: ignore[attr-defined] # a row of the table
    assert row
    chosen = isolation_for(version(row.build), version(host)).mode
    expected = "refused" if row.build > host else "process" if host in row.process_hosts else "hyperv"
    assert chosen == expected


def test_a_build_without_a_release() -> None:
    """Nothing is known of it but that it is older or newer."""
    assert isolation_for(version(14393), version(20348)).mode == "hyperv"
    refused = isolation_for(version(99999, None), version(26100))
    assert refused == Isolation(
        mode="refused",
        reason="the base is Windows build 99999 (10.0.99999), and the engine's host is the older Windows Server 2025 (10.0.26100.1), which starts no container that is newer than itself (0xc0370106)",
        hint="build it on a host of that version",
    )
    assert isolation_for(version(26100), version(20348)).hint.endswith(", such as the runner windows-2025")


@pytest.mark.parametrize(
    ("image", "host", "warned"),
    [(2, 1, True), (1, 1, False), (1, 2, False), (2, None, False), (None, 1, False)],
)
def test_patch_levels_of_one_build(image: int | None, host: int | None, warned: bool) -> None:
    """A host that is patched less may not start it; one of unknown patch level is not judged."""
    found = isolation_for(version(20348, image), version(20348, host))
    assert found.mode == "process"
    assert bool(found.warning) is warned
