"""Files that COPY --from takes from elsewhere: images of registries, and stages that an engine builds.

An image is read layer by layer, without a daemon; a stage with RUN is built by a Docker Engine for Linux
containers, and the file system of a container that is never started is read.
"""

import os
import tarfile
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from buildtools.dockerd import connect
from buildtools.dockerfile.copying import Files
from buildtools.dockerfile.recipe import ImageUse, StageRecipe
from buildtools.dockerfile.scope import shown
from buildtools.dockerfile.sent import Sendable, sendable
from buildtools.engines.assemble import LAYER_EPOCH
from buildtools.engines.fitness import known_hint
from buildtools.engines.work import Order, Work
from buildtools.errors import BuildError, MissingToolError
from buildtools.oci.compress import CompressionError, inflated
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import WHITEOUT_PREFIX, Entry, Kind
from buildtools.oci.pieces import PieceReader
from buildtools.oci.reference import parse_reference
from buildtools.oci.tar import DIRECTORY, FILE, HARDLINK, SYMLINK, TarEntry, TarError, read_tar
from buildtools.pins import Pins
from buildtools.sources.context import context_items, name_in_context, sent_context
from buildtools.sources.recipes import Planned, goal_of, image_key
from buildtools.stores.base import Readable
from buildtools.stores.disk import errors_name
from buildtools.stores.layout import Layout

_KINDS: Final = {FILE: Kind.FILE, DIRECTORY: Kind.DIRECTORY, SYMLINK: Kind.SYMLINK}
_OPAQUE: Final = f"{WHITEOUT_PREFIX}{WHITEOUT_PREFIX}.opq"
_WINDOWS_ROOT: Final = "Files/"
_PIECE: Final = 1024 * 1024


@dataclass(kw_only=True)
class Stages:
    """A StageSource. `layers` keeps what was read, `folder` what was built.

    `open_base` gives the registry that an image lives in, `located` says under which name an engine is to
    pull a repository. `silence` is how many seconds it may say nothing.
    """

    pins: Pins
    open_base: Callable[[str], Readable]
    layers: Layout
    folder: Path
    note: Callable[[str], None]
    silence: float = 600.0
    located: Callable[[str], str] = str
    _images: dict[ImageUse, Files] = field(default_factory=dict, init=False)
    _built: dict[tuple[str, int, str, str], Files] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def image_files(self, image: ImageUse) -> Files:
        """The files of a pinned image; raises BuildError and what registries raise."""
        with self._lock:
            if image not in self._images:
                self._images[image] = self._read(image)
            return self._images[image]

    def _read(self, image: ImageUse) -> Files:
        pin = self.pins.base(image.reference, image_key(image))
        if pin is None:
            raise BuildError(f"{image.reference} is not pinned", hint="run `buildtools pins`")
        manifest = Manifest.parse(pin.manifest, pin.media_type)
        found: dict[str, Entry] = {}
        for layer in manifest.layers:
            if not self.layers.has_blob(layer):
                self.note(f"fetching {layer.size / 1e6:.0f} MB of {image.reference}")
                base = self.open_base(image.reference)
                self.layers.put_blob(layer, partial(base.get_blob, layer))
            try:
                self._apply(layer, found, windows=image.platform.os == "windows")
            except (TarError, CompressionError) as error:
                raise BuildError(f"a layer of {image.reference} cannot be read: {error}") from error
        return found

    def _apply(self, layer: Descriptor, found: dict[str, Entry], *, windows: bool) -> None:
        """Put what a layer says on top of what is there."""
        with self.layers.get_blob(layer) as blob:
            for number, (entry, _) in enumerate(read_tar(PieceReader(inflated(blob)))):
                path = _path(entry.name, windows=windows)
                if not path:
                    continue
                folder, _, name = path.rpartition("/")
                if name.startswith(WHITEOUT_PREFIX):
                    gone = (
                        folder if name == _OPAQUE else f"{folder}/{name[len(WHITEOUT_PREFIX) :]}".lstrip("/")
                    )
                    _remove(gone, found, itself=name != _OPAQUE)
                elif entry.kind == HARDLINK:
                    if target := found.get(_path(entry.link, windows=windows)):
                        found[path] = replace(target, path=path)
                elif kind := _KINDS.get(entry.kind):
                    if kind is not Kind.DIRECTORY:
                        _remove(path, found)
                    found[path] = _entry(path, kind, entry, partial(self._member, layer, number))

    def _member(self, layer: Descriptor, number: int) -> BinaryIO:
        """The content of one entry of a layer, which is read up to there."""
        with self.layers.get_blob(layer) as blob:
            for at, (entry, body) in enumerate(read_tar(PieceReader(inflated(blob)))):
                if at == number:
                    return _spooled(body, entry.size)
        raise BuildError(f"layer {layer.digest} became shorter while it was read")

    def stage_files(self, plan: Planned, stage: StageRecipe) -> Files:
        """The files of a stage that the engine builds; raises MissingToolError and BuildError."""
        variant = plan.variant
        text = plan.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
        goal = replace(goal_of(variant), target=stage.target)
        sent = sendable(text, goal, path=plan.recipe.path, look=self._look)
        # Windows releases share what is built for Linux, unless an argument is another for each.
        key = variant.image, stage.index, shown(stage.platform), str(sorted(sent.arguments().items()))
        with self._lock:
            if key not in self._built:
                self._built[key] = self._built_by_engine(plan, sent)
            return self._built[key]

    def _look(self, use: ImageUse) -> ImageConfig | None:
        pin = self.pins.base(use.reference, image_key(use))
        return None if pin is None else ImageConfig.parse(pin.config)

    def _built_by_engine(self, plan: Planned, sent: Sendable) -> Files:
        stage = sent.recipe.last
        where = f"stage {stage.target} of {plan.recipe.path}"
        try:
            connection = connect(silence=self.silence)
        except MissingToolError as error:
            raise _missing(where, stage, error.message) from error
        with closing(connection):
            system = connection.info.os
            if system != stage.platform.os:
                raise _missing(where, stage, f"the engine is one for {system}")
            self.note(f"building {where}")
            work = Work(
                name=where,
                connection=connection,
                note=self.note,
                silence=self.silence,
                hint=lambda message: known_hint(message, stage.platform.architecture),
            )
            work.pull(plan.variant.docker.cache_from)
            image = work.built(self._order(plan, sent))
            return _export(work, image, self.folder / f"{image.removeprefix('sha256:')}.tar")

    def _order(self, plan: Planned, sent: Sendable) -> Order:
        """What the engine is asked for: the stage, on pinned images, with all of the context."""
        options = plan.variant.docker
        text = sent.for_engine(self._pinned).encode("utf-8", "surrogateescape")
        folder = plan.root / plan.variant.folder
        items = context_items(folder, plan.variant)
        return Order(
            context=sent_context(folder, plan.variant, items, text, mtime=LAYER_EPOCH),
            dockerfile=name_in_context(plan.variant),
            arguments=sent.arguments(),
            target=sent.recipe.last.target,
            platform=shown(sent.recipe.last.platform),
            network=options.network,
            cache_from=options.cache_from,
            pull=options.pull == "always",
        )

    def _pinned(self, use: ImageUse) -> str:
        """The image by the digest that it is pinned to, where it is located."""
        pin = self.pins.base(use.reference, image_key(use))
        if pin is None:
            raise BuildError(f"{use.reference} is not pinned", hint="run `buildtools pins`")
        return f"{self.located(parse_reference(use.reference).name)}@{pin.digest}"


