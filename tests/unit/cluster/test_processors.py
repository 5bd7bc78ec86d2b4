"""Which processors' images a processor runs, the best first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.processors import compatible, spelled
from buildtools.oci.platform import Platform


def processor(architecture: str, variant: str) -> Platform:
    """A node with this processor."""
    return Platform(os="linux", architecture=architecture, variant=variant)


def words(processors: tuple[tuple[str, str], ...]) -> str:
    """The processors as one text."""
    return " ".join("/".join(part for part in one if part) for one in processors)


@pytest.mark.parametrize(
    ("architecture", "variant", "expected"),
    [
        ("amd64", "", "amd64 386"),
        ("x86_64", "v1", "amd64 386"),
        ("amd64", "v3", "amd64/v3 amd64/v2 amd64 386"),
        ("amd64", "new", "amd64/new 386"),
        ("386", "", "386"),
        ("arm", "", "arm/v7 arm/v6 arm/v5"),
        ("arm", "v6", "arm/v6 arm/v5"),
        ("arm", "v5", "arm/v5"),
        ("arm", "v8", "arm/v8 arm/v7 arm/v6 arm/v5"),
        ("arm64", "", "arm64 arm/v8 arm/v7 arm/v6 arm/v5"),
        ("arm64", "v8", "arm64 arm/v8 arm/v7 arm/v6 arm/v5"),
        ("aarch64", "v8.2", "arm64/v8.2 arm64/v8.1 arm64 arm/v8 arm/v7 arm/v6 arm/v5"),
        (
            "arm64",
            "v9",
            (
                "arm64/v9 arm64/v8.5 arm64/v8.4 arm64/v8.3 arm64/v8.2 arm64/v8.1 arm64 "
                "arm/v9 arm/v8 arm/v7 arm/v6 arm/v5"
            ),
        ),
        (
            "arm64",
            "v9.1",
            (
                "arm64/v9.1 arm64/v9 arm64/v8.6 arm64/v8.5 arm64/v8.4 arm64/v8.3 arm64/v8.2 arm64/v8.1 arm64 "
                "arm/v8 arm/v7 arm/v6 arm/v5"
            ),
        ),
        ("arm64", "v7", "arm64/v7 arm/v7 arm/v6 arm/v5"),
        ("arm64", "next", "arm64/next arm/next"),
        ("s390x", "", "s390x"),
        ("riscv64", "rva23u64", "riscv64/rva23u64"),
    ],
)
def test_containerd_goes_down_to_older_processors(architecture: str, variant: str, expected: str) -> None:
    """The vectors of containerd/platforms:compare.go."""
    assert words(compatible(processor(architecture, variant))) == expected


def test_no_revision_of_armv8_is_above_the_last() -> None:
    """v9.6 runs no v8.11: Armv8 ended with v8.9."""
    found = words(compatible(processor("arm64", "v9.6")))
    assert found.startswith("arm64/v9.6 arm64/v9.5 ")
    assert " arm64/v9 arm64/v8.9 arm64/v8.8 " in found


@pytest.mark.parametrize(
    ("architecture", "variant", "expected"),
    [
        ("amd64", "", "amd64"),
        ("amd64", "v3", "amd64/v3 amd64"),
        ("arm64", "", "arm64 arm64/v8"),
        ("arm64", "v8", "arm64/v8 arm64"),
        ("arm", "", "arm"),
        ("arm", "v6", "arm/v6 arm/v5 arm"),
        ("arm", "v9", "arm/v9 arm"),
        ("x86_64", "", "x86_64"),
    ],
)
def test_podman_compares_words(architecture: str, variant: str, expected: str) -> None:
    """The lists of containers/image, which knows no other spelling and no other architecture."""
    assert words(spelled(processor(architecture, variant))) == expected


VARIANTS = st.sampled_from(["", "v1", "v2", "v3", "v5", "v6", "v7", "v8", "v8.3", "v9", "v9.2"]) | st.text(
    max_size=4
)


@given(architecture=st.sampled_from(["amd64", "arm64", "arm", "386", "mips"]), variant=VARIANTS)
def test_a_processor_runs_its_own_images_first(architecture: str, variant: str) -> None:
    """Whatever the variant, and nothing twice."""
    host = processor(architecture, variant)
    found = compatible(host)
    normal = host.normalised()
    assert found[0] == (normal.architecture, normal.variant)
    assert len(set(found)) == len(found)
