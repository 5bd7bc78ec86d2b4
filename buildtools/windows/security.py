"""Security descriptors: who may do what with a file of a Windows layer, as bytes and as SDDL.

Sources: [MS-DTYP] 2.4 (structures) and 2.5.1 (SDDL); microsoft/go-winio:backuptar/tar.go for where a layer
keeps them (`MSWINDOWS.rawsd`, self-relative, base64).
"""

import base64
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from buildtools.windows.sddl_names import ACE_FLAGS, ACE_TYPES, DACL_FLAGS, RIGHTS, SIDS

DACL_PRESENT: Final = 0x0004
SACL_PRESENT: Final = 0x0010
SELF_RELATIVE: Final = 0x8000
OBJECT_INHERIT: Final = 0x01
CONTAINER_INHERIT: Final = 0x02

_HEADER: Final = struct.Struct("<BBHIIII")
_ACL: Final = struct.Struct("<BBHHH")
_ACE: Final = struct.Struct("<BBHI")
_SID: Final = re.compile(r"S-1-\d+(?:-\d+)+", re.ASCII)
_NUMBERS: Final = (
    (re.compile(r"0[xX][0-9a-fA-F]+", re.ASCII), 16),
    (re.compile(r"0[0-7]*", re.ASCII), 8),
    (re.compile(r"[1-9][0-9]*", re.ASCII), 10),
)
# Longer numbers are too large anyway, and Python refuses to convert very long ones.
_MOST_DIGITS: Final = 15

READ_EXECUTE: Final = 0x1200A9
"""Read and execute; SDDL has no letters for it."""


class SecurityError(ValueError):
    """The bytes are not a security descriptor, or the text is not SDDL."""


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of an access list: `kind` 0 allows and 1 denies; `flags` say who inherits it.

    `data` is what other kinds hold behind the SID, such as the condition of a callback entry.
    """

    kind: int
    flags: int
    mask: int
    sid: str
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityDescriptor:
    """Owner, group and access list. `dacl` None means no access control at all, empty means no access.

    `sacl` holds audit entries and integrity labels: layers of Windows hosts may have it, ours never do.
    """

    owner: str = ""
    group: str = ""
    dacl: tuple[Ace, ...] | None = None
    sacl: tuple[Ace, ...] | None = None
    control: int = 0

    def encode(self) -> bytes:
        """The self-relative form; raises SecurityError for a SID that cannot be written."""
        owner, group = (encode_sid(sid) if sid else b"" for sid in (self.owner, self.group))
        sacl, dacl = (b"" if acl is None else _encode_acl(acl) for acl in (self.sacl, self.dacl))
        offset = _HEADER.size
        offsets = []
        for part in (owner, group, sacl, dacl):
            offsets.append(offset if part else 0)
            offset += len(part)
        present = (SACL_PRESENT if sacl else 0) | (DACL_PRESENT if dacl else 0)
        header = _HEADER.pack(1, 0, self.control | SELF_RELATIVE | present, *offsets)
        return header + owner + group + sacl + dacl

    @classmethod
    def decode(cls, data: bytes) -> "SecurityDescriptor":
        """Read the self-relative form; raises SecurityError for anything that is not one."""
        if len(data) < _HEADER.size:
            raise SecurityError(f"a security descriptor has at least 20 bytes, this has {len(data)}")
        revision, _, control, owner, group, sacl, dacl = _HEADER.unpack_from(data)
        if revision != 1 or not control & SELF_RELATIVE:
            raise SecurityError("the security descriptor is not of revision 1 in self-relative form")
        return cls(
            owner=_decode_sid(data, owner)[0] if owner else "",
            group=_decode_sid(data, group)[0] if group else "",
            dacl=_decode_acl(data, dacl) if control & DACL_PRESENT and dacl else None,
            sacl=_decode_acl(data, sacl) if control & SACL_PRESENT and sacl else None,
            control=control & ~(SELF_RELATIVE | DACL_PRESENT | SACL_PRESENT),
        )

    def to_sddl(self) -> str:
        """The descriptor as text that `from_sddl` reads back.

        Raises SecurityError for what has no text here: audit lists and unusual entries. Control bits
        without letters are left out, as Windows does.
        """
        if self.sacl is not None:
            raise SecurityError("the security descriptor has an audit list, which has no text here")
        text = (f"O:{_short_sid(self.owner)}" if self.owner else "") + (
            f"G:{_short_sid(self.group)}" if self.group else ""
        )
        if self.dacl is None:
            return text
        flags = "".join(name for name, bit in DACL_FLAGS.items() if self.control & bit)
        return f"{text}D:{flags}" + "".join(_ace_text(ace) for ace in self.dacl)


def from_sddl(text: str) -> SecurityDescriptor:
    """Read SDDL with owner, group and DACL; raises SecurityError with the column of the fault."""
    return _Sddl(text).parse()


def descriptor_for(acl: str, *, directory: bool) -> bytes:
    """The bytes for an `acl` of a definition: a preset's name or SDDL; raises SecurityError."""
    preset = PRESETS.get(acl)
    if preset is None and ":" not in acl:
        names = ", ".join(PRESETS)
        raise SecurityError(f"unknown acl {acl!r}: use {names}, or SDDL such as O:BAG:SYD:(A;;FA;;;BA)")
    return (preset(directory) if preset else from_sddl(acl)).encode()


