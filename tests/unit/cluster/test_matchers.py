"""Which entry a node takes: the simulation's table, the rules behind it, and whether the entry runs."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.assemble import assemble_index
from buildtools.cluster.matchers import RUNTIMES, Choice, choose, runs
from buildtools.cluster.nodes import NODE_KINDS, Node, windows_node
from buildtools.cluster.runtimes import Runtime
from buildtools.oci.descriptor import OCI_MANIFEST, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform

BY_NAME = {runtime.name: runtime for runtime in RUNTIMES}
V2019, V2022, V2025 = "10.0.17763.6414", "10.0.20348.3091", "10.0.26100.2894"

C16_PREFIX, C16_FIRST, C16 = (
    "containerd 1.6.18-1.6.22",
    "containerd 1.6.0-1.6.17",
    "containerd 1.6.23-1.6.39",
)
C17_PREFIX, C17, C20, C21 = (
    "containerd 1.7.0-1.7.5",
    "containerd 1.7.6-1.7.34",
    "containerd 2.0",
    "containerd 2.1.0-2.1.5",
)
C22, C22_CLIENT = "containerd 2.1.6-2.2", "containerd 2.1.6-2.2, client"
C23, C23_CLIENT = "containerd 2.3.0-2.3.4", "containerd 2.3.0-2.3.4, client"
NEW, NEW_CLIENT = "containerd 2.3.5 and later", "containerd 2.3.5 and later, client"
DOCKER, DOCKER_STORE = "Docker", "Docker, containerd image store"
BY_INDEX = (C17, C20, C21)
SECOND_CLIENT, SECOND_ORDERED = (C22_CLIENT, C23_CLIENT), (C22, C23, DOCKER_STORE)


def platform(text: str, *features: str) -> Platform:
    """`linux/arm64/v8`, `windows/amd64:10.0.20348.3091`, as it stands."""
    place, _, version = text.partition(":")
    os, architecture, *variant = place.split("/")
    return Platform(
        os=os,
        architecture=architecture,
        variant="".join(variant),
        os_version=version,
        os_features=features,
    )


def index_of(*platforms: Platform | None) -> Index:
    """An index of images for these platforms, None for an entry that says none."""
    return Index.build(
        manifests=[
            Descriptor(
                media_type=OCI_MANIFEST, size=1, digest=digest_of(str(place).encode()), platform=platform
            )
            for place, platform in enumerate(platforms)
        ]
    )


def windows_index(*versions: str) -> Index:
    """An index of windows/amd64 entries with these os.versions."""
    return index_of(*(platform(f"windows/amd64:{version}") for version in versions))


def on(runtime: str, place: str = "windows/amd64:10.0.20348.2700") -> Node:
    """A node with this runtime."""
    found = platform(place)
    return Node(
        name="node",
        os=found.os,
        architecture=found.architecture,
        variant=found.variant,
        os_version=found.os_version,
        runtime=BY_NAME[runtime],
    )


def taken(choice: Choice) -> str:
    """The platform that is taken, `none` where nothing is."""
    if choice.descriptor is None:
        return "none"
    return str(choice.descriptor.platform) if choice.descriptor.platform else "unnamed"


def build_taken(host: int, runtime: str, *versions: str) -> str:
    """The build that a Windows host takes from entries in this order."""
    choice = choose(windows_node("host", host, BY_NAME[runtime]), windows_index(*versions))
    return (
        choice.descriptor.platform.os_version.split(".")[2]
        if choice.descriptor and choice.descriptor.platform
        else "none"
    )


ASCENDING, DESCENDING = (V2019, V2022, V2025), (V2025, V2022, V2019)
NO_2025, NO_2025_DESCENDING = (V2019, V2022), (V2022, V2019)
SHORT = ("10.0.17763", "10.0.20348", "10.0.26100")

COLUMNS = ((C16,), BY_INDEX, SECOND_CLIENT, SECOND_ORDERED, (NEW_CLIENT,), (NEW,), (DOCKER,))
TABLE = [
    # host, entries, then a build for each of COLUMNS
    (17763, ASCENDING, "17763 17763 17763 17763 17763 17763 17763"),
    (17763, DESCENDING, "17763 17763 17763 17763 17763 17763 17763"),
    (20348, ASCENDING, "20348 20348 20348 20348 20348 20348 20348"),
    (20348, DESCENDING, "20348 20348 20348 20348 20348 20348 20348"),
    (19045, ASCENDING, "none none none none none none 17763"),
    (19045, DESCENDING, "none none none none none none 17763"),
    (22631, ASCENDING, "20348 20348 20348 20348 20348 20348 17763"),
    (22631, DESCENDING, "20348 20348 20348 20348 20348 20348 20348"),
    (25398, ASCENDING, "20348 20348 20348 20348 20348 20348 17763"),
    (25398, DESCENDING, "20348 20348 20348 20348 20348 20348 20348"),
    (26100, ASCENDING, "20348 20348 26100 20348 26100 20348 26100"),
    (26100, DESCENDING, "20348 26100 26100 26100 26100 26100 26100"),
    (26100, NO_2025, "20348 20348 20348 20348 20348 20348 17763"),
    (26100, NO_2025_DESCENDING, "20348 20348 20348 20348 20348 20348 20348"),
    (26200, ASCENDING, "20348 20348 26100 26100 26100 20348 17763"),
    (26200, DESCENDING, "20348 26100 26100 26100 26100 26100 26100"),
    (26200, NO_2025, "20348 20348 none none 20348 20348 17763"),
    (26200, NO_2025_DESCENDING, "20348 20348 none none 20348 20348 20348"),
    # Three parts are one text to Docker, and nothing is of the host's own build.
    (17763, SHORT, "17763 17763 17763 17763 17763 17763 17763"),
    (20348, SHORT, "20348 20348 20348 20348 20348 20348 17763"),
    (22631, SHORT, "20348 20348 20348 20348 20348 20348 17763"),
    (25398, SHORT, "20348 20348 20348 20348 20348 20348 17763"),
    (26100, SHORT, "20348 20348 26100 20348 26100 20348 17763"),
    (26200, SHORT, "20348 20348 26100 26100 26100 20348 17763"),
]


@pytest.mark.parametrize(("host", "versions", "builds"), TABLE)
def test_the_table_of_the_simulation(host: int, versions: tuple[str, ...], builds: str) -> None:
    """Every host against every generation, entries ascending and descending."""
    found = {runtime: build_taken(host, runtime, *versions) for runtimes in COLUMNS for runtime in runtimes}
    expected = {
        runtime: build
        for runtimes, build in zip(COLUMNS, builds.split(), strict=True)
        for runtime in runtimes
    }
    assert found == expected


@pytest.mark.parametrize("runtime", [C16_FIRST, C16_PREFIX, C17_PREFIX])
def test_the_oldest_generations_want_the_exact_build(runtime: str) -> None:
    """Nothing of another build fits, whatever Windows could run."""
    assert build_taken(20348, runtime, *ASCENDING) == "20348"
    assert build_taken(25398, runtime, *ASCENDING) == "none"
    assert build_taken(26100, runtime, *NO_2025) == "none"
    assert build_taken(26100, runtime, *SHORT) == "26100"


def test_1_6_goes_by_the_revision_whatever_the_build() -> None:
    """So that a patch of an older release can win."""
    assert build_taken(26100, C16, "10.0.26100.2894", "10.0.20348.3091") == "20348"
    assert build_taken(26100, C16, "10.0.20348.5499", "10.0.26100.33296") == "26100"
    assert build_taken(26100, C16, "10.0.26100.x", "10.0.20348") == "26100"


def test_the_client_sorts_os_version_as_text() -> None:
    """859 comes after 2700 by the alphabet."""
    index = windows_index("10.0.20348.2700", "10.0.20348.859")
    assert taken(choose(on(C22_CLIENT), index)) == "windows/amd64:10.0.20348.859"
    assert taken(choose(on(C22), index)) == "windows/amd64:10.0.20348.2700"


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        (C16_FIRST, "windows/amd64:10.0.20348.3091"),
        (C16_PREFIX, "windows/amd64:10.0.20348.3091"),
        (C17_PREFIX, "windows/amd64"),
        (C17, "windows/amd64"),
        (C22, "windows/amd64"),
        (C22_CLIENT, "windows/amd64:10.0.20348.3091"),
        (NEW, "windows/amd64"),
        (DOCKER, "windows/amd64:10.0.20348.3091"),
    ],
)
def test_an_entry_without_os_version_fits_nearly_everywhere(runtime: str, expected: str) -> None:
    """First in the index it is taken by whoever goes by the index's order."""
    assert taken(choose(on(runtime), windows_index("", V2022))) == expected


