"""What a program says of where it runs, held against its image."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.oci.platform import Platform
from buildtools.tiers.answers import answer_findings
from buildtools.windows.releases import EXAMPLE

LINUX = Platform(os="linux", architecture="amd64")
WINDOWS = Platform(os="windows", architecture="amd64", os_version=f"10.0.{EXAMPLE.build}.2700")
FOR_BUILD = f"its image is for build {EXAMPLE.build}"


@pytest.mark.parametrize(
    ("platform", "answer", "findings"),
    [
        (LINUX, {}, []),
        (LINUX, {"os": "linux", "architecture": "amd64", "os_version": "6.1.0"}, []),
        (LINUX, {"os": "Debian 12", "arch": "fast"}, []),
        (LINUX, {"os": "Windows"}, ["answered os = 'Windows', its image is for linux"]),
        (LINUX, {"arch": "x86_64"}, []),
        (LINUX, {"arch": "aarch64"}, ["answered arch = 'aarch64', its image is for amd64"]),
        (LINUX, {"os": 1, "arch": None, "build": 1}, []),
        (WINDOWS, {"os_version": f"10.0.{EXAMPLE.build}.1", "build": EXAMPLE.build}, []),
        (WINDOWS, {"os_version": f"10.0.{EXAMPLE.build}", "build": str(EXAMPLE.build)}, []),
        (WINDOWS, {"os_version": "6.1.7601"}, [f"answered os_version = '6.1.7601', {FOR_BUILD}"]),
        (WINDOWS, {"os_version": "7"}, ["answered os_version = '7', which is no Windows version"]),
        (WINDOWS, {"build": 7601}, [f"answered build = 7601, {FOR_BUILD}"]),
        (WINDOWS, {"build": "main", "os_build": True}, []),
        (Platform(os="windows", architecture="amd64"), {"os_version": "6.1.7601"}, []),
        (Platform(os="windows", architecture="amd64", os_version="x"), {"build": 1}, []),
    ],
)
def test_what_fits(platform: Platform, answer: dict[str, Any], findings: list[str]) -> None:
    """Only keys that are there, and only values that are words of that kind."""
    assert list(answer_findings(platform, answer)) == findings


KEYS = st.sampled_from(["os", "arch", "os_version", "build"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(answer=st.dictionaries(KEYS, VALUES))
def test_any_answer(answer: dict[str, Any]) -> None:
    """Findings name a key of the answer."""
    for finding in answer_findings(WINDOWS, answer):
        assert any(finding.startswith(f"answered {key} = {value!r}, ") for key, value in answer.items())
