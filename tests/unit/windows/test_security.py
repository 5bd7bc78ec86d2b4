"""Security descriptors as bytes: those that peers write, round trips, and damage."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.sddl_names import SIDS
from buildtools.windows.security import (
    PRESETS,
    Ace,
    SecurityDescriptor,
    SecurityError,
    descriptor_for,
    encode_sid,
    from_base64,
    from_sddl,
    to_base64,
)
from tests.fakes.descriptors import (
    BUILDKIT_DIRECTORY,
    BUILDKIT_FILE,
    DESCRIPTORS,
    NO_LIST_ADMINS,
    NO_LIST_USERS,
    NUMBERS,
    USERS_RX_DIRECTORY,
    USERS_RX_FILE,
)

SYSTEM = bytes.fromhex("0101 000000000005 12000000")
ADMINS = bytes.fromhex("0102 000000000005 20000000 20020000")


@pytest.mark.parametrize(
    ("encoded", "size", "text"),
    [
        (NO_LIST_USERS, 52, "O:BUG:BU"),
        (NO_LIST_ADMINS, 52, "O:BAG:BA"),
        (BUILDKIT_FILE, 124, "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)"),
        (
            BUILDKIT_DIRECTORY,
            216,
            "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)",
        ),
        (
            USERS_RX_DIRECTORY,
            124,
            "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)",
        ),
    ],
)
def test_what_peers_write_is_read_and_written(encoded: str, size: int, text: str) -> None:
    """Bytes and SDDL say the same, in both directions."""
    assert len(base64.b64decode(encoded)) == size
    assert from_base64(encoded).to_sddl() == text
    assert to_base64(from_sddl(text).encode()) == encoded


@pytest.mark.parametrize(
    ("acl", "directory", "encoded"),
    [
        ("users-rx", False, USERS_RX_FILE),
        ("users-rx", True, USERS_RX_DIRECTORY),
        ("O:BUG:BU", True, NO_LIST_USERS),
    ],
)
def test_an_acl_of_a_definition_has_its_bytes(acl: str, directory: bool, encoded: str) -> None:
    """A preset by its name, or SDDL."""
    assert to_base64(descriptor_for(acl, directory=directory)) == encoded


@pytest.mark.parametrize(
    ("acl", "directory", "text"),
    [
        ("users-full", False, "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;BU)"),
        ("users-full", True, "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;BU)"),
        ("D:", False, "D:"),
    ],
)
def test_an_acl_of_a_definition_says_what_it_means(acl: str, directory: bool, text: str) -> None:
    """Entries of directories are inherited by what lies in them."""
    assert SecurityDescriptor.decode(descriptor_for(acl, directory=directory)).to_sddl() == text


def test_an_unknown_acl_is_refused_with_those_there_are() -> None:
    """Without a colon it cannot be SDDL."""
    assert list(PRESETS) == ["users-rx", "users-full"]
    with pytest.raises(SecurityError) as caught:
        descriptor_for("everyone", directory=False)
    assert str(caught.value) == (
        "unknown acl 'everyone': use users-rx, users-full, or SDDL such as O:BAG:SYD:(A;;FA;;;BA)"
    )


@pytest.mark.parametrize(
    ("sid", "data"),
    [
        ("S-1-5-18", SYSTEM),
        ("S-1-5-32-544", ADMINS),
        ("S-1-1-0", bytes.fromhex("0101 000000000001 00000000")),
        ("S-1-5-93-2-1", bytes.fromhex("0103 000000000005 5d000000 02000000 01000000")),
        ("S-1-281474976710655-4294967295", bytes.fromhex("0101 ffffffffffff ffffffff")),
        ("S-1-0" + "-1" * 15, bytes.fromhex("010f 000000000000" + "01000000" * 15)),
    ],
)
def test_a_sid_has_its_bytes(sid: str, data: bytes) -> None:
    """[MS-DTYP] 2.4.2.2: the authority is big-endian, the numbers are little-endian."""
    assert encode_sid(sid) == data
    header = struct.pack("<BBHIIII", 1, 0, 0x8000, 20, 0, 0, 0)
    assert SecurityDescriptor.decode(header + data) == SecurityDescriptor(owner=sid)


@pytest.mark.parametrize(
    "sid", ["", "BA", "S-1-5", "S-2-5-18", "S-1-5-18-", "s-1-5-18", "S-1-5-x", "S-1-5-18\n", "S-1-٥-18"]
)
def test_what_is_no_sid_is_refused(sid: str) -> None:
    """Aliases are for SDDL only."""
    with pytest.raises(SecurityError) as caught:
        encode_sid(sid)
    assert str(caught.value) == f"{sid!r} is not a SID: it looks like S-1-5-32-544"


@pytest.mark.parametrize(
    "sid",
    [
        "S-1-281474976710656-1",
        "S-1-5-4294967296",
        "S-1-0" + "-1" * 16,
        "S-1-5-" + "9" * 5000,
        "S-1-" + "9" * 5000 + "-1",
    ],
    ids=["authority", "number", "count", "digits", "authority digits"],
)
def test_a_sid_out_of_range_is_refused(sid: str) -> None:
    """Numbers have 32 bits, the authority has 48, and there are at most fifteen numbers."""
    with pytest.raises(SecurityError) as caught:
        encode_sid(sid)
    assert str(caught.value) == f"{sid!r} has a number that is too large, or more than fifteen of them"


def test_no_list_and_an_empty_list_are_two_things() -> None:
    """Without a list everybody may do everything, with an empty one nobody may do anything."""
    absent, empty = SecurityDescriptor(), SecurityDescriptor(dacl=())
    assert absent.encode() == struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    assert empty.encode() == struct.pack("<BBHIIIIBBHHH", 1, 0, 0x8004, 0, 0, 0, 20, 2, 0, 8, 0, 0)
    assert SecurityDescriptor.decode(absent.encode()) == absent
    assert SecurityDescriptor.decode(empty.encode()) == empty


def test_a_null_list_is_no_list() -> None:
    """Present without an offset: what the CimFS importer writes."""
    data = struct.pack("<BBHIIII", 1, 0, 0x8014, 0, 0, 0, 0)
    assert SecurityDescriptor.decode(data) == SecurityDescriptor()


def test_an_audit_list_and_data_behind_a_sid_are_kept() -> None:
    """Layers of Windows hosts have integrity labels and conditional entries."""
    label = Ace(0x11, 0, 1, "S-1-16-12288")
    callback = Ace(9, 3, 0x1F01FF, "S-1-5-18", b"artx")
    descriptor = SecurityDescriptor(owner="S-1-5-18", dacl=(callback,), sacl=(label,), control=0x1400)
    expected = (
        struct.pack("<BBHIIII", 1, 0, 0x9414, 20, 0, 32, 60)
        + SYSTEM
        + struct.pack("<BBHHH", 2, 0, 28, 1, 0)
        + struct.pack("<BBHI", 0x11, 0, 20, 1)
        + bytes.fromhex("0101 000000000010 00300000")
        + struct.pack("<BBHHH", 2, 0, 32, 1, 0)
        + struct.pack("<BBHI", 9, 3, 24, 0x1F01FF)
        + SYSTEM
        + b"artx"
    )
    assert descriptor.encode() == expected
    assert SecurityDescriptor.decode(expected) == descriptor


@given(DESCRIPTORS)
def test_a_descriptor_comes_back_as_it_went(descriptor: SecurityDescriptor) -> None:
    """Through its bytes and through base64, and the bytes are the same the second time."""
    data = descriptor.encode()
    assert SecurityDescriptor.decode(data) == descriptor
    assert from_base64(to_base64(data)) == descriptor
    assert SecurityDescriptor.decode(data).encode() == data


def test_too_many_entries_are_refused() -> None:
    """A list's size has sixteen bits: 3276 entries of 20 bytes fit, one more does not."""
    ace = Ace(0, 0, 1, "S-1-5-18")
    full = SecurityDescriptor(dacl=(ace,) * 3276)
    assert SecurityDescriptor.decode(full.encode()) == full
    with pytest.raises(SecurityError) as caught:
        SecurityDescriptor(dacl=(ace,) * 3277).encode()
    assert str(caught.value) == "the access list has more than 65535 bytes: name fewer entries"