def test_containerd_refused_an_entry_without_os_version_before_1_6_18() -> None:
    """HostProcess images could not stand in an index."""
    index = windows_index("")
    assert taken(choose(on(C16_FIRST), index)) == "none"
    choice = choose(on(C16_PREFIX), index)
    assert (taken(choice), choice.right) == ("windows/amd64", True)


@pytest.mark.parametrize("version", ["ltsc2022", "10.0", "10.0.x.1", "10.0.99999999.1", "10.0.\u0662.1"])
def test_a_version_that_cannot_be_read_fits_no_containerd(version: str) -> None:
    """It counts as 0.0.0; Docker takes it for old enough."""
    index = windows_index(version)
    assert taken(choose(on(C17), index)) == "none"
    choice = choose(on(DOCKER), index)
    newer = "99999999" in version
    assert (choice.descriptor is None, choice.right) == (newer, newer)


def test_another_major_version_does_not_fit() -> None:
    """Windows 11.0 is another Windows."""
    assert taken(choose(on(C20), windows_index("11.0.20348.1"))) == "none"


@pytest.mark.parametrize("runtime", [name for name, row in BY_NAME.items() if row.windows])
def test_a_windows_node_takes_no_linux_image(runtime: str) -> None:
    """Not even as the only one."""
    choice = choose(on(runtime), index_of(platform("linux/amd64")))
    assert (choice.descriptor, choice.right, choice.best) == (None, True, True)


