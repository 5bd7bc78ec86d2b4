"""The files that `preflight` reads: manifests in files, folders and pipes, and the pages beside them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from buildtools.cluster.readme import named_files
from buildtools.cluster.tree import Value, read_documents
from buildtools.cluster.workloads import Workload, read_workloads
from buildtools.errors import ConfigurationError, Diagnostic, UsageError
from buildtools.stores.disk import errors_name

STDIN: Final = "-"
_MANIFESTS: Final = frozenset({".yaml", ".yml", ".json"})
_PAGES: Final = frozenset({".md"})


def is_there(name: str) -> bool:
    """Whether it can be read; a pipe can, too, as shells make one of `<(kubectl get nodes -o json)`."""
    path = Path(name)
    return path.exists() and not path.is_dir()


def read_bytes(name: str, stdin: Callable[[], bytes]) -> bytes:
    """The content of a file, or of standard input for `-`; raises UsageError."""
    if name == STDIN:
        return stdin()
    with errors_name(Path(name), "read"):
        return Path(name).read_bytes()


def shown(name: str) -> str:
    """What findings call a file."""
    return "standard input" if name == STDIN else Path(name).as_posix()


def read_manifests(
    names: Sequence[str], stdin: Callable[[], bytes]
) -> tuple[tuple[Workload, ...], tuple[Diagnostic, ...]]:
    """The workloads of all files, and what pages beside them name that is not there.

    Raises UsageError for a name that is nowhere, ConfigurationError for what cannot be read.
    """
    documents: dict[str, tuple[Value, ...]] = {}
    faults: list[Diagnostic] = []
    pages: list[Diagnostic] = []
    for name in names:
        paths = [name] if name == STDIN else list(_files(Path(name), _MANIFESTS))
        if not paths:
            raise UsageError(
                f"there is no manifest in {name}", hint="name files, or a folder with YAML in it"
            )
        for path in paths:
            try:
                documents[shown(path)] = read_documents(read_bytes(path, stdin), shown(path))
            except ConfigurationError as error:
                faults += error.diagnostics
        if not faults and not any(documents[shown(path)] for path in paths):
            raise UsageError(f"there is nothing in {shown(name)}", hint="name manifests that hold something")
        if name != STDIN and Path(name).is_dir():
            pages += [_kustomization(path) for path in paths if Path(path).stem == "kustomization"]
            pages += [
                item for page in _files(Path(name), _PAGES) for item in _page_findings(page, Path(name))
            ]
    if faults:
        raise ConfigurationError(*dict.fromkeys(faults))
    workloads = read_workloads(documents.items())
    if names and not workloads:
        message = f"nothing in {', '.join(shown(name) for name in names)} runs pods"
        pages.append(
            Diagnostic(
                code="no-workload", message=message, hint="name other manifests, too", severity="warning"
            )
        )
    return workloads, tuple(pages)


def _files(place: Path, endings: frozenset[str]) -> Iterator[str]:
    """The file itself, or those with these endings in a folder and below; hidden folders are left out."""
    if not place.is_dir():
        if not is_there(str(place)):
            raise UsageError(f"{place} is not there", hint="name a file or folder of manifests")
        yield str(place)
        return
    for path in sorted(place.rglob("*")):
        inner = path.relative_to(place).parts
        if (
            path.suffix.lower() in endings
            and path.is_file()
            and not any(part.startswith(".") for part in inner)
        ):
            yield str(path)


def _kustomization(path: str) -> Diagnostic:
    """Patches beside it are parts of manifests, and what it makes of them is not in the folder."""
    folder = Path(path).parent.as_posix()
    return Diagnostic(
        code="kustomization",
        message="the manifests of this folder are parts for kustomize, and what it makes of them counts",
        hint=f"build it first: kubectl kustomize {folder} | buildtools preflight --manifests - --nodes FILE",
        path=shown(path),
        severity="warning",
    )


def _page_findings(page: str, folder: Path) -> Iterator[Diagnostic]:
    with errors_name(Path(page), "read"):
        text = Path(page).read_text(encoding="utf-8", errors="replace")
    for named in named_files(text):
        if not any((base / named.name).exists() for base in (Path(page).parent, folder, Path())):
            yield Diagnostic(
                code="readme-file",
                message=f"a command applies {named.name}, which is not there",
                hint="write the name of the file that is meant",
                path=shown(page),
                line=named.line,
                column=named.column,
                severity="warning",
            )
