"""What a prefix says about the Windows that it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.releases import RELEASES, OsVersion, WindowsRelease, parse_os_version
from buildtools.windows.reported import CURRENT_VERSION, reported, with_values

FILE = """\
WINE REGISTRY Version 2
;; All keys relative to REGISTRY\\\\Machine

#arch=win64

[Software\\\\Microsoft\\\\Windows NT] 1795606640
#time=1dd7cd154dbe260
"UBR"=dword:00000007

[Software\\\\Microsoft\\\\Windows NT\\\\CurrentVersion] 1795606640
#time=1dd7cd154dbe260
"CurrentVersion"="6.1"
"DigitalProductId"=hex:00,00,\\
  00,00
"SystemRoot"="C:\\\\windows"

[Software\\\\Microsoft\\\\Windows NT\\\\CurrentVersion\\\\Fonts] 1795606640
"UBR"=dword:00000008
"""


@pytest.mark.parametrize("row", RELEASES, ids=lambda row: row.name)
def test_each_release_is_reported(row: WindowsRelease) -> None:
    """Under its build and patch level, and the name that people know."""
    values = reported(OsVersion(10, 0, row.build, 1234))
    assert values == {
        "CSDVersion": "",
        "CurrentBuild": str(row.build),
        "CurrentBuildNumber": str(row.build),
        "CurrentMajorVersionNumber": 10,
        "CurrentMinorVersionNumber": 0,
        "CurrentVersion": "10.0",
        "ProductName": f"{row.product} Datacenter",
        "UBR": 1234,
    }


def test_a_version_without_patch_level() -> None:
    """Is that of the release's first day."""
    assert reported(parse_os_version("10.0.20348"))["UBR"] == 0


def test_values_are_changed_and_added_in_their_key_only() -> None:
    """What else is in the file stays as it is."""
    assert with_values(FILE, CURRENT_VERSION, {"UBR": 0x6CE, "CurrentVersion": "10.0"}) == FILE.replace(
        '"CurrentVersion"="6.1"\n', ""
    ).replace(
        '"SystemRoot"="C:\\\\windows"\n',
        '"SystemRoot"="C:\\\\windows"\n"CurrentVersion"="10.0"\n"UBR"=dword:000006ce\n',
    )


def test_a_key_that_is_not_there_is_added() -> None:
    """At the end."""
    text = with_values("WINE REGISTRY Version 2\n", r"A\B", {'x"\\': "y\\"})
    assert text == 'WINE REGISTRY Version 2\n\n[A\\\\B]\n"x\\"\\\\"="y\\\\"\n\n'


@given(st.dictionaries(st.sampled_from(["UBR", "CurrentVersion", "New"]), st.integers(0, 2**32 - 1)))
def test_a_second_time_changes_nothing(values: dict[str, int]) -> None:
    """The same values in the same place."""
    once = with_values(FILE, CURRENT_VERSION, values)
    assert with_values(once, CURRENT_VERSION, values) == once