@pytest.mark.parametrize("runtime", [name for name, row in BY_NAME.items() if row.linux])
def test_a_linux_node_takes_no_windows_image(runtime: str) -> None:
    """Wherever it stands and whatever version it has."""
    index = index_of(platform(f"windows/amd64:{V2025}"), platform("windows/amd64"), platform("linux/amd64"))
    choice = choose(on(runtime, "linux/amd64"), index)
    assert (taken(choice), choice.right, choice.best) == ("linux/amd64", True, True)


@pytest.mark.parametrize(
    ("runtime", "node", "entries", "expected"),
    [
        (C22, "linux/amd64", "linux/386 linux/amd64", "linux/amd64"),
        (C22, "linux/amd64", "linux/386", "linux/386"),
        (C22, "linux/amd64/v2", "linux/amd64 linux/amd64/v3 linux/amd64/v2", "linux/amd64/v2"),
        (C22, "linux/amd64", "linux/amd64/v2", "none"),
        (C22, "linux/amd64", "linux/x86_64", "linux/x86_64"),
        (C22, "linux/arm/v7", "linux/arm/v5 linux/arm/v6", "linux/arm/v6"),
        (C22, "linux/arm/v6", "linux/arm", "none"),
        (C22, "linux/arm/v7", "linux/arm", "linux/arm"),
        (C22, "linux/arm64", "linux/arm/v7 linux/arm64/v8", "linux/arm64/v8"),
        (C22, "linux/arm64", "linux/arm/v7", "linux/arm/v7"),
        (C22, "linux/arm64", "linux/aarch64", "linux/aarch64"),
        (C22, "linux/amd64", "linux/amd64:6.1", "linux/amd64:6.1"),
        (DOCKER, "linux/amd64", "linux/386 linux/amd64", "linux/amd64"),
        ("Podman", "linux/amd64", "linux/386", "none"),
        ("Podman", "linux/amd64", "linux/x86_64", "none"),
        ("Podman", "linux/amd64", "linux/amd64/v1", "none"),
        ("Podman", "linux/arm64/v8", "linux/arm64 linux/arm64/v8", "linux/arm64/v8"),
        ("CRI-O", "linux/arm64", "linux/arm64/v8 linux/arm64", "linux/arm64"),
        ("CRI-O", "linux/arm/v7", "linux/arm/v5 linux/arm/v6", "linux/arm/v6"),
        ("CRI-O", "linux/arm64", "linux/arm/v7", "none"),
        (DOCKER, f"windows/amd64:{V2022}", f"windows/x86_64:{V2022}", "none"),
        (DOCKER, f"windows/amd64:{V2022}", f"Windows/amd64/v1:{V2022}", f"Windows/amd64/v1:{V2022}"),
        (C22, f"windows/amd64:{V2022}", f"windows/386:{V2022}", f"windows/386:{V2022}"),
        (C22_CLIENT, f"windows/amd64:{V2022}", f"windows/386:{V2022}", "none"),
    ],
)
def test_processors(runtime: str, node: str, entries: str, expected: str) -> None:
    """Own processor first, then older ones, in each runtime's own words."""
    index = index_of(*(platform(text) for text in entries.split()))
    assert taken(choose(on(runtime, node), index)) == expected


