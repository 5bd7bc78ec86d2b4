"""What a variant's result depends on in the project's own files: names and content digests."""

import os
import posixpath
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.tar import FILE, SYMLINK
from buildtools.sources.context import context_items
from buildtools.sources.hashes import HashCache
from buildtools.sources.tree import SourceError, find
from buildtools.spec.variant import Variant


class _Wanted(NamedTuple):
    """Patterns that the definition asks for, and where it does."""

    patterns: Sequence[str]
    exclude: Sequence[str]
    line: int
    column: int


def observe(variant: Variant, *, root: Path, hashes: HashCache) -> Mapping[str, Digest]:
    """Digests by name relative to the image's folder: what builds read and what is copied as it is.

    Raises ConfigurationError with every pattern that matches nothing, or nothing that an image can hold.
    """
    found, faults = _look(variant, root)
    if faults:
        raise ConfigurationError(*faults)
    seen = {name: hashes.digest(path) for name, path in found.items()}
    return seen | _context(variant, root, hashes) if variant.engine == "dockerfile" else seen


def _context(variant: Variant, root: Path, hashes: HashCache) -> dict[str, Digest]:
    """Digests of what an engine is sent, names and modes included: COPY takes them over."""
    found = {}
    for item in context_items(root, variant):
        name = posixpath.normpath(f"{variant.context}/{item.name}")
        if item.kind == FILE:
            executable = os.access(item.path, os.X_OK) and sys.platform != "win32"
            found[name + ("*" if executable else "")] = hashes.digest(item.path)
        elif item.kind == SYMLINK:
            found[name] = digest_of(os.fsencode(item.path.readlink()))
        else:
            found[f"{name}/"] = digest_of(b"")
    return found


def missing(variant: Variant, *, root: Path) -> Sequence[Diagnostic]:
    """What `observe` would refuse, without reading any file."""
    return _look(variant, root)[1]


def located(variant: Variant, error: SourceError, line: int, column: int) -> Diagnostic:
    """The error as a finding about the variant's definition."""
    path = f"{variant.folder}/image.yaml"
    return Diagnostic(
        code="files", message=error.message, hint=error.hint, path=path, line=line, column=column
    )


def _look(variant: Variant, root: Path) -> tuple[dict[str, Path], list[Diagnostic]]:
    found: dict[str, Path] = {}
    faults: list[Diagnostic] = []
    step = variant.build
    if step and not (root / step.workdir).is_dir():
        gone = SourceError(f"{step.workdir} is no folder in {root}", hint="mend `workdir`")
        faults.append(located(variant, gone, step.line, step.column))
    if variant.context and not (root / variant.context).is_dir():
        gone = SourceError(f"{variant.context} is no folder in {root}", hint="mend `context`")
        faults.append(located(variant, gone, 0, 0))
    for wanted in _wanted(variant):
        try:
            found |= {item.name: item.path for item in find(root, wanted.patterns, wanted.exclude)}
        except SourceError as error:
            faults.append(located(variant, error, wanted.line, wanted.column))
    return found, faults


def _wanted(variant: Variant) -> Iterator[_Wanted]:
    if step := variant.build:
        yield _Wanted(step.inputs, (), step.line, step.column)
    if variant.engine == "dockerfile":
        yield _Wanted((variant.dockerfile,), (), 0, 0)
    for rule in variant.files:
        if rule.kind == "copy" and rule.origin == "project":
            yield _Wanted((rule.source,), rule.exclude, rule.line, rule.column)
