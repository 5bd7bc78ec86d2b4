"""The project on this disk: definitions and pins in, images and records out.

<root>/images/defaults.yaml       what images share
<root>/images/<name>/image.yaml   one image
<root>/images/pins.json           digests of bases and assets
<dist>/oci/<name>                 the image's OCI layout
<dist>/records/<name>/*.json      what each variant was built out of
<dist>/work, <dist>/cache         compiled files, fetched assets, content hashes: safe to delete
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from buildtools import pins as pins_file
from buildtools import record as record_file
from buildtools.errors import BuildError, BuildtoolsError, ConfigurationError, Diagnostic, UsageError
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index, parse_document
from buildtools.pins import Pins
from buildtools.record import BuildRecord
from buildtools.settings import Settings
from buildtools.sources.compile import product_folder
from buildtools.sources.hashes import HashCache
from buildtools.spec.expand import Project, load
from buildtools.spec.variant import OWN, Variant
from buildtools.stores import disk
from buildtools.stores.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """One project and the folder that its products go to.

    `note` is told in a few words what is going on; it may be called from any thread.
    """

    root: Path
    dist: Path
    settings: Settings
    note: Callable[[str], None] = field(default=lambda _text: None, repr=False)
    _layouts: dict[str, Layout] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def images(self) -> Path:
        """The folder of definitions."""
        return self.root / "images"

    @property
    def cache(self) -> Path:
        """Content hashes and fetched assets."""
        return self.dist / "cache"

    @property
    def work(self) -> Path:
        """Products of build commands."""
        return self.dist / "work"

    @cached_property
    def hashes(self) -> HashCache:
        """Content hashes of files of this project, kept over runs."""
        return HashCache(self.cache / "hashes.json")

    @cached_property
    def project(self) -> Project:
        """Every definition; raises ConfigurationError with all faults of all files."""
        return load(dict(self._texts()))

    @cached_property
    def reach(self) -> Settings:
        """The settings with the project's mirrors under the environment's."""
        shared = self.project.spec
        return self.settings.with_project(mirrors=shared.mirrors, plain_http=shared.plain_http)

    @property
    def reach_of_targets(self) -> Settings:
        """The same without mirrors: what is published is written and read under its own name."""
        return replace(self.reach, mirrors={})

    def layout(self, image: str) -> Layout:
        """The image's OCI layout, one object a run."""
        with self._lock:
            return self._layouts.setdefault(image, Layout(self.dist / "oci" / image))

    def product(self, variant: Variant) -> Path:
        """Where the variant's build commands leave what they made."""
        return product_folder(self.work, variant)

    def pins(self) -> Pins:
        """What is pinned; nothing where there is no pins file."""
        path = self.images / "pins.json"
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return Pins()
        return pins_file.parse(text.decode("utf-8", "replace"), path=self.shown(path))

    def save_pins(self, pins: Pins) -> None:
        """Replace the pins file in one step."""
        write_text(self.images / "pins.json", pins_file.dump(pins))

    def records(self, variants: Iterable[Variant]) -> Mapping[tuple[str, str], BuildRecord]:
        """The last build of each variant; one that is broken or has lost a blob counts as none."""
        found = {}
        for variant in variants:
            path = self.record_path(*variant.key)
            try:
                record = record_file.parse(path.read_bytes())
            except (FileNotFoundError, ConfigurationError):
                continue
            layout = self.layout(variant.image)
            if all(layout.has_blob(blob.descriptor) for blob in record.blobs):
                found[variant.key] = record
        return found

    def handed_over(self, variants: Iterable[Variant]) -> Mapping[tuple[str, str], BuildRecord]:
        """The records of builds that were made elsewhere, whose blobs are in no layout of this machine.

        Raises ConfigurationError with all that are broken, or not of the variant whose name they bear.
        """
        found: dict[tuple[str, str], BuildRecord] = {}
        faults: list[Diagnostic] = []
        for variant in variants:
            path = self.record_path(*variant.key)
            try:
                record = record_file.parse(path.read_bytes(), path=self.shown(path))
            except FileNotFoundError:
                continue
            except ConfigurationError as error:
                faults += error.diagnostics
                continue
            if (record.image, record.label) == variant.key:
                found[variant.key] = record
            else:
                text = (
                    f"the record is of {record.image} {record.label}, not of {variant.image} {variant.label}"
                )
                faults.append(
                    Diagnostic(
                        code="broken-record",
                        message=text,
                        hint="hand over the folder as it was written",
                        path=self.shown(path),
                    )
                )
        if faults:
            raise ConfigurationError(*faults)
        return found

    def holder(self, record: BuildRecord, digest: Digest) -> "Layout | str":
        """What holds a layer of a record's base: an image's layout, or the base with this reference."""
        while record.base.reference.startswith(OWN):
            name = record.base.reference.removeprefix(OWN)
            if any(layer.digest == digest for layer in self._below(record, name).layers):
                return self.layout(name)
            record = self._below(record, name)
        return record.base.reference

    def _below(self, record: BuildRecord, name: str) -> BuildRecord:
        """The record of the image of the project that one stands on; raises BuildError where it has moved."""
        try:
            found = record_file.parse(self.record_path(name, record.label).read_bytes())
        except (OSError, ConfigurationError):
            found = record
        if found.manifest.digest != record.base.digest:
            raise BuildError(
                f"{record.image} {record.label} stands on a build of {name} that is not here any more",
                hint="build it again",
            )
        return found

    def indexed(self, image: str) -> frozenset[Digest]:
        """The manifests that the image's index names; none where it has no index, or a broken one."""
        layout = self.layout(image)
        try:
            (entry,) = layout.entries()
            index = parse_document(layout.get_manifest(entry.digest)[1], entry.media_type)
        except (BuildtoolsError, ValueError):
            return frozenset()
        if not (layout.is_valid and isinstance(index, Index)):
            return frozenset()
        return frozenset(manifest.digest for manifest in index.manifests)

    def record_path(self, image: str, label: str) -> Path:
        """Where the variant's record lies."""
        return self.dist / "records" / image / f"{label.replace('/', '-').replace(':', '-')}.json"

    def save_record(self, record: BuildRecord) -> None:
        """Replace the variant's record in one step."""
        write_text(self.record_path(record.image, record.label), record_file.dump(record))

    def shown(self, path: Path) -> str:
        """The path as people write it: relative to where the project is, with slashes."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def _texts(self) -> Iterable[tuple[str, bytes]]:
        if not self.images.is_dir():
            raise UsageError(
                f"{self.root} has no images folder",
                hint="run in the project's folder or name it with --project",
            )
        defaults = self.images / "defaults.yaml"
        if defaults.is_file():
            yield self.shown(defaults), defaults.read_bytes()
        definitions = sorted(self.images.glob("*/image.yaml"))
        if not definitions:
            raise UsageError(f"{self.images} holds no image", hint="write images/<name>/image.yaml")
        for path in definitions:
            yield self.shown(path), path.read_bytes()


def find_root(start: Path | None) -> Path:
    """The project that `start` (default: the current folder) is or lies in; raises UsageError."""
    here = (start or Path()).absolute()
    for folder in (here,) if start else (here, *here.parents):
        if (folder / "images").is_dir():
            return folder
    raise UsageError(
        f"{here} has no images folder" + ("" if start else ", nor has any folder above it"),
        hint="run in the project's folder or name it with --project",
    )


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader sees the old text or the new one; raises BuildError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with disk.errors_name(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.write_atomic(path, text.encode(), temporary=temporary)
    disk.sweep_beside(path)