@pytest.mark.parametrize(
    ("runtime", "features", "expected"),
    [
        (C22, ("win32k",), True),
        (C22, ("other",), True),
        (C23, ("win32k",), True),
        (C23, ("win32k", "other"), False),
        (C23_CLIENT, ("win32k",), True),
        (C23_CLIENT, ("other",), False),
        (NEW, ("win32k",), True),
        (DOCKER, ("other",), True),
        (DOCKER_STORE, ("other",), False),
    ],
)
def test_os_features(runtime: str, features: tuple[str, ...], expected: bool) -> None:
    """Ignored at first; later anything but win32k must be there, which no node says of itself."""
    choice = choose(on(runtime), index_of(platform(f"windows/amd64:{V2022}", *features)))
    assert (choice.descriptor is not None) is expected


def test_on_linux_os_features_count_from_2_3() -> None:
    """The same rule, without an exception."""
    index = index_of(platform("linux/amd64", "other"), platform("linux/amd64"))
    assert [
        choose(on(runtime, "linux/amd64"), index).descriptor == index.manifests[0] for runtime in (C22, C23)
    ] == [
        True,
        False,
    ]


def test_containerd_2_3_prefers_more_features_to_a_newer_build() -> None:
    """Pods of a mixed index of nanoserver and servercore get servercore."""
    index = index_of(platform(f"windows/amd64:{V2025}"), platform(f"windows/amd64:{V2022}", "win32k"))
    node = windows_node("host", 26100, BY_NAME[C23])
    assert taken(choose(node, index)) == f"windows/amd64:{V2022}"
    assert taken(choose(replace(node, runtime=BY_NAME[C23_CLIENT]), index)) == f"windows/amd64:{V2025}"


@pytest.mark.parametrize(
    ("runtime", "entries", "expected"),
    [
        (C22, (None,), "unnamed"),
        (C22, (None, platform(f"windows/amd64:{V2022}")), f"windows/amd64:{V2022}"),
        (C22_CLIENT, (None, platform(f"windows/amd64:{V2022}")), f"windows/amd64:{V2022}"),
        (DOCKER, (None,), "none"),
    ],
)
def test_an_entry_without_a_platform_comes_last(
    runtime: str, entries: tuple[Platform | None, ...], expected: str
) -> None:
    """One runtime takes it when nothing else fits, another never."""
    assert taken(choose(on(runtime), index_of(*entries))) == expected


