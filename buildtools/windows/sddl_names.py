"""The names of SDDL: account aliases, rights and flags.

Sources: [MS-DTYP] 2.4.2.4 (well-known SIDs), 2.5.1.1 (syntax); MicrosoftDocs/win32:sid-strings.md;
containerd/containerd:integration for the accounts of containers. Accounts of domains have no fixed SID, so
they are not here.
"""

from collections.abc import Mapping
from typing import Final

SIDS: Final[Mapping[str, str]] = {
    "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545",
    "BG": "S-1-5-32-546",
    "PU": "S-1-5-32-547",
    "BO": "S-1-5-32-551",
    "NO": "S-1-5-32-556",
    "MU": "S-1-5-32-558",
    "LU": "S-1-5-32-559",
    "IS": "S-1-5-32-568",
    "CY": "S-1-5-32-569",
    "ER": "S-1-5-32-573",
    "SY": "S-1-5-18",
    "LS": "S-1-5-19",
    "NS": "S-1-5-20",
    "CO": "S-1-3-0",
    "CG": "S-1-3-1",
    "OW": "S-1-3-4",
    "WD": "S-1-1-0",
    "AN": "S-1-5-7",
    "AU": "S-1-5-11",
    "IU": "S-1-5-4",
    "NU": "S-1-5-2",
    "SU": "S-1-5-6",
    "PS": "S-1-5-10",
    "RC": "S-1-5-12",
    "WR": "S-1-5-33",
    "AC": "S-1-15-2-1",
}
"""Account aliases; a container's users are S-1-5-93-2-1 (ContainerAdministrator) and S-1-5-93-2-2."""

RIGHTS: Final[Mapping[str, int]] = {
    "FA": 0x1F01FF,
    "FR": 0x120089,
    "FW": 0x120116,
    "FX": 0x1200A0,
    "GA": 0x10000000,
    "GX": 0x20000000,
    "GW": 0x40000000,
    "GR": 0x80000000,
    "RC": 0x20000,
    "SD": 0x10000,
    "WD": 0x40000,
    "WO": 0x80000,
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "SW": 0x8,
    "RP": 0x10,
    "WP": 0x20,
    "DT": 0x40,
    "LO": 0x80,
    "CR": 0x100,
    "KA": 0xF003F,
    "KR": 0x20019,
    "KX": 0x20019,
    "KW": 0x20006,
}
"""Access masks of files, keys and any object."""

ACE_TYPES: Final[Mapping[str, int]] = {"A": 0, "D": 1}
ACE_FLAGS: Final[Mapping[str, int]] = {"OI": 1, "CI": 2, "NP": 4, "IO": 8, "ID": 16}
DACL_FLAGS: Final[Mapping[str, int]] = {"P": 0x1000, "AI": 0x0400, "AR": 0x0100}