def _header(*, revision: int = 1, control: int = 0x8000, owner: int = 0, dacl: int = 0) -> bytes:
    return struct.pack("<BBHIIII", revision, 0, control, owner, 0, 0, dacl)


def _list(size: int, count: int, body: bytes = b"", revision: int = 2) -> bytes:
    return _header(control=0x8004, dacl=20) + struct.pack("<BBHHH", revision, 0, size, count, 0) + body


def _entry(size: int) -> bytes:
    return struct.pack("<BBHI", 0, 0, size, 1) + SYSTEM


DAMAGE = [
    (b"", "a security descriptor has at least 20 bytes, this has 0"),
    (_header()[:19], "a security descriptor has at least 20 bytes, this has 19"),
    (_header(revision=2), "the security descriptor is not of revision 1 in self-relative form"),
    (_header(control=0x0004), "the security descriptor is not of revision 1 in self-relative form"),
    (_header(owner=20), "there is no SID at byte 20 of the security descriptor"),
    (_header(owner=2**32 - 1), "there is no SID at byte 4294967295 of the security descriptor"),
    (_header(owner=20) + b"\2" + SYSTEM[1:], "there is no SID at byte 20 of the security descriptor"),
    (_header(owner=20) + b"\1\0" + SYSTEM[2:], "there is no SID at byte 20 of the security descriptor"),
    (_header(owner=20) + b"\1\20" + bytes(70), "there is no SID at byte 20 of the security descriptor"),
    (_header(owner=20) + SYSTEM[:7], "there is no SID at byte 20 of the security descriptor"),
    (_header(owner=20) + SYSTEM[:-1], "the SID at byte 20 of the security descriptor is cut off"),
    (_header(control=0x8004, dacl=20), "the access list of the security descriptor is cut off"),
    (_header(control=0x8004, dacl=2**32 - 1), "the access list of the security descriptor is cut off"),
    (_list(8, 0, revision=3), "the access list of the security descriptor is damaged"),
    (_list(9, 0), "the access list of the security descriptor is damaged"),
    (_list(8, 1), "the access list of the security descriptor is cut off"),
    (_list(8, 1, _entry(20)), "the access list of the security descriptor is cut off"),
    (_list(0, 65535), "the access list of the security descriptor is cut off"),
    (_list(16, 1, _entry(20)[:8]), "there is no SID at byte 36 of the security descriptor"),
    (_list(28, 1, _entry(19)), "an entry of the access list has a wrong size"),
    (_list(28, 1, _entry(0)), "an entry of the access list has a wrong size"),
    (_list(28, 1, _entry(21)), "an entry of the access list has a wrong size"),
    (_list(28, 2, _entry(20)), "the access list of the security descriptor is cut off"),
]