def _export(work: Work, image: str, path: Path) -> Files:
    """Write the files of an image, out of a container that is never started, into an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with errors_name(path, "written"), temporary.open("wb") as file:
            for piece in work.exported(image):
                file.write(piece)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with tarfile.open(path) as archive:
        return _listed(archive, path)


def _listed(archive: tarfile.TarFile, path: Path) -> Files:
    """The entries of an exported file system; their content is read where it lies."""
    found: dict[str, Entry] = {}
    kinds = {tarfile.REGTYPE: Kind.FILE, tarfile.DIRTYPE: Kind.DIRECTORY, tarfile.SYMTYPE: Kind.SYMLINK}
    for member in archive:
        name = _path(member.name, windows=False)
        if member.islnk():
            if target := found.get(_path(member.linkname, windows=False)):
                found[name] = replace(target, path=name)
        elif name and (kind := kinds.get(member.type)):
            is_file = kind is Kind.FILE
            found[name] = Entry(
                path=name,
                kind=kind,
                size=member.size if is_file else 0,
                open=partial(_slice, path, member.offset_data, member.size) if is_file else None,
                mode=member.mode & 0o7777,
                uid=member.uid,
                gid=member.gid,
                target=member.linkname if kind is Kind.SYMLINK else "",
            )
    return found


def _slice(path: Path, offset: int, size: int) -> BinaryIO:
    with path.open("rb") as file:
        file.seek(offset)
        return _spooled(file, size)


def _entry(path: str, kind: Kind, entry: TarEntry, opened: Callable[[], BinaryIO]) -> Entry:
    is_file = kind is Kind.FILE
    return Entry(
        path=path,
        kind=kind,
        size=entry.size if is_file else 0,
        open=opened if is_file else None,
        mode=entry.mode & 0o7777,
        uid=entry.uid,
        gid=entry.gid,
        target=entry.link if kind is Kind.SYMLINK else "",
    )


def _path(name: str, *, windows: bool) -> str:
    """The path in the image; empty for what is not in it, such as the registry of a Windows layer."""
    clean = "/".join(part for part in name.split("/") if part not in {"", "."})
    if not windows:
        return clean
    return clean.removeprefix(_WINDOWS_ROOT) if clean.startswith(_WINDOWS_ROOT) else ""


def _remove(path: str, found: dict[str, Entry], *, itself: bool = True) -> None:
    if itself:
        found.pop(path, None)
    for inner in [name for name in found if name.startswith(f"{path}/")] if path else []:
        del found[inner]


def _spooled(body: BinaryIO, size: int) -> BinaryIO:
    """A copy of `size` bytes of what can only be read once, or lies in the middle of something."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's
    while size and (piece := body.read(min(size, _PIECE))):
        file.write(piece)
        size -= len(piece)
    file.seek(0)
    return file


def _missing(where: str, stage: StageRecipe, why: str) -> MissingToolError:
    reasons = "\n".join(str(need) for need in stage.needs)
    hint = f"start a Docker Engine for {stage.platform.os} containers, or name one in DOCKER_HOST\n{reasons}"
    return MissingToolError(f"{where} needs a Docker Engine, and {why}", hint=hint)
