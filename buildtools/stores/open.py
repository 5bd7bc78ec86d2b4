"""From what a person writes to a store: `oci:dist/oci/whoami`, `ghcr.io/acme/whoami:1.4`."""

from pathlib import Path
from typing import Final

from buildtools.errors import UsageError
from buildtools.oci.reference import InvalidReference, Reference, parse_reference
from buildtools.settings import Settings
from buildtools.stores.base import Readable
from buildtools.stores.layout import Layout
from buildtools.stores.registry import Registries, Registry

LAYOUT: Final = "oci:"


class References:
    """Opens what people name; registries share connections and tokens. Close it at the end."""

    def __init__(self, settings: Settings) -> None:
        self._registries = Registries(settings)

    def open(self, text: str) -> tuple[Readable, str]:
        """The store that the text names, and the tag or digest in it (empty: the layout's only image).

        Raises UsageError for what is neither a layout nor a reference.
        """
        if text.startswith(LAYOUT):
            return _open_layout(text.removeprefix(LAYOUT))
        try:
            reference = parse_reference(text.removeprefix("docker://"))
        except InvalidReference as error:
            raise UsageError(str(error), hint=f"a folder is written {LAYOUT}{text}") from error
        return self._registries.open(reference), reference.identifier

    def target(self, reference: Reference) -> Registry:
        """A repository that is written: under its own name, whatever mirrors there are."""
        return self._registries.without_mirrors().open(reference)

    def close(self) -> None:
        """Close all connections."""
        self._registries.close()


def _open_layout(text: str) -> tuple[Layout, str]:
    path, identifier = Path(text), ""
    # A drive's colon is no tag: what follows the last one must not hold a separator.
    for mark in ("@", ":"):
        before, found, after = text.partition("@") if mark == "@" else text.rpartition(":")
        if not path.is_dir() and found and "/" not in after and "\\" not in after:
            path, identifier = Path(before), after
    if not (path / "oci-layout").is_file():
        raise UsageError(
            f"{path} is not an OCI image layout", hint="name a folder that holds an oci-layout file"
        )
    return Layout(path), identifier
