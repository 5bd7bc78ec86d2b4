"""The `check` verb: definitions before anything is built, and layouts and layers whoever wrote them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from buildtools.engines.copied import Copied
from buildtools.errors import ConfigurationError, Diagnostic, VerificationError
from buildtools.layers import SharedLayer, read_contents, read_layers, readable_entries, shared_layers
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import DocumentError
from buildtools.oci.validate import validate_index
from buildtools.prepare import plan_dockerfile
from buildtools.settings import Settings
from buildtools.sources.context import context_items, secrets_in
from buildtools.sources.entries import entries
from buildtools.sources.examine import examine
from buildtools.sources.foundations import read_dockerfile
from buildtools.sources.observe import missing
from buildtools.spec.expand import select
from buildtools.spec.variant import Variant
from buildtools.stores.base import Readable
from buildtools.stores.layout import Layout
from buildtools.stores.open import References, only_name
from buildtools.tree import Tree, read_tree
from buildtools.windows.lint import is_windows_layer
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
        check = _check_dockerfile if variant.engine == "dockerfile" else _check_variant
        found |= dict.fromkeys(check(workspace, variant))
    return list(found)


def _check_dockerfile(workspace: Workspace, variant: Variant) -> Iterator[Diagnostic]:
    """What is wrong with a Dockerfile, and with the files of one that takes nothing but its context."""
    root = workspace.root / variant.folder
    try:
        plan = plan_dockerfile(workspace, variant, workspace.pins())
        if plan is None or plan.recipe.needs:
            faults = missing(variant, root=root)
            yield from faults or _check_context(variant, root)
        if plan is None:
            return
        yield from plan.recipe.warnings
        if plan.variant.engine == "copied" and not plan.recipe.engine_stages and not plan.recipe.others:
            copied = Copied(plans={variant.key: plan}, source=None)
            yield from examine(plan.variant, copied.entries(plan.variant))
    except ConfigurationError as error:
        yield from error.diagnostics


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


def _check_context(variant: Variant, root: Path) -> Iterator[Diagnostic]:
    """What can be said of a Dockerfile and its context before an engine has seen them."""
    try:
        dockerfile = read_dockerfile(variant, root)
        items = context_items(root, variant)
    except ConfigurationError as error:
        yield from error.diagnostics
        return
    if told := secrets_in(items):
        yield Diagnostic(
            code="secret",
            message=told,
            hint="name them in .dockerignore, unless they are meant for everybody who has the image",
            path=dockerfile.shown,
            severity="warning",
        )


def check_layout(text: str, settings: Settings) -> list[Diagnostic]:
    """Everything that is wrong with an index, its images and those of their layers that are there."""
    references = References(settings)
    try:
        store, identifier = references.open(text)
        tree = read_image(store, identifier or only_name(store))
        found = [*check_tree(tree)]
        if isinstance(store, Layout):
            found += read_layers(store, there(tree))
    finally:
        references.close()
    return [replace(item, path=item.path or text) for item in dict.fromkeys(found)]


def read_image(store: Readable, identifier: str) -> Tree:
    """An index with all below it; raises VerificationError where the outermost document cannot be used."""
    try:
        return read_tree(store, identifier, deep=True)
    except DocumentError as error:
        raise VerificationError(
            f"{identifier} in {store.name} cannot be read: {error}", hint="publish it again"
        ) from error


def check_tree(tree: Tree) -> Iterator[Diagnostic]:
    """What is wrong with an index and the documents below it, layers aside."""
    yield from (fault.finding for fault in tree.faults)
    yield from tree.refused
    children = {entry.descriptor.digest: (entry.manifest, entry.config) for entry in tree.images}
    indexes = [("", tree.index), *((nested.name, nested.index) for nested in tree.nested)]
    for name, index in indexes:
        for finding in validate_index(index, children):
            # What cannot be read has been told with its reason.
            if finding.code != "child-missing":
                yield replace(finding, message=f"{name}: {finding.message}") if name else finding
    for entry in tree.images:
        if entry.config.platform.os.lower() == "windows":
            yield from check_windows_config(entry.config, str(entry.platform))


def there(tree: Tree) -> list[SharedLayer]:
    """The layers of all images but those that a layout leaves to a base's registry."""
    left = {layer.digest for entry in tree.images for layer in entry.missing}
    return [layer for layer in shared_layers(tree.images) if layer.descriptor.digest not in left]


def check_windows_config(config: ImageConfig, name: str) -> Iterator[Diagnostic]:
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


def check_layer(path: Path) -> list[Diagnostic]:
    """Everything that is wrong with one layer's tar; it is for Windows if it has Windows' roots."""
    if not path.stat().st_size:
        text, hint = "the file is empty", "write the layer again"
        return [Diagnostic(code="layer-damaged", message=text, hint=hint, path=path.as_posix())]
    with path.open("rb") as file:
        system = "windows" if is_windows_layer(readable_entries(file)) else "linux"
    with path.open("rb") as file:
        found = read_contents(file, system, is_base=False).findings
    return [replace(item, path=path.as_posix()) for item in found]
