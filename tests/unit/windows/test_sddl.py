"""SDDL: what the text means, one text for one meaning, and a column for each mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.sddl_names import ACE_FLAGS, DACL_FLAGS, RIGHTS, SIDS
from buildtools.windows.security import READ_EXECUTE, Ace, SecurityDescriptor, SecurityError, from_sddl
from tests.fakes.descriptors import DESCRIPTORS, WORDED

SYSTEM = "S-1-5-18"


@pytest.mark.parametrize(
    ("text", "descriptor"),
    [
        ("O:SY", SecurityDescriptor(owner=SYSTEM)),
        ("G:SY", SecurityDescriptor(group=SYSTEM)),
        ("G:WDO:SY", SecurityDescriptor(owner=SYSTEM, group="S-1-1-0")),
        ("O:S-1-5-93-2-1G:S-1-5-93-2-2", SecurityDescriptor(owner="S-1-5-93-2-1", group="S-1-5-93-2-2")),
        ("O:S-1-005-032-0544", SecurityDescriptor(owner="S-1-5-32-544")),
        ("D:", SecurityDescriptor(dacl=())),
        ("D:O:SY", SecurityDescriptor(dacl=(), owner=SYSTEM)),
        ("D:G:SY", SecurityDescriptor(dacl=(), group=SYSTEM)),
        ("D:P", SecurityDescriptor(dacl=(), control=0x1000)),
        ("D:PAIAR", SecurityDescriptor(dacl=(), control=0x1500)),
        ("D:ARAIPO:SY", SecurityDescriptor(dacl=(), control=0x1500, owner=SYSTEM)),
        ("D:AI(A;;GA;;;SY)", SecurityDescriptor(dacl=(Ace(0, 0, 0x10000000, SYSTEM),), control=0x0400)),
        ("D:(D;OICINPIOID;;;;WD)", SecurityDescriptor(dacl=(Ace(1, 0x1F, 0, "S-1-1-0"),))),
        ("D:(A;;;;;S-1-15-2-1)", SecurityDescriptor(dacl=(Ace(0, 0, 0, "S-1-15-2-1"),))),
        (
            "D:(D;;SD;;;WD)(A;;FA;;;WD)",
            SecurityDescriptor(dacl=(Ace(1, 0, 0x10000, "S-1-1-0"), Ace(0, 0, 0x1F01FF, "S-1-1-0"))),
        ),
    ],
)
def test_text_means_a_descriptor(text: str, descriptor: SecurityDescriptor) -> None:
    """Owner, group and list in any order; entries keep theirs."""
    assert from_sddl(text) == descriptor


@pytest.mark.parametrize(
    ("rights", "mask"),
    [
        ("FA", 0x1F01FF),
        ("FRFX", READ_EXECUTE),
        ("FRFW", 0x12019F),
        ("GRGWGX", 0xE0000000),
        ("RCSDWDWO", 0xF0000),
        ("CCDCLCSWRPWPDTLOCR", 0x1FF),
        ("", 0),
        ("0", 0),
        ("0x1200a9", 0x1200A9),
        ("0X1200A9", 0x1200A9),
        ("0xffffffff", 0xFFFFFFFF),
        ("4294967295", 0xFFFFFFFF),
        ("037777777777", 0xFFFFFFFF),
        ("10", 10),
        ("010", 8),
        ("0x10", 16),
    ],
)
def test_rights_are_letters_or_a_number(rights: str, mask: int) -> None:
    """Letters add up; a number is hexadecimal, octal or decimal, as in C."""
    assert from_sddl(f"D:(A;;{rights};;;SY)").dacl == (Ace(0, 0, mask, SYSTEM),)


@pytest.mark.parametrize(
    ("ace", "text"),
    [
        (Ace(0, 0, 0x1F01FF, SYSTEM), "(A;;FA;;;SY)"),
        (Ace(1, 0x0B, 0x10000000, "S-1-3-0"), "(D;OICIIO;GA;;;CO)"),
        (Ace(0, 0, READ_EXECUTE, "S-1-5-93-2-2"), "(A;;0x1200a9;;;S-1-5-93-2-2)"),
        (Ace(0, 0, 0, SYSTEM), "(A;;0x0;;;SY)"),
        (Ace(0, 0, 0x20019, SYSTEM), "(A;;KR;;;SY)"),
    ],
)
def test_an_entry_is_shown_with_the_shortest_names(ace: Ace, text: str) -> None:
    """And with a number where there are no letters for a mask."""
    assert SecurityDescriptor(dacl=(ace,)).to_sddl() == f"D:{text}"


def test_what_text_cannot_say_is_left_out_as_windows_does() -> None:
    """Control bits without letters, and those of a list that is not there."""
    assert SecurityDescriptor(owner=SYSTEM, control=0x1400).to_sddl() == "O:SY"
    assert SecurityDescriptor(dacl=(), control=0x1003).to_sddl() == "D:P"
    assert SecurityDescriptor().to_sddl() == ""


def test_flags_are_shown_in_the_order_of_windows() -> None:
    """P, AI, AR for a list, whatever the order they were written in."""
    assert from_sddl("D:ARAIP(A;IDCIOI;FA;;;SY)").to_sddl() == "D:PAIAR(A;OICIID;FA;;;SY)"


@pytest.mark.parametrize(
    ("descriptor", "sentence"),
    [
        (SecurityDescriptor(sacl=()), "the security descriptor has an audit list, which has no text here"),
        (
            SecurityDescriptor(dacl=(Ace(9, 0, 1, SYSTEM),)),
            "access list entries of type 9 have no text here",
        ),
        (
            SecurityDescriptor(dacl=(Ace(0, 0, 1, SYSTEM, b"artx"),)),
            "an access list entry with data behind its SID has no text here",
        ),
        (
            SecurityDescriptor(dacl=(Ace(0, 0xC1, 1, SYSTEM),)),
            "the flags 0xc0 of an access list entry have no text here",
        ),
    ],
)
def test_what_text_must_not_leave_out_is_refused(descriptor: SecurityDescriptor, sentence: str) -> None:
    """Else who reads the text back would grant something else."""
    with pytest.raises(SecurityError) as caught:
        descriptor.to_sddl()
    assert str(caught.value) == sentence


ALIASES = ", ".join(SIDS)
FAULTS = [
    ("", 1, "expected O:, G: or D:"),
    ("BA", 1, "expected O:, G: or D:, each once"),
    ("o:BA", 1, "expected O:, G: or D:, each once"),
    (" O:BA", 1, "expected O:, G: or D:, each once"),
    ("O:BAx", 5, "expected O:, G: or D:, each once"),
    ("O:BAO:SY", 5, "expected O:, G: or D:, each once"),
    ("D:D:", 3, "expected O:, G: or D:, each once"),
    ("D:(A;;FA;;;BA)P", 15, "expected O:, G: or D:, each once"),
    ("O:S-1-5-18-", 11, "expected O:, G: or D:, each once"),
    ("O:BAS:(AU;;FA;;;WD)", 5, "an audit list (S:) has no place in an image, leave it out"),
    ("D:S:", 3, "an audit list (S:) has no place in an image, leave it out"),
    ("O:", 3, f"'' is not a SID or one of {ALIASES}"),
    ("O:X", 3, f"'X' is not a SID or one of {ALIASES}"),
    ("O:ba", 3, f"'ba' is not a SID or one of {ALIASES}"),
    ("O:DAG:SY", 3, f"'DA' is not a SID or one of {ALIASES}"),
    ("O:S-1-5", 3, f"'S-' is not a SID or one of {ALIASES}"),
    (
        "O:BAG:S-1-5-4294967296",
        7,
        "'S-1-5-4294967296' has a number that is too large, or more than fifteen of them",
    ),
    ("D:X", 3, "expected P, AI, AR or an entry in parentheses"),
    ("D:A", 3, "expected P, AI, AR or an entry in parentheses"),
    ("D:PNO_ACCESS_CONTROL", 4, "expected P, AI, AR or an entry in parentheses"),
    ("D:(A;;FA;;;BA", 3, "this entry has no closing parenthesis"),
    ("D:(A;;FA;;;BA)(", 15, "this entry has no closing parenthesis"),
    ("D:()", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(A;;FA;;BA)", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(A;;FA;;;BA;x)", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(A;;FA;guid;;BA)", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(A;;FA;;guid;BA)", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(;;FA;;;BA)", 4, "'' is unknown: an entry's type is A (allow) or D (deny)"),
    ("D:(XA;;FA;;;BA)", 4, "'XA' is unknown: an entry's type is A (allow) or D (deny)"),
    ("D:(A;OIXX;FA;;;BA)", 8, "'XX' is unknown: known are OI, CI, NP, IO, ID"),
    ("D:(A;OIC;FA;;;BA)", 8, "'C' is unknown: known are OI, CI, NP, IO, ID"),
    ("D:(A;OI;FAXX;;;BA)", 11, f"'XX' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;F;;;BA)", 7, f"'F' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;08;;;BA)", 7, f"'08' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;0x;;;BA)", 7, f"'0x' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;1_0;;;BA)", 7, f"'1_' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;-1;;;BA)", 7, f"'-1' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;;٣;;;BA)", 7, f"'٣' is unknown: known are {', '.join(RIGHTS)}"),
    ("D:(A;OI;0x100000000;;;BA)", 9, "'0x100000000' is not a mask of 32 bits"),
    ("D:(A;;4294967296;;;BA)", 7, "'4294967296' is not a mask of 32 bits"),
    ("D:(A;;040000000000;;;BA)", 7, "'040000000000' is not a mask of 32 bits"),
    ("D:(A;;FA;;;BAX)", 14, "expected the closing parenthesis"),
    ("D:(A;;FA;;;S-1-5-18;)", 3, "an entry has six fields: (type;flags;rights;;;who)"),
    ("D:(A;;FA;;;S-1-5-18-)", 20, "expected the closing parenthesis"),
    ("D:(A;;FA;;;)", 12, f"'' is not a SID or one of {ALIASES}"),
    ("D:(A;;FA;;;B)", 12, f"'B' is not a SID or one of {ALIASES}"),
]


@pytest.mark.parametrize(("text", "column", "what"), FAULTS, ids=[text for text, _, _ in FAULTS])
def test_a_mistake_is_named_with_its_column(text: str, column: int, what: str) -> None:
    """Counted from 1."""
    with pytest.raises(SecurityError) as caught:
        from_sddl(text)
    assert str(caught.value) == f"SDDL {text!r}, column {column}: {what}"


def test_a_number_of_many_digits_is_a_sentence() -> None:
    """Python refuses to convert it."""
    digits = "9" * 5000
    with pytest.raises(SecurityError) as caught:
        from_sddl(f"D:(A;;{digits};;;BA)")
    assert str(caught.value) == f"SDDL 'D:(A;;{digits};;;BA)', column 7: '{digits}' is not a mask of 32 bits"


@given(WORDED)
def test_text_comes_back_as_it_went(descriptor: SecurityDescriptor) -> None:
    """Whatever SDDL can say is read from its own text, and from the bytes of that."""
    text = descriptor.to_sddl()
    assert from_sddl(text) == descriptor
    assert SecurityDescriptor.decode(from_sddl(text).encode()).to_sddl() == text


def _shown(descriptor: SecurityDescriptor) -> tuple[str, str]:
    try:
        return descriptor.to_sddl(), ""
    except SecurityError as error:
        return "", str(error)


@given(DESCRIPTORS)
def test_a_shown_descriptor_grants_what_it_granted(descriptor: SecurityDescriptor) -> None:
    """Text is refused, or it gives the same owner, group and entries."""
    text, fault = _shown(descriptor)
    if fault:
        assert fault.endswith("no text here")
        return
    if not text:
        assert (descriptor.owner, descriptor.group, descriptor.dacl) == ("", "", None)
        return
    found = from_sddl(text)
    assert (found.owner, found.group, found.dacl) == (descriptor.owner, descriptor.group, descriptor.dacl)


TOKENS = st.sampled_from(
    [
        *"(;) ",
        "O:",
        "G:",
        "D:",
        "S:",
        "S-1-5-18",
        "0x1",
        "99",
        *list(SIDS)[:6],
        *ACE_FLAGS,
        *DACL_FLAGS,
        *list(RIGHTS)[:6],
    ]
)
ENTRIES = st.lists(TOKENS, min_size=6, max_size=6).map(lambda fields: f"({';'.join(fields)})")


def _read(text: str) -> SecurityDescriptor | str:
    try:
        return from_sddl(text)
    except SecurityError as error:
        return str(error)


@given(st.lists(TOKENS | ENTRIES | st.text(max_size=2), max_size=8).map("".join))
def test_no_text_leads_to_anything_but_a_descriptor_or_a_sentence(text: str) -> None:
    """What is accepted has bytes, and text that means the same."""
    found = _read(text)
    if isinstance(found, str):
        assert found.startswith(f"SDDL {text!r}, column ")
    else:
        assert SecurityDescriptor.decode(found.encode()) == found
        assert from_sddl(found.to_sddl()) == found
