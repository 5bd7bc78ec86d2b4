# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The table of Windows releases, and versions read and compared."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.reference import parse_reference
from buildtools.windows.releases import (
    OTHER_HOSTS,
    RELEASES,
    STABLE_ABI_SINCE,
    OsVersion,
    OsVersionError,
    UnknownReleaseError,
    WindowsRelease,
    by_build,
    parse_os_version,
    product_of,
    release,
)

NEXT = WindowsRelease(
    name="ltsc2028",
    build=31000,
    product="Windows Server 2028",
    aliases=("28h2",),
    process_hosts=(31000,),
    mainstream_end=date(2033, 1, 1),
    extended_end=date(2038, 1, 1),
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("10.0.20348.2700", OsVersion(10, 0, 20348, 2700)),
        ("10.0.20348", OsVersion(10, 0, 20348)),
        ("10.0.17763.0", OsVersion(10, 0, 17763, 0)),
        ("0.0.0.0", OsVersion(0, 0, 0, 0)),
        ("99999.99999.99999.999999999", OsVersion(99999, 99999, 99999, 999999999)),
    ],
)
def test_a_version_is_read_and_written(text: str, version: OsVersion) -> None:
    """Byte for byte."""
    assert parse_os_version(text) == version
    assert str(version) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "10.0",
        "10.0.20348.",
        ".0.20348.1",
        "10.0.20348.1.2",
        "10.0.020348.1",
        "10.00.20348.1",
        "10.0.20348.01",
        "10.0.100000.1",
        "10.0.20348.1000000000",
        "10.0.20348.-1",
        " 10.0.20348.1",
        "10.0.20348.1\n",
        "10.0.２０３４８.1",
        "10.0.20348.x",
        "ltsc2022",
    ],
)
def test_what_is_no_version_has_its_sentence(text: str) -> None:
    """Two to four numbers are not enough, zeros in front and other digits are refused."""
    with pytest.raises(OsVersionError) as caught:
        parse_os_version(text)
    assert str(caught.value) == (
        f"{text!r} is not a Windows version: it has four numbers, as in 10.0.20348.2700"
    )


def test_a_long_text_is_cut() -> None:
    """A registry or a node may say anything."""
    with pytest.raises(OsVersionError) as caught:
        parse_os_version("9" * 1000)
    assert str(caught.value) == (
        f"'{'9' * 80}'... (1000 characters) is not a Windows version: "
        "it has four numbers, as in 10.0.20348.2700"
    )
    with pytest.raises(UnknownReleaseError) as unknown:
        release("\n" * 1000)
    assert str(unknown.value) == (
        "unknown Windows release '" + r"\n" * 80 + "'... (1000 characters): "
        "known are ltsc2019, ltsc2022, ltsc2025"
    )


def test_versions_are_compared_as_numbers() -> None:
    """Three parts come before every revision of their build."""
    ordered = ["6.3.9600", "10.0.9200.5", "10.0.17763", "10.0.17763.0", "10.0.17763.900", "10.0.17763.6414"]
    versions = [parse_os_version(text) for text in ordered]
    assert sorted(versions[place] for place in (5, 0, 3, 1, 4, 2)) == versions
    assert versions[0] < versions[1] <= versions[1]
    assert versions[2] != versions[3]
    assert versions[5] > versions[4] >= versions[3]


def test_a_version_is_compared_with_versions_only() -> None:
    """A text would be compared by the alphabet."""
    version = OsVersion(10, 0, 20348)
    assert version != "10.0.20348"
    with pytest.raises(TypeError):
        assert version < "10.0.20348"  # type: ignore[operator]


NUMBER = st.integers(0, 99999)
VERSION = st.builds(OsVersion, NUMBER, NUMBER, NUMBER, st.none() | st.integers(0, 999_999_999))


@given(VERSION, VERSION)
def test_every_version_reads_back_and_has_one_place(one: OsVersion, other: OsVersion) -> None:
    """Of two versions one is older, or they are the same."""
    assert parse_os_version(str(one)) == one
    assert [one < other, one == other, one > other].count(True) == 1
    assert (one < other) == (_numbers(one) < _numbers(other))


def _numbers(version: OsVersion) -> list[int]:
    """What stands between the dots; a list that ends earlier comes first."""
    return [int(part) for part in str(version).split(".")]


@given(st.text(max_size=30) | st.text("0123456789.", max_size=30))
def test_any_text_is_a_version_or_refused(text: str) -> None:
    """Nothing but OsVersionError, and what is read is written as it was."""
    try:
        version = parse_os_version(text)
    except OsVersionError:
        return
    assert str(version) == text