@pytest.mark.parametrize(("data", "sentence"), DAMAGE)
def test_damage_is_a_sentence(data: bytes, sentence: str) -> None:
    """Every offset and size is believed only as far as there are bytes."""
    with pytest.raises(SecurityError) as caught:
        SecurityDescriptor.decode(data)
    assert str(caught.value) == sentence
    with pytest.raises(SecurityError) as caught:
        from_base64(to_base64(data))
    assert str(caught.value) == sentence


def test_a_list_of_revision_4_is_read() -> None:
    """[MS-DTYP] 2.4.5: Windows writes it where a list may hold other kinds of entries."""
    data = _list(28, 1, _entry(20), revision=4)
    assert SecurityDescriptor.decode(data).dacl == (Ace(0, 0, 1, "S-1-5-18"),)


@pytest.mark.parametrize("text", ["!", "AQAA", "AQAE gA==", "AQAEgBQAAAA=\n", "é", "\udc80", "AQAEg-_-"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    """Standard base64 without white space; "AQAA" is base64 of three bytes only."""
    with pytest.raises(SecurityError) as caught:
        from_base64(text)
    assert str(caught.value) == {
        "AQAA": "a security descriptor has at least 20 bytes, this has 3",
    }.get(text, "the security descriptor is not standard base64")


HEADERS = st.builds(
    lambda control, *offsets: struct.pack("<BBHIIII", 1, 0, 0x8000 | control, *offsets),
    st.integers(0, 0x7FFF),
    *[st.integers(0, 80) | NUMBERS] * 4,
)
PIECES = st.sampled_from([SYSTEM, ADMINS, _list(28, 1, _entry(20))[20:], _entry(20)]) | st.binary(max_size=12)


def _read(data: bytes) -> SecurityDescriptor | str:
    try:
        return SecurityDescriptor.decode(data)
    except SecurityError as error:
        return str(error)


@given(
    st.binary(max_size=80)
    | st.builds(lambda head, *rest: head + b"".join(rest), HEADERS, PIECES, PIECES, PIECES)
)
def test_no_bytes_lead_to_anything_but_a_descriptor_or_a_sentence(data: bytes) -> None:
    """And what was read can be written and read again."""
    found = _read(data)
    if isinstance(found, str):
        assert "security descriptor" in found or "access list" in found
    else:
        assert SecurityDescriptor.decode(found.encode()) == found


def test_every_alias_names_an_account_of_its_own() -> None:
    """Else the short form that a SID is shown in would depend on the table's order."""
    assert len(set(SIDS.values())) == len(SIDS)
    assert all(len(name) == 2 and name.isupper() for name in SIDS)
