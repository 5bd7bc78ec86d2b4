"""docs/reference/environment.md: the variables that are read."""

from typing import Final

from buildtools.settings import VARIABLES
from docs.pages.text import row

_ENVIRONMENT: Final = """\
# Environment

What is written on the command line wins over a variable, a variable over `images/defaults.yaml`, and that
over the default. `buildtools login REGISTRY` says which credentials would be used.

| variable | example | |
|---|---|---|
"""


def environment() -> str:
    """The text of the page."""
    return _ENVIRONMENT + "".join(
        row(f"`{one.name}`", f"`{one.example}`" if one.example else "", one.meaning) for one in VARIABLES
    )