@pytest.mark.parametrize(
    ("name", "build"), [("ltsc2019", 17763), ("1809", 17763), ("ltsc2022", 20348), ("ltsc2025", 26100)]
)
def test_a_release_has_names(name: str, build: int) -> None:
    """Its own and the ones that some base calls it by."""
    assert release(name).build == build


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ltcs2022", "unknown Windows release 'ltcs2022': did you mean ltsc2022? known are ltsc2019, ltsc2022, ltsc2025"),
        ("LTSC2025", "unknown Windows release 'LTSC2025': did you mean ltsc2025? known are ltsc2019, ltsc2022, ltsc2025"),
        ("1803", "unknown Windows release '1803': did you mean 1809? known are ltsc2019, ltsc2022, ltsc2025"),
        ("xp", "unknown Windows release 'xp': known are ltsc2019, ltsc2022, ltsc2025"),
        ("", "unknown Windows release '': known are ltsc2019, ltsc2022, ltsc2025"),
    ],
)  # fmt: skip
def test_an_unknown_release_has_its_sentence(name: str, sentence: str) -> None:
    """With a guess where one is near, and all there are."""
    with pytest.raises(UnknownReleaseError) as caught:
        release(name)
    assert str(caught.value) == sentence


def test_a_table_with_another_row_knows_it() -> None:
    """By name, alias and build, and in the list."""
    table = (*RELEASES, NEXT)
    assert release("ltsc2028", table) is release("28h2", table) is by_build(31000, table) is NEXT
    assert product_of(31000, table) == "Windows Server 2028"
    with pytest.raises(UnknownReleaseError) as caught:
        release("xp", table)
    assert (
        str(caught.value) == "unknown Windows release 'xp': known are ltsc2019, ltsc2022, ltsc2025, ltsc2028"
    )


@pytest.mark.parametrize(
    ("build", "name"), [(17763, "ltsc2019"), (26100, "ltsc2025"), (26200, None), (0, None)]
)
def test_a_build_has_at_most_one_release(build: int, name: str | None) -> None:
    """Clients and annual channels have none."""
    found = by_build(build)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("build", "product"),
    [
        (20348, "Windows Server 2022"),
        (26200, "Windows 11 25H2"),
        (25398, "Windows Server 23H2"),
        (14393, "Windows build 14393"),
    ],
)
def test_a_host_has_the_name_that_people_know(build: int, product: str) -> None:
    """Or its build where there is none."""
    assert product_of(build) == product


def test_a_release_is_one_row_with_few_values() -> None:
    """Name, build, product, hosts and two dates are enough."""
    assert (NEXT.tags, NEXT.hosted_runner, NEXT.aks.since, NEXT.aks.retired) == ({}, None, "", None)
    assert hash(NEXT) == hash(replace(NEXT, tags={"a": "b"}))


def test_names_and_builds_of_the_table_stand_once() -> None:
    """The oldest release first."""
    names = [name for row in RELEASES for name in (row.name, *row.aliases)]
    builds = [row.build for row in RELEASES] + [host.build for host in OTHER_HOSTS]
    assert len(names) == len(set(names))
    assert len(builds) == len(set(builds))
    assert [row.build for row in RELEASES] == sorted(row.build for row in RELEASES)
    assert [host.build for host in OTHER_HOSTS] == sorted(host.build for host in OTHER_HOSTS)


@pytest.mark.parametrize("row", RELEASES, ids=lambda row: row.name)
def test_a_row_fits_together(row: WindowsRelease) -> None:
    """An image runs on its own build first, and on known hosts that are no older."""
    known = {other.build for other in RELEASES} | {host.build for host in OTHER_HOSTS}
    assert row.process_hosts[0] == row.build
    assert list(row.process_hosts) == sorted(set(row.process_hosts))
    assert set(row.process_hosts) <= known
    assert all(host >= STABLE_ABI_SINCE for host in row.process_hosts[1:])
    assert row.build >= STABLE_ABI_SINCE or row.process_hosts == (row.build,)
    assert 10000 <= row.build <= 99999
    assert row.mainstream_end < row.extended_end
    for repository, tag in row.tags.items():
        assert parse_reference(repository).name == repository
        assert parse_reference(f"{repository}:{tag}").tag == tag


@pytest.mark.parametrize(
    ("name", "kubernetes", "day", "there"),
    [
        ("ltsc2019", "1.32", date(2026, 2, 28), True),
        ("ltsc2019", "1.32", date(2026, 3, 1), False),
        ("ltsc2019", "1.33", date(2025, 1, 1), False),
        ("ltsc2022", "1.36.9", date(2026, 11, 25), True),
        ("ltsc2022", "1.37", date(2026, 11, 25), False),
        ("ltsc2022", "", date(2028, 6, 1), False),
        ("ltsc2025", "1.31", date(2026, 11, 25), False),
        ("ltsc2025", "1.32", date(2026, 11, 25), True),
        ("ltsc2025", "2.0", date(2040, 1, 1), True),
    ],
)
def test_what_aks_offers(name: str, kubernetes: str, day: date, there: bool) -> None:
    """By version and day; a pool's name fits."""
    assert release(name).aks.offered(kubernetes, day) is there
    assert all(len(row.aks.pool) <= 6 for row in RELEASES)
