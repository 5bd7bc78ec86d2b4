"""The catalogue of faults: what may go wrong on the way to a registry, what is done, and what shows it.

A row is one case, in the module of its group. Its tests are named as pytest does, below `tests/`.
"""

from typing import Final

from tests.faults.groups.downloads import DOWNLOADS
from tests.faults.groups.hostile import HOSTILE
from tests.faults.groups.local import LOCAL
from tests.faults.groups.logins import LOGINS
from tests.faults.groups.publication import PUBLICATION
from tests.faults.groups.transport import TRANSPORT
from tests.faults.groups.uploads import UPLOADS

GROUPS: Final = {
    "A": "Transport",
    "B": "Uploads",
    "C": "Logging in",
    "D": "Publication",
    "E": "Downloads and mirrors",
    "F": "Local state",
    "G": "Hostile bases and artifacts",
}

CASES: Final = (*TRANSPORT, *UPLOADS, *LOGINS, *PUBLICATION, *DOWNLOADS, *LOCAL, *HOSTILE)
"""Every case of the groups A to G."""

COUNTS: Final = {"A": 22, "B": 21, "C": 11, "D": 16, "E": 10, "F": 9, "G": 13}
"""How many cases each group has, counted from 01."""