def to_base64(data: bytes) -> str:
    """The form that `MSWINDOWS.rawsd` holds."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> SecurityDescriptor:
    """Read what `MSWINDOWS.rawsd` holds; raises SecurityError."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise SecurityError("the security descriptor is not standard base64") from error
    return SecurityDescriptor.decode(data)


def encode_sid(sid: str) -> bytes:
    """`S-1-5-32-544` as bytes: one authority, up to fifteen numbers; raises SecurityError."""
    if not _SID.fullmatch(sid):
        raise SecurityError(f"{sid!r} is not a SID: it looks like S-1-5-32-544")
    digits = sid.split("-")[2:]
    authority, *numbers = (int(part) if len(part) <= _MOST_DIGITS else 1 << 48 for part in digits)
    if authority >= 1 << 48 or len(numbers) > 15 or any(number >= 1 << 32 for number in numbers):
        raise SecurityError(f"{sid!r} has a number that is too large, or more than fifteen of them")
    return (
        bytes((1, len(numbers))) + authority.to_bytes(6, "big") + struct.pack(f"<{len(numbers)}I", *numbers)
    )


def _decode_sid(data: bytes, offset: int) -> tuple[str, int]:
    """The SID at `offset` and its size in bytes."""
    if offset + 8 > len(data) or data[offset] != 1 or not 1 <= data[offset + 1] <= 15:
        raise SecurityError(f"there is no SID at byte {offset} of the security descriptor")
    count = data[offset + 1]
    if offset + 8 + 4 * count > len(data):
        raise SecurityError(f"the SID at byte {offset} of the security descriptor is cut off")
    authority = int.from_bytes(data[offset + 2 : offset + 8], "big")
    numbers = struct.unpack_from(f"<{count}I", data, offset + 8)
    return "-".join(str(part) for part in ("S-1", authority, *numbers)), 8 + 4 * count


def _encode_acl(aces: tuple[Ace, ...]) -> bytes:
    body = b""
    for ace in aces:
        sid = encode_sid(ace.sid)
        body += _ACE.pack(ace.kind, ace.flags, _ACE.size + len(sid + ace.data), ace.mask) + sid + ace.data
    if _ACL.size + len(body) > 0xFFFF:
        raise SecurityError("the access list has more than 65535 bytes: name fewer entries")
    return _ACL.pack(2, 0, _ACL.size + len(body), len(aces), 0) + body


def _decode_acl(data: bytes, offset: int) -> tuple[Ace, ...]:
    if offset + _ACL.size > len(data):
        raise SecurityError("the access list of the security descriptor is cut off")
    revision, _, size, count, _ = _ACL.unpack_from(data, offset)
    if revision not in {2, 4} or offset + size > len(data):
        raise SecurityError("the access list of the security descriptor is damaged")
    aces, place = [], offset + _ACL.size
    for _ in range(count):
        if place + _ACE.size > offset + size:
            raise SecurityError("the access list of the security descriptor is cut off")
        kind, flags, length, mask = _ACE.unpack_from(data, place)
        sid, sid_size = _decode_sid(data, place + _ACE.size)
        if length < _ACE.size + sid_size or place + length > offset + size:
            raise SecurityError("an entry of the access list has a wrong size")
        rest = data[place + _ACE.size + sid_size : place + length]
        aces.append(Ace(kind, flags, mask, sid, rest))
        place += length
    return tuple(aces)


def _short_sid(sid: str) -> str:
    return next((name for name, full in SIDS.items() if full == sid), sid)


def _ace_text(ace: Ace) -> str:
    kind = next((name for name, number in ACE_TYPES.items() if number == ace.kind), None)
    if kind is None:
        raise SecurityError(f"access list entries of type {ace.kind} have no text here")
    if ace.data:
        raise SecurityError("an access list entry with data behind its SID has no text here")
    if unknown := ace.flags & ~sum(ACE_FLAGS.values()):
        raise SecurityError(f"the flags {unknown:#x} of an access list entry have no text here")
    flags = "".join(name for name, bit in ACE_FLAGS.items() if ace.flags & bit)
    rights = next((name for name, mask in RIGHTS.items() if mask == ace.mask), f"0x{ace.mask:x}")
    return f"({kind};{flags};{rights};;;{_short_sid(ace.sid)})"


