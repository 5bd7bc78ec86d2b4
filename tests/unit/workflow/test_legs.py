# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Targets in legs: all of them, once each, together where they share work, and not more legs than may be."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import BuildError
from buildtools.plan import Plan
from buildtools.workflow.legs import attest_legs, check_output, machines, pack, target_name
from tests.fakes.plans import DOCKERFILES, FETCHED, HOST_PROCESS, MANY, ONE_IMAGE, linux, plan_of, windows


@pytest.mark.parametrize(
    ("plan", "count"), [(ONE_IMAGE, 1), (MANY, 20), (HOST_PROCESS, 1), (FETCHED, 1), (plan_of([]), 0)]
)
def test_how_many_legs(plan: Plan, count: int) -> None:
    """One where the work is small; many targets share 20."""
    assert len(pack(plan.targets)) == count


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["linux", "arm", "windows"])), unique=True),
    st.integers(1, 5),
)
def test_every_target_is_in_one_leg(chosen: list[tuple[int, str]], most: int) -> None:
    """And what shares a compile is in the same."""
    makers = {
        "linux": lambda name: [linux(name)],
        "arm": lambda name: [linux(name, "arm64")],
        "windows": windows,
    }
    plan = plan_of(one for number, kind in chosen for one in makers[kind](f"i{number}"))
    legs = pack(plan.targets, most=most)
    assert Counter(target.name for leg in legs for target in leg.targets) == Counter(
        target.name for target in plan.targets
    )
    assert len(legs) <= most
    assert all(leg.targets for leg in legs)
    homes: dict[tuple[str, str, str], set[str]] = {}
    for leg in legs:
        for target in leg.targets:
            key = (target.variant.image, target.variant.platform.os, target.variant.platform.architecture)
            homes.setdefault(key, set()).add(leg.name)
    assert all(len(names) == 1 for names in homes.values())


def test_what_stands_on_a_prepared_base_is_built_beside_it() -> None:
    """It would not be the same base on another machine; where its digest is known, none is built for it."""
    alone = {"build": None, "base": "image:runtime"}
    plan = plan_of(
        [
            *windows("runtime", engine="dockerfile", build=None)[1:],
            linux("runtime", engine="dockerfile", build=None),
            *windows("middle", **alone)[1:],
            *windows("app", build=None, base="image:middle")[1:],
            linux("app", **alone),
            linux("other", build=None, base="image:elsewhere"),
        ]
    )
    assert [(leg.runner, leg.to_json()["targets"]) for leg in pack(plan.targets)] == [
        ("windows-2022", "runtime@windows/amd64:ltsc2022 middle@windows/amd64:ltsc2022 app@windows/amd64:ltsc2022"),
        ("windows-2025", "runtime@windows/amd64:ltsc2025 middle@windows/amd64:ltsc2025 app@windows/amd64:ltsc2025"),
        ("ubuntu-24.04", "runtime@linux/amd64 app@linux/amd64"),
        ("ubuntu-24.04", "other@linux/amd64"),
    ]  # fmt: skip
    pinned = [
        replace(one, base=replace(one.base, digest=f"sha256:{'1' * 64}"))
        for one in plan.targets
        if one.variant.image in {"runtime", "middle"}
    ]
    assert [(leg.runner, leg.to_json()["targets"]) for leg in pack(pinned)][-1] == (
        "ubuntu-24.04",
        "middle@windows/amd64:ltsc2022 middle@windows/amd64:ltsc2025",
    )


def test_legs_of_different_machines() -> None:
    """A Dockerfile goes to a machine of its own operating system and release."""
    assert [leg.to_json() for leg in pack(DOCKERFILES.targets)] == [
        {"name": "ubuntu-24-04-1", "runner": "ubuntu-24.04", "os": "linux", "targets": "app@linux/amd64"},
        {"name": "ubuntu-24-04-arm-1", "runner": "ubuntu-24.04-arm", "os": "linux", "targets": "app@linux/arm64"},
        {"name": "windows-2022-1", "runner": "windows-2022", "os": "windows", "targets": "app@windows/amd64:ltsc2022"},
        {"name": "windows-2025-1", "runner": "windows-2025", "os": "windows", "targets": "app@windows/amd64:ltsc2025"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        (ONE_IMAGE, ["ubuntu-24.04", "ubuntu-24.04-arm", "windows-2022", "windows-2025"]),
        (HOST_PROCESS, ["windows-2022", "windows-2025"]),
        (FETCHED, ["ubuntu-24.04"]),
        (plan_of([]), []),
    ],
)
def test_machines_that_prove(plan: Plan, found: list[str]) -> None:
    """One for each architecture of Linux, and each Windows machine."""
    assert [leg["runner"] for leg in machines(plan.targets)] == found
    assert {leg["os"] for leg in machines(plan.targets)} == {
        leg.partition("-")[0].replace("ubuntu", "linux") for leg in found
    }


def test_subjects_share_legs() -> None:
    """In their order, eight each; a leg says which images it is about."""
    subjects = [(f"i{number // 3}", f"r/i{number // 3}", f"d{number}") for number in range(10)]
    legs = attest_legs(subjects)
    assert [(leg["images"], len(leg["subjects"])) for leg in legs] == [
        ("i0 and 2 more", 8),
        ("i2 and 1 more", 2),
    ]
    assert legs[1]["subjects"][0] == {"name": "r/i2", "digest": "d8"}
    assert attest_legs([]) == []
    with pytest.raises(BuildError) as caught:
        attest_legs([("i", "r", "d")] * (8 * 256 + 1))
    assert (
        str(caught.value)
        == "2049 indexes and images are more than 256 legs attest: name fewer images, or make one workflow for each group of them"
    )


def test_loads_are_even() -> None:
    """No leg of 300 targets has much more than another."""
    counts = [len({target.variant.image for target in leg.targets}) for leg in pack(MANY.targets)]
    assert max(counts) - min(counts) <= 3
    assert sum(len(leg.targets) for leg in pack(MANY.targets)) == 300


def test_what_cannot_be_built_or_packed() -> None:
    """With a sentence."""
    with pytest.raises(BuildError) as caught:
        pack(plan_of(windows("app", engine="dockerfile")).targets)
    assert str(caught.value) == (
        "GitHub has no machine that can build app windows/amd64:ltsc2019: "
        "build it on a machine of your own, or describe it with `files`"
    )
    many = plan_of(linux(f"i{number}", build=None, engine="dockerfile") for number in range(300))
    with pytest.raises(BuildError) as caught:
        pack(many.targets, most=300)
    assert str(caught.value) == "300 legs are more than the 256 of a matrix: lower --legs"


def test_outputs_have_a_limit() -> None:
    """GitHub counts two bytes a character."""
    check_output("a", "x" * 524_287)
    with pytest.raises(BuildError) as caught:
        check_output("a", "x" * 524_288)
    assert str(caught.value) == (
        "the output a has 1,048,578 bytes, and 1,048,576 may be: "
        "name fewer images, or make one workflow for each group of them"
    )


def test_a_target_as_a_word() -> None:
    """As `build --targets` takes it."""
    assert target_name(ONE_IMAGE.targets[2]) == "whoami@windows/amd64:ltsc2019"
