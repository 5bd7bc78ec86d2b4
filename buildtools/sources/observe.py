"""What a variant's result depends on in the project's own files: names and content digests."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.digest import Digest
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
    return {name: hashes.digest(path) for name, path in found.items()}


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
        yield _Wanted((variant.context,), (), 0, 0)
    for rule in variant.files:
        if rule.kind == "copy" and rule.origin == "project":
            yield _Wanted((rule.source,), rule.exclude, rule.line, rule.column)
