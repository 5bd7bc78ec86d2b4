"""From what a person writes to a store: `oci:dist/oci/whoami`, `ghcr.io/acme/whoami:1.4`."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from buildtools.errors import UsageError
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.reference import DEFAULT_TAG, InvalidReference, Reference, parse_reference
from buildtools.settings import Settings
from buildtools.stores.base import Readable, Writable
from buildtools.stores.client import Client
from buildtools.stores.layout import REF_NAME, Layout
from buildtools.stores.registry import Registries, Registry

LAYOUT: Final = "oci:"
_MOST_NAMED: Final = 8


class References:
    """Opens what people name; registries share connections and tokens. Close it at the end."""

    def __init__(self, settings: Settings, *, client: Client | None = None) -> None:
        self._registries = Registries(settings, client=client)

    def open(self, text: str) -> tuple[Readable, str]:
        """The store that the text names, and the tag or digest in it (empty: the layout's only image).

        Raises UsageError for what is neither a layout nor a reference.
        """
        if text.startswith(LAYOUT):
            return _open_layout(text.removeprefix(LAYOUT))
        reference = _reference(text)
        return self._registries.open(reference), reference.identifier

    def target(self, reference: Reference) -> Registry:
        """A repository that is written: under its own name, whatever mirrors there are."""
        return self._registries.without_mirrors().open(reference)

    def close(self) -> None:
        """Close all connections."""
        self._registries.close()


class Places:
    """Opens what people name: to be read, through mirrors, and to be written, under its own name.

    Both share connections, tokens and what is known about secrets. Close it at the end.
    """

    def __init__(self, settings: Settings) -> None:
        self._client = Client(settings)
        self._reading = References(settings, client=self._client)
        self._writing = Registries(replace(settings, mirrors={}), client=self._client)

    def read(self, text: str) -> tuple[Readable, str]:
        """The store that the text names, and the tag or digest in it (empty: the layout's only image).

        Raises UsageError for what is neither a layout nor a reference.
        """
        return self._reading.open(text)

    def write(self, text: str) -> tuple[Writable, str]:
        """The same to be written: a layout need not be there yet, and what is not written is empty."""
        if text.startswith(LAYOUT):
            path, identifier = _layout_place(text.removeprefix(LAYOUT))
            return Layout(path), identifier
        reference = _reference(text)
        return self._writing.open(reference), reference.digest or reference.tag

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


def only_name(store: Readable) -> str:
    """What stands for a name without tag: the digest of a layout's one image, `latest` elsewhere.

    Raises what `only_entry` raises.
    """
    return only_entry(store).digest if isinstance(store, Layout) else DEFAULT_TAG


def only_entry(layout: Layout) -> Descriptor:
    """The one image of a layout; raises UsageError where it has none, or several."""
    found = layout.entries()
    if not found:
        raise UsageError(f"{layout.name} holds no image", hint="build one into it, or name another layout")
    if len({entry.digest for entry in found}) > 1:
        told = [f"{LAYOUT}{layout.name}{_mark(entry)}" for entry in found[:_MOST_NAMED]]
        told += [f"{len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
        raise UsageError(f"{layout.name} holds {len(found)} images", hint=f"name one of {', '.join(told)}")
    return found[0]


def _mark(entry: Descriptor) -> str:
    tag = entry.annotations.get(REF_NAME, "")
    return f":{tag}" if tag else f"@{entry.digest}"


def _reference(text: str) -> Reference:
    try:
        return parse_reference(text.removeprefix("docker://"))
    except InvalidReference as error:
        raise UsageError(str(error), hint=f"a folder is written {LAYOUT}{text}") from error


def _open_layout(text: str) -> tuple[Layout, str]:
    path, identifier = _layout_place(text)
    if not (path / "oci-layout").is_file():
        raise UsageError(
            f"{path} is not an OCI image layout", hint="name a folder that holds an oci-layout file"
        )
    return Layout(path), identifier


def _layout_place(text: str) -> tuple[Path, str]:
    path, identifier = Path(text), ""
    # A drive's colon is no tag: what follows the last one must not hold a separator.
    for mark in ("@", ":"):
        before, found, after = text.partition("@") if mark == "@" else text.rpartition(":")
        if not path.is_dir() and found and "/" not in after and "\\" not in after:
            path, identifier = Path(before), after
    return path, identifier
