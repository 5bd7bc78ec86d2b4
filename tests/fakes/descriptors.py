"""Security descriptors for tests: known ones as peers write them, and random ones."""

import base64
from typing import Final

from hypothesis import strategies as st

from buildtools.windows.sddl_names import ACE_FLAGS, DACL_FLAGS, RIGHTS, SIDS
from buildtools.windows.security import Ace, SecurityDescriptor

# What other tools write, byte for byte: google/go-containerregistry:internal/windows/windows.go,
# buildpacks/imgutil:layer/windows_writer.go, moby/buildkit:util/winlayers/differ.go.
NO_LIST_USERS: Final = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA=="
NO_LIST_ADMINS: Final = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA=="
BUILDKIT_FILE: Final = (
    "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/wEfAAECAAAAAAAFIAAAACAC"
    "AAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA=="
)
BUILDKIT_DIRECTORY: Final = (
    "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA/wEfAAECAAAAAAAFIAAAACAC"
    "AAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQAQEAAAAAAAMAAAAAAAMYAKkAEgABAgAA"
    "AAAABSAAAAAhAgAAAAIYAAQAAAABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAAAAAABSAAAAAhAgAA"
)

USERS_RX_FILE: Final = BUILDKIT_FILE
"""Ours for files is BuildKit's."""
USERS_RX_DIRECTORY: Final = base64.b64encode(
    base64.b64decode(BUILDKIT_FILE)
    .replace(bytes.fromhex("0000 1800 ff011f00"), bytes.fromhex("0003 1800 ff011f00"))
    .replace(bytes.fromhex("0000 1400 ff011f00"), bytes.fromhex("0003 1400 ff011f00"))
    .replace(bytes.fromhex("0000 1800 a9001200"), bytes.fromhex("0003 1800 a9001200"))
).decode()
"""Ours for directories is the same with OI and CI (1 + 2) in the flags of each entry."""

NUMBERS: Final = st.integers(0, 2**32 - 1)
SID_TEXTS: Final = st.sampled_from(sorted(SIDS.values())) | st.builds(
    lambda authority, numbers: "-".join(map(str, ("S-1", authority, *numbers))),
    st.integers(0, 2**48 - 1),
    st.lists(NUMBERS, min_size=1, max_size=15),
)
ACES: Final = st.builds(
    Ace,
    kind=st.sampled_from([0, 1, 2, 9, 0x11]),
    flags=st.integers(0, 255),
    mask=NUMBERS,
    sid=SID_TEXTS,
    data=st.binary(max_size=8),
)
DESCRIPTORS: Final = st.builds(
    SecurityDescriptor,
    owner=st.just("") | SID_TEXTS,
    group=st.just("") | SID_TEXTS,
    dacl=st.none() | st.lists(ACES, max_size=4).map(tuple),
    sacl=st.none() | st.lists(ACES, max_size=4).map(tuple),
    control=st.integers(0, 0x7FFF).map(lambda bits: bits & ~0x14),
)
"""Everything that the bytes can say."""


def _bits(values: list[int]) -> int:
    return sum({*values})


WORDED_ACES: Final = st.builds(
    Ace,
    kind=st.sampled_from([0, 1]),
    flags=st.lists(st.sampled_from(sorted(ACE_FLAGS.values()))).map(_bits),
    mask=NUMBERS | st.sampled_from(sorted(RIGHTS.values())),
    sid=SID_TEXTS,
)
WORDED: Final = st.one_of(
    st.builds(
        SecurityDescriptor,
        owner=st.just("") | SID_TEXTS,
        group=st.just("") | SID_TEXTS,
        dacl=st.lists(WORDED_ACES, max_size=4).map(tuple),
        control=st.lists(st.sampled_from(sorted(DACL_FLAGS.values()))).map(_bits),
    ),
    st.builds(SecurityDescriptor, owner=SID_TEXTS, group=st.just("") | SID_TEXTS),
)
"""Everything that SDDL can say here."""