class _Sddl:
    """Reads SDDL from left to right; faults name the column, counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def parse(self) -> SecurityDescriptor:
        parts: dict[str, str] = {}
        control, dacl = 0, None
        while self._place < len(self._text):
            key = self._text[self._place : self._place + 2]
            if key in {"O:", "G:"} and key not in parts:
                self._place += 2
                parts[key] = self._sid()
            elif key == "D:" and dacl is None:
                self._place += 2
                control, dacl = self._dacl()
            elif key == "S:":
                raise self._wrong("an audit list (S:) has no place in an image, leave it out")
            else:
                raise self._wrong("expected O:, G: or D:, each once")
        if not parts and dacl is None:
            raise self._wrong("expected O:, G: or D:")
        return SecurityDescriptor(
            owner=parts.get("O:", ""), group=parts.get("G:", ""), dacl=dacl, control=control
        )

    def _sid(self) -> str:
        match = _SID.match(self._text, self._place)
        name = match[0] if match else self._text[self._place : self._place + 2].partition(")")[0]
        sid = name if match else SIDS.get(name)
        if sid is None:
            raise self._wrong(f"{name!r} is not a SID or one of {', '.join(SIDS)}")
        try:
            # There and back: leading zeros go, and numbers out of range are found here, with their column.
            sid = _decode_sid(encode_sid(sid), 0)[0]
        except SecurityError as error:
            raise self._wrong(str(error)) from error
        self._place += len(name)
        return sid

    def _dacl(self) -> tuple[int, tuple[Ace, ...]]:
        control, aces = 0, []
        while self._place < len(self._text) and self._text[self._place] not in "(OGDS":
            name = next((flag for flag in DACL_FLAGS if self._text.startswith(flag, self._place)), None)
            if name is None:
                raise self._wrong("expected P, AI, AR or an entry in parentheses")
            control |= DACL_FLAGS[name]
            self._place += len(name)
        while self._text.startswith("(", self._place):
            aces.append(self._ace())
        return control, tuple(aces)

    def _ace(self) -> Ace:
        end = self._text.find(")", self._place)
        if end < 0:
            raise self._wrong("this entry has no closing parenthesis")
        start = self._place + 1
        fields = self._text[start:end].split(";")
        if len(fields) != 6 or fields[3] or fields[4]:
            raise self._wrong("an entry has six fields: (type;flags;rights;;;who)")
        kind = self._known(ACE_TYPES, fields[0], start, "an entry's type is A (allow) or D (deny)")
        flags = self._bits(ACE_FLAGS, fields[1], start + len(fields[0]) + 1)
        mask = self._rights(fields[2], start + len(fields[0]) + len(fields[1]) + 2)
        self._place = end - len(fields[5])
        sid = self._sid()
        if self._place != end:
            raise self._wrong("expected the closing parenthesis")
        self._place = end + 1
        return Ace(kind, flags, mask, sid)

    def _rights(self, text: str, place: int) -> int:
        base = next((base for form, base in _NUMBERS if form.fullmatch(text)), None)
        if base is None:
            return self._bits(RIGHTS, text, place)
        if len(text) <= _MOST_DIGITS and (mask := int(text, base)) < 1 << 32:
            return mask
        self._place = place
        raise self._wrong(f"{text!r} is not a mask of 32 bits")

    def _bits(self, names: Mapping[str, int], text: str, place: int) -> int:
        bits = 0
        for start in range(0, len(text), 2):
            bits |= self._known(
                names, text[start : start + 2], place + start, f"known are {', '.join(names)}"
            )
        return bits

    def _known(self, names: Mapping[str, int], name: str, place: int, hint: str) -> int:
        if name not in names:
            self._place = place
            raise self._wrong(f"{name!r} is unknown: {hint}")
        return names[name]

    def _wrong(self, what: str) -> SecurityError:
        return SecurityError(f"SDDL {self._text!r}, column {self._place + 1}: {what}")


def _preset(users: int) -> Callable[[bool], SecurityDescriptor]:
    def make(directory: bool) -> SecurityDescriptor:  # noqa: FBT001 - called in one place, by name there
        inherit = OBJECT_INHERIT | CONTAINER_INHERIT if directory else 0
        rights = (("BA", RIGHTS["FA"]), ("SY", RIGHTS["FA"]), ("BU", users))
        aces = tuple(Ace(0, inherit, mask, SIDS[who]) for who, mask in rights)
        return SecurityDescriptor(owner=SIDS["BA"], group=SIDS["SY"], dacl=aces)

    return make


PRESETS: Final[Mapping[str, Callable[[bool], SecurityDescriptor]]] = {
    "users-rx": _preset(READ_EXECUTE),
    "users-full": _preset(RIGHTS["FA"]),
}
"""What definitions call by name. `users-rx` is strict: unlike what BuildKit writes, users may not add files
to directories (masks 2 and 4 on a directory mean just that)."""
