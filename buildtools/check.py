"""The `check` verb: definitions before anything is built, and layouts and layers whoever wrote them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.errors import BuildError, ConfigurationError, Diagnostic
from buildtools.inspect import Entry, Inspection, inspect_reference
from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.config import ImageConfig
from buildtools.oci.lint import lint_linux_layer
from buildtools.oci.pieces import PieceReader
from buildtools.oci.tar import TarEntry, TarError, read_tar
from buildtools.oci.validate import validate_index
from buildtools.settings import Settings
from buildtools.sources.entries import entries
from buildtools.sources.examine import examine
from buildtools.sources.observe import missing
from buildtools.spec.expand import select
from buildtools.spec.variant import Variant
from buildtools.stores.layout import Layout
from buildtools.stores.open import References
from buildtools.windows.lint import is_windows_layer, lint_windows_layer
from buildtools.windows.signals import EVENTS, EXPECTED, check_stop_signal, number_of
from buildtools.workspace import Workspace

_SYSTEM_FOLDER: Final = r"windows\system32"


def check_definitions(workspace: Workspace, names: Sequence[str]) -> list[Diagnostic]:
    """Everything that is wrong in definitions and in the files that are there already.

    Products of build commands are looked at where an earlier build left them.
    """
    try:
        project = workspace.project
    except ConfigurationError as error:
        return list(error.diagnostics)
    found: dict[Diagnostic, None] = {}
    for variant in select(project, names, ()):
        found |= dict.fromkeys(_check_variant(workspace, variant))
    return list(found)


def _check_variant(workspace: Workspace, variant: Variant) -> Iterator[Diagnostic]:
    root = workspace.root / variant.folder
    place = workspace.product(variant)
    out = place if place.is_dir() else None
    faults = missing(variant, root=root)
    yield from faults
    if faults:
        return
    # What is made or fetched can be looked at only once it is there.
    later = {"fetch"} if out else {"fetch", "out"}
    ahead = [rule.destination for rule in variant.files if rule.kind == "copy" and rule.origin in later]
    here = [rule for rule in variant.files if rule.kind != "copy" or rule.origin not in later]
    try:
        yield from examine(variant, entries(variant, root=root, out=out, rules=here), ahead=ahead)
    except ConfigurationError as error:
        yield from error.diagnostics


def check_layout(text: str, settings: Settings) -> list[Diagnostic]:
    """Everything that is wrong with an index, its images and those of their layers that are there."""
    inspection = inspect_reference(text, settings)
    children = {entry.descriptor.digest: (entry.manifest, entry.config) for entry in inspection.entries}
    found = list(validate_index(inspection.index, children))
    for entry in inspection.entries:
        if entry.config.platform.os.lower() == "windows":
            found.extend(_windows_config(entry.config, str(entry.platform)))
    found.extend(_check_layers(inspection, text, settings))
    return [replace(item, path=item.path or text) for item in dict.fromkeys(found)]


def _windows_config(config: ImageConfig, name: str) -> Iterator[Diagnostic]:
    """What a config says that Windows takes otherwise than its author, or refuses."""
    value = config.stop_signal
    if value and (fault := check_stop_signal(value, "windows")):
        known = number_of(value)
        message = fault.rpartition(": " if known is None else "; ")[0]
        # What is only taken for another event stops the program all the same.
        trap = value.upper().removeprefix("SIG") in EXPECTED and known in EVENTS
        yield Diagnostic(
            code="stop-signal",
            message=f"{name} has a StopSignal that is wrong: {message}",
            hint="leave it out, so that the program gets CTRL_SHUTDOWN",
            severity="warning" if trap else "error",
        )
    # Of two the later counts.
    path = next((text for text in reversed(config.env) if text.upper().startswith("PATH=")), "")
    if path and "%PATH%" not in path.upper() and not _has_system_folder(path.partition("=")[2]):
        yield Diagnostic(
            code="path-incomplete",
            message=f"{name} sets PATH without C:\\Windows\\System32, and this PATH replaces Windows' own",
            hint="write the whole PATH",
            severity="warning",
        )
    if config.args_escaped:
        yield Diagnostic(
            code="args-escaped",
            message=f"{name} has ArgsEscaped, so that its first argument is taken for a whole command line",
            hint="write the entrypoint as a list of arguments and leave ArgsEscaped out",
            severity="warning",
        )


def _has_system_folder(path: str) -> bool:
    folders = (part.strip('" ').replace("/", "\\").rstrip("\\").casefold() for part in path.split(";"))
    return any(folder.endswith(f"\\{_SYSTEM_FOLDER}") for folder in folders)


def _check_layers(inspection: Inspection, text: str, settings: Settings) -> Iterator[Diagnostic]:
    """Every layer that is there, once: variants share layers."""
    store, _ = References(settings).open(text)
    if not isinstance(store, Layout):
        return
    seen = set()
    for entry in inspection.entries:
        for number, layer in enumerate(entry.manifest.layers):
            if layer.digest in seen or layer in entry.missing:
                continue
            seen.add(layer.digest)
            with store.get_blob(layer) as blob:
                for item in _check_tar(blob, _what(entry), is_base=number == 0):
                    yield replace(item, message=f"{entry.platform}: {item.message}")


def _what(entry: Entry) -> str:
    return entry.platform.os


def check_layer(path: Path) -> list[Diagnostic]:
    """Everything that is wrong with one layer's tar; it is for Windows if it has Windows' roots."""
    if not path.stat().st_size:
        text, hint = "the file is empty", "write the layer again"
        return [Diagnostic(code="layer-damaged", message=text, hint=hint, path=path.as_posix())]
    with path.open("rb") as file:
        system = "windows" if is_windows_layer(_readable(file)) else "linux"
    with path.open("rb") as file:
        found = _check_tar(file, system, is_base=False)
        return [replace(item, path=path.as_posix()) for item in found]


def _readable(file: BinaryIO) -> Iterator[TarEntry]:
    # What is wrong with an archive that cannot be read is said by the check itself.
    with suppress(TarError, CompressionError):
        yield from _tar_entries(file)


def _check_tar(file: BinaryIO, system: str, *, is_base: bool) -> Iterator[Diagnostic]:
    """What is wrong with a layer; what a finding is about stands in its message, not as its file."""
    try:
        if system == "windows":
            findings: Iterable[Diagnostic] = lint_windows_layer(_tar_entries(file), is_base=is_base)
        else:
            findings = lint_linux_layer(_tar_entries(file))
        for finding in findings:
            entry = f"{finding.path}: " if finding.path else ""
            yield replace(finding, message=f"{entry}{finding.message}", path="")
    except (TarError, CompressionError, BuildError) as error:
        yield Diagnostic(code="layer-damaged", message=str(error), hint="write the layer again")


def _tar_entries(file: BinaryIO) -> Iterator[TarEntry]:
    for entry, _ in read_tar(PieceReader(inflated(file))):
        yield entry