@pytest.mark.parametrize(
    ("host", "version", "runs_there"),
    [
        (17763, V2019, True),
        (17763, V2022, False),
        (19045, V2019, False),
        (19045, V2022, False),
        (20348, V2019, False),
        (20348, V2022, True),
        (20348, V2025, False),
        (22631, V2022, True),
        (25398, V2022, True),
        (25398, "10.0.25398.1", True),
        (26100, V2022, True),
        (26100, "10.0.25398.1", False),
        (26100, V2025, True),
        (26200, V2022, True),
        (26200, V2025, False),
    ],
)
def test_what_windows_runs_under_process_isolation(host: int, version: str, runs_there: bool) -> None:
    """The matrix of version-compatibility.md, and what is known to fail on the newest clients."""
    index = windows_index(version)
    node = windows_node("host", host, BY_NAME[C20])
    assert runs(node, index.manifests[0], index.manifests) is runs_there


@pytest.mark.parametrize(
    ("node", "index", "right", "best", "reason"),
    [
        (
            on(C20),
            windows_index(*DESCENDING),
            True,
            True,
            "containerd 2.0 takes windows/amd64:10.0.20348.3091, which is of its own build",
        ),
        (
            windows_node("n", 25398, BY_NAME[C20]),
            windows_index(*DESCENDING),
            True,
            True,
            "containerd 2.0 takes windows/amd64:10.0.20348.3091, which runs on build 25398",
        ),
        (
            windows_node("n", 26100, BY_NAME[C20]),
            windows_index(*ASCENDING),
            True,
            False,
            (
                "containerd 2.0 takes windows/amd64:10.0.20348.3091, which runs on build 26100, although "
                "windows/amd64:10.0.26100.2894 suits it better"
            ),
        ),
        (
            windows_node("n", 26200, BY_NAME[C20]),
            windows_index(*DESCENDING),
            False,
            False,
            (
                "containerd 2.0 takes windows/amd64:10.0.26100.2894, which does not run on build 26200, "
                "although windows/amd64:10.0.20348.3091 does"
            ),
        ),
        (
            windows_node("n", 19045, BY_NAME[DOCKER]),
            windows_index(*DESCENDING),
            False,
            False,
            "Docker takes windows/amd64:10.0.17763.6414, which does not run on build 19045",
        ),
        (
            windows_node("n", 19045, BY_NAME[C20]),
            index_of(platform("linux/amd64"), platform(f"windows/amd64:{V2019}")),
            True,
            True,
            (
                "no entry for windows/amd64 build 19045: the index offers linux/amd64, "
                "windows/amd64:10.0.17763.6414"
            ),
        ),
        (
            windows_node("n", 26200, BY_NAME[C22]),
            windows_index(V2022),
            False,
            False,
            (
                "no entry for windows/amd64 build 26200: the index offers windows/amd64:10.0.20348.3091; "
                "containerd 2.1.6-2.2 passes over windows/amd64:10.0.20348.3091, which would run"
            ),
        ),
        (
            on(C20),
            windows_index(""),
            True,
            True,
            (
                "containerd 2.0 takes windows/amd64, which has no os.version: "
                "as a HostProcess image it runs on every build"
            ),
        ),
        (
            on(C20),
            windows_index("", V2022),
            False,
            False,
            (
                "containerd 2.0 takes windows/amd64, which has no os.version and runs there only by chance, "
                "although windows/amd64:10.0.20348.3091 does"
            ),
        ),
        (
            on(DOCKER),
            windows_index(""),
            False,
            False,
            "Docker takes windows/amd64, which has no os.version and runs there only by chance",
        ),
        (
            on(C20),
            index_of(None),
            False,
            False,
            "containerd 2.0 takes an entry without a platform, which says of no platform that it is for it",
        ),
        (
            on(C20, "linux/arm64/v8"),
            index_of(platform("linux/arm64")),
            True,
            True,
            "containerd 2.0 takes linux/arm64, which is for its processor",
        ),
        (
            on(C20, "linux/amd64"),
            index_of(platform("linux/386")),
            True,
            True,
            "containerd 2.0 takes linux/386, which its processor runs as well",
        ),
        (
            on("Podman", "linux/arm64/v8"),
            index_of(),
            True,
            True,
            "no entry for linux/arm64/v8: the index offers nothing",
        ),
        (
            on("Podman", "linux/amd64"),
            index_of(platform("linux/386")),
            False,
            False,
            (
                "no entry for linux/amd64: the index offers linux/386; Podman passes over linux/386, "
                "which would run"
            ),
        ),
        (
            on(C20, "linux/s390x"),
            index_of(None, *(platform(f"linux/mips/v{number}") for number in range(9))),
            False,
            False,
            "containerd 2.0 takes an entry without a platform, which says of no platform that it is for it",
        ),
        (
            on("CRI-O", "linux/s390x"),
            index_of(None, *(platform(f"linux/mips/v{number}") for number in range(9))),
            True,
            True,
            (
                "no entry for linux/s390x: the index offers an entry without a platform, linux/mips/v0, "
                "linux/mips/v1, linux/mips/v2, linux/mips/v3, linux/mips/v4, linux/mips/v5, linux/mips/v6, "
                "2 more"
            ),
        ),
        (
            on("Podman"),
            windows_index(V2022),
            True,
            True,
            "Podman does not run on windows",
        ),
    ],
)
def test_the_choice_is_explained_and_judged(
    node: Node, index: Index, right: bool, best: bool, reason: str
) -> None:
    """One sentence: what is taken, whether it runs, what would have been better."""
    choice = choose(node, index)
    assert (choice.reason, choice.right, choice.best) == (reason, right, best)


