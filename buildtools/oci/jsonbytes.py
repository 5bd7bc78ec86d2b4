"""JSON of strangers as checked values, and values as the one byte form that this project writes.

A digest is of bytes, so reading keeps nothing back and guesses nothing: a document that two readers could
take for two different things (a key twice, a key in two spellings, two encodings) is refused.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from buildtools.oci.digest import Digest, DigestError, parse_digest
from buildtools.oci.quote import LONGEST, quoted

T = TypeVar("T")

MAX_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes of a manifest, index or config that are read: what registries and nodes take
(opencontainers/distribution-spec:spec.md, "Pushing Manifests": at least 4 MB; containers/image: 4 MiB)."""

MAX_DEPTH: Final = 32
"""Objects and lists within each other that a document may have; real ones have six."""

MAX_INTEGER: Final = 2**63 - 1
"""The specifications' sizes are int64 (opencontainers/image-spec:descriptor.md, `size`)."""


class DocumentError(ValueError):
    """A manifest, index or config is not what the specifications say; the text names the field."""


def canonical_json(document: object) -> bytes:
    """The document as compact UTF-8 JSON with sorted keys and no final newline.

    Raises DocumentError for what JSON cannot say: a number that is not finite, half a surrogate pair.
    """
    try:
        return json.dumps(
            document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
        ).encode()
    except ValueError as error:
        raise DocumentError(f"the document cannot be written as JSON ({error})") from error


def read_json(raw: bytes, what: str) -> "Field":
    """Decode a document's bytes; `what` names it in sentences. Raises DocumentError.

    Refused are more than MAX_DOCUMENT bytes or MAX_DEPTH levels, another encoding than UTF-8, a key
    twice in one object, and numbers that are not finite.
    """
    if len(raw) > MAX_DOCUMENT:
        raise DocumentError(f"{what} has {len(raw)} bytes, at most {MAX_DOCUMENT} are read")
    try:
        document = json.loads(
            raw.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_number
        )
        # What the text could spell, such as half a surrogate pair, must be writable again.
        canonical_json(document)
    except DocumentError as error:
        raise DocumentError(f"{what} is refused: {error}") from error
    except RecursionError as error:
        raise DocumentError(f"{what} nests deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise DocumentError(f"{what} is not JSON ({error})") from error
    if _deeper(document, MAX_DEPTH):
        raise DocumentError(f"{what} nests deeper than {MAX_DEPTH} levels")
    if not isinstance(document, dict):
        raise DocumentError(f"{what} must be a JSON object, it is {_kind(document)}")
    return Field(value=document, path="")


@dataclass(frozen=True, slots=True)
class Field:
    """A value inside a document and the path to it, such as `manifests[3].size`.

    Each method returns the value as the type asked for or raises DocumentError, which names the path.
    A field that is absent or null has the value None; the methods with a default return that for it.
    """

    value: Any
    path: str

    def get(self, key: str) -> "Field":
        """The field below this object; absent ones have the value None."""
        return Field(value=self.object().get(key), path=f"{self.path}.{key}" if self.path else key)

    @property
    def absent(self) -> bool:
        """Whether the field is not there, or null as Go writes an empty slice."""
        return self.value is None

    def object(self) -> Mapping[str, Any]:
        """An object; an absent one is empty."""
        if self.absent:
            return {}
        return self._typed(dict, "an object")

    def text(self, *, required: bool = False) -> str:
        """A string, empty when absent and not required."""
        if self.absent and not required:
            return ""
        text = self._typed(str, "a string")
        if required and not text:
            raise DocumentError(f"{self.path} must not be empty")
        return text

    def texts(self, *, most: int) -> tuple[str, ...]:
        """A list of at most `most` strings; an absent one is empty."""
        return tuple(item.text_item() for item in self.items(most=most))

    def text_item(self) -> str:
        """A string that is there, possibly empty."""
        return self._typed(str, "a string")

    def flag(self) -> bool:
        """True or false; false when absent."""
        return False if self.absent else self._typed(bool, "true or false")

    def size(self) -> int:
        """A whole number from 0 to MAX_INTEGER."""
        # bool is an int in Python, and 1.0 equals 1: both are another type in JSON.
        if type(self.value) is not int or not 0 <= self.value <= MAX_INTEGER:
            raise self.wrong(f"a whole number from 0 to {MAX_INTEGER}")
        return self.value

    def digest(self) -> Digest:
        """A digest."""
        try:
            return parse_digest(self.text(required=True))
        except DigestError as error:
            raise DocumentError(f"{self.path}: {error}") from error

    def items(self, *, most: int) -> "tuple[Field, ...]":
        """The fields of a list of at most `most`; none when absent."""
        if self.absent:
            return ()
        values = self._typed(list, "a list")
        if len(values) > most:
            raise DocumentError(f"{self.path} has {len(values)} items, at most {most} are read")
        return tuple(Field(value=value, path=f"{self.path}[{place}]") for place, value in enumerate(values))

    def strings(self, *, most: int) -> dict[str, str]:
        """An object of strings with at most `most` keys; an absent one is empty."""
        document = self.object()
        if len(document) > most:
            raise DocumentError(f"{self.path} has {len(document)} keys, at most {most} are read")
        return {key: self._at(key).text_item() for key in document}

    def keys(self, *, most: int) -> tuple[str, ...]:
        """The keys of an object that is used as a set, at most `most`; none when absent."""
        document = self.object()
        if len(document) > most:
            raise DocumentError(f"{self.path} has {len(document)} keys, at most {most} are read")
        return tuple(document)

    def known_as(self, *names: str) -> None:
        """Refuse a key that is one of `names` but for its case: Go's decoder takes one for the other."""
        exact = {name.casefold(): name for name in names}
        for key in self.object():
            name = exact.get(key.casefold(), key)
            if name != key:
                raise DocumentError(f"the key {quoted(key)} must be spelled {name}")

    def wrong(self, expected: str) -> DocumentError:
        """The error for a value of another kind."""
        return DocumentError(f"{self.path or 'the document'} must be {expected}, it is {_kind(self.value)}")

    def _at(self, key: str) -> "Field":
        return Field(value=self.value[key], path=f"{self.path}[{quoted(key)}]")

    def _typed(self, kind: type[T], expected: str) -> T:
        if not isinstance(self.value, kind):
            raise self.wrong(expected)
        return self.value


def _kind(value: object) -> str:
    """The value as a sentence names it."""
    match value:
        case None:
            return "missing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)[:LONGEST]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise DocumentError(f"the key {quoted(key)} stands twice in one object")
        document[key] = value
    return document


def _no_number(text: str) -> float:
    raise DocumentError(f"{text} is not a number in JSON")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise DocumentError(f"{quoted(text)} is larger than any number that readers agree on")
    return number


def _deeper(document: object, most: int) -> bool:
    """Whether objects and lists nest more than `most` levels; needs no recursion."""
    level = [document]
    for _ in range(most):
        level = [inner for value in level for inner in _inside(value)]
    return any(isinstance(value, dict | list) for value in level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
