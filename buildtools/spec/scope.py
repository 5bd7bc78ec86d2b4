"""What the rules of one image share: its definition, its project, its findings, and one variant at a time."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal

from buildtools.oci.platform import Platform
from buildtools.spec.document import KeyPath, Report
from buildtools.spec.model import ImageSpec, OSTexts, PerOS, ProjectSpec
from buildtools.spec.templates import TemplateError, fill
from buildtools.windows.releases import WindowsRelease

SYSTEMS = ("linux", "windows")
"""The operating systems that images are made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One platform that an image is to have a variant for.

    `trail` is where the definition asks for it, `values` what the placeholders stand for.
    """

    platform: Platform
    label: str
    trail: KeyPath
    release: WindowsRelease | None = None
    kind: Literal["container", "host-process"] = "container"
    values: Mapping[str, str] = field(hash=False)

    @property
    def os(self) -> str:
        """`linux` or `windows`."""
        return self.platform.os

    @property
    def compile_values(self) -> Mapping[str, str]:
        """What placeholders stand for in what is done once for all Windows releases."""
        return {key: value for key, value in self.values.items() if key != "release"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One image's definition; `folder` is its folder in the project, such as `images/whoami`."""

    spec: ImageSpec
    project: ProjectSpec
    report: Report
    folder: str

    def filled(
        self,
        text: str,
        trail: KeyPath,
        values: Mapping[str, str],
        *,
        keep: AbstractSet[str] = frozenset(),
    ) -> str | None:
        """The text with its placeholders filled in; None, and a finding, where that cannot be."""
        try:
            return fill(text, values, keep=keep)
        except TemplateError as error:
            self.report.add("placeholder", trail, error.message, error.hint)
            return None

    def filled_all(
        self,
        texts: Mapping[KeyPath, str],
        values: Mapping[str, str],
        *,
        keep: AbstractSet[str] = frozenset(),
    ) -> tuple[str, ...]:
        """The texts that can be filled in, in their order."""
        found = (self.filled(text, trail, values, keep=keep) for trail, text in texts.items())
        return tuple(text for text in found if text is not None)

    def says(self, trail: KeyPath) -> bool:
        """Whether the file itself holds this key, default or not."""
        return trail in self.report.document.places


def per_os(value: PerOS | None, os: str, trail: KeyPath) -> tuple[str, KeyPath] | None:
    """The value on this operating system and its place; None where there is none."""
    if isinstance(value, OSTexts):
        text = value.linux if os == "linux" else value.windows
        return None if text is None else (text, (*trail, os))
    return None if value is None else (value, trail)


def items(texts: tuple[str, ...], trail: KeyPath) -> dict[KeyPath, str]:
    """The entries of a list by their places."""
    return {(*trail, position): text for position, text in enumerate(texts)}