def test_newest_first_is_right_wherever_windows_and_the_runtime_allow() -> None:
    """What `assemble_index` makes serves every kind of server node but those of containerd 1.6."""
    platforms = [platform("linux/amd64"), platform("linux/arm64/v8")]
    platforms += [platform(f"windows/amd64:{version}") for version in ASCENDING]
    index = assemble_index(
        [
            (replace(entry, platform=None), entry.platform)
            for entry in index_of(*platforms).manifests
            if entry.platform
        ]
    )
    wrong = {str(node) for node in NODE_KINDS if not choose(node, index).best}
    assert wrong == {
        "Windows Server 2025, containerd 1.6.23-1.6.39",
        # The newest clients take images that they cannot start (microsoft/hcsshim#2566).
        "Windows 11 25H2, containerd 1.7.6-1.7.34",
        "Windows 11 25H2, containerd 2.1.6-2.2",
        "Windows 11 25H2, Docker",
    }


WORDS = st.sampled_from(["linux", "windows", "Windows", "unknown", ""])
PLATFORMS: Any = st.none() | st.builds(
    Platform,
    os=WORDS,
    architecture=st.sampled_from(["amd64", "x86_64", "386", "arm64", "arm", ""]),
    variant=st.sampled_from(["", "v1", "v3", "v7", "v8", "v9.1"]),
    os_version=st.sampled_from(["", *ASCENDING, *SHORT, "10.0.25398.1", "x", "10.0.20348.1.2"]),
    os_features=st.sampled_from([(), ("win32k",), ("other",)]),
)
NODES = st.sampled_from(
    [
        windows_node("n", host, row)
        for host in (17763, 19045, 20348, 26100, 26200)
        for row in RUNTIMES
        if row.windows
    ]
    + [on(row.name, place) for place in ("linux/amd64", "linux/arm64/v8", "linux/arm") for row in RUNTIMES]
)


@given(node=NODES, platforms=st.lists(PLATFORMS, max_size=6))
def test_every_node_answers_about_every_index(node: Node, platforms: list[Platform | None]) -> None:
    """It takes an entry of the index or none, and the judgement agrees with what runs."""
    index = index_of(*platforms)
    choice = choose(node, index)
    runnable = [entry for entry in index.manifests if runs(node, entry, index.manifests)]
    assert choice.descriptor is None or choice.descriptor in index.manifests
    assert choice.right is (choice.descriptor in runnable if choice.descriptor else not runnable)
    assert choice.right or not choice.best
    assert choice.reason


def test_every_runtime_is_asked() -> None:
    """No row of the table is left out of these tests."""
    named = {C16_PREFIX, C16_FIRST, C17_PREFIX, "CRI-O", "Podman"}
    assert named | {runtime for runtimes in COLUMNS for runtime in runtimes} == set(BY_NAME)
    assert all(isinstance(runtime, Runtime) for runtime in RUNTIMES)
