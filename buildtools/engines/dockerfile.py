"""The engine of Dockerfiles: built by a Docker Engine, taken out of it as a stream, and never pushed by it.

Source: moby/moby:api/docs (image build, image save); docker/docker-py:docker/api/build.py. Errors come in
the middle of a stream that began with status 200, so each of its lines is looked at.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from buildtools.dockerd import Connection, connect
from buildtools.engines.assemble import LAYER_EPOCH
from buildtools.engines.base import BaseImage
from buildtools.engines.fitness import Fitness, hint_for, require_fit
from buildtools.engines.result import Made, put_image
from buildtools.engines.saved import read_saved
from buildtools.engines.stream import SilenceError, Stream
from buildtools.errors import BuildError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.pins import Pins
from buildtools.plan import Target
from buildtools.record import BuildRecord
from buildtools.sources.context import BESIDE, IGNORE, context_items, context_tar, name_in_context, secrets_in
from buildtools.sources.foundations import Dockerfile, Foundation, read_dockerfile
from buildtools.sources.froms import with_digests
from buildtools.stores.base import Store

_TAIL: Final = 20
_GONE: Final = "see the engine's own log; build again once it runs"
_MEND: Final = "mend the Dockerfile or the definition"
_DONE: Final = "Successfully built "


@dataclass(kw_only=True)
class Dockerfiles:
    """Builds targets of engine `dockerfile`; `root` is the project's folder.

    `pins` has what the Dockerfiles stand on. `located` says under which name the engine is to pull a
    repository: a mirror's, where the project has one. `note` is told the engine's output line by line.
    """

    root: Path
    pins: Pins
    located: Callable[[str], str]
    note: Callable[[str], None]
    silence: float
    connect: Callable[..., Connection] = field(default=connect)

    def build(self, target: Target, store: Store) -> BuildRecord:
        """Build, save and describe the target's image; raises BuildError and MissingToolError."""
        dockerfile = read_dockerfile(target.variant, self.root / target.variant.folder)
        with closing(self.connect(silence=self.silence)) as connection:
            fitness = require_fit(connection.info, target)
            pinned = self._pinned(dockerfile, target)
            if fitness.warning:
                self.note(f"{target.name}: {fitness.warning}")
            work = _Work(
                target=target,
                connection=connection,
                note=self.note,
                silence=self.silence,
                fitness=fitness,
            )
            context = self._context(dockerfile, target, work)
            image = work.built(context)
            try:
                made = self._taken(work, image, pinned, store)
            finally:
                work.remove(image)
        return put_image(target, made, store)

    def _pinned(self, dockerfile: Dockerfile, target: Target) -> dict[str, BaseImage]:
        """The pinned image of each reference; raises BuildError."""
        found = {}
        for one in dockerfile.foundations:
            pin = self.pins.base(one.reference, one.key)
            if pin is None:
                raise BuildError(
                    f"{target.name}: {one.reference} in {dockerfile.shown}:{one.external.line} is not "
                    f"pinned for {one.key}",
                    hint="run `buildtools pins`; a Dockerfile is never built on stand-in bases",
                )
            found[one.reference] = BaseImage(
                manifest=Manifest.parse(pin.manifest, pin.media_type), config=ImageConfig.parse(pin.config)
            )
        return found

    def _context(self, dockerfile: Dockerfile, target: Target, work: "_Work") -> Iterator[bytes]:
        """The tar that the engine is sent, with every base by its digest."""
        variant = target.variant
        folder = self.root / variant.folder
        root = folder / variant.context
        by_span = {one.external: one for one in dockerfile.foundations}

        def pinned(one: Foundation) -> str:
            pin = self.pins.base(one.reference, one.key)
            name = one.reference.partition("@")[0]
            name = name[: name.rfind(":")] if ":" in name.rpartition("/")[2] else name
            return f"{self.located(name)}@{pin.digest}" if pin else one.reference

        externals = tuple(one.external for one in dockerfile.foundations)
        text = with_digests(dockerfile.text, externals, lambda item: pinned(by_span[item])).encode()
        work.dockerfile = name_in_context(variant)
        items = context_items(root, work.dockerfile)
        if told := secrets_in(items):
            self.note(f"{target.name}: {told}")
        replaced = {work.dockerfile: text}
        if work.dockerfile == BESIDE:
            # The engine takes out what .dockerignore names, so that `COPY .` does not meet the added file.
            ignored = root / IGNORE
            before = ignored.read_bytes() if ignored.is_file() else f"{IGNORE}\n".encode()
            replaced[IGNORE] = before.rstrip(b"\n") + f"\n{BESIDE}\n".encode()
        return context_tar(items, replaced=replaced, mtime=LAYER_EPOCH)

    def _taken(self, work: "_Work", image: str, pinned: Mapping[str, BaseImage], store: Store) -> Made:
        """The image out of the engine; what a pinned base has is left to it."""
        base = _base_below(work.layers(image), pinned.get(work.target.base.reference))
        known: dict[Digest, Descriptor] = {}
        if base:
            known = dict(zip(base.config.diff_ids, base.manifest.layers, strict=True))
        return Made(saved=read_saved(iter(work.saved(image)), store, known, name=work.target.name), base=base)


def _base_below(layers: list[str], base: BaseImage | None) -> BaseImage | None:
    """The pinned base, if its layers are the lowest of these."""
    if base is None:
        return None
    ids = base.config.diff_ids
    return base if list(ids) == layers[: len(ids)] and len(ids) == len(base.manifest.layers) else None


@dataclass(kw_only=True)
class _Work:
    """One build on one engine."""

    target: Target
    connection: Connection
    note: Callable[[str], None]
    silence: float
    fitness: Fitness
    dockerfile: str = "Dockerfile"
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))

    def built(self, context: Iterator[bytes]) -> str:
        """Build; gives the image's id on the engine. Raises BuildError with the last lines of output."""
        self._pull_caches()
        variant, options = self.target.variant, self.target.variant.docker
        api = self.connection.client.api
        windows = variant.platform.os == "windows"

        def start() -> Iterator[Any]:
            lines: Iterator[Any] = api.build(
                fileobj=context,  # type: ignore[arg-type] # handed to requests, which sends what it iterates
                custom_context=True,
                dockerfile=self.dockerfile,
                buildargs=dict(variant.args),
                target=options.target or None,
                network_mode=options.network or None,
                cache_from=list(options.cache_from) or None,
                pull=options.pull == "always",
                platform=None if windows else str(variant.platform),
                isolation=self.fitness.isolation or None,
                timeout=self.connection.client.api.timeout,
                rm=True,
                forcerm=True,
                decode=True,
            )
            return lines

        return self._followed(self._stream(start, "building"))

    def layers(self, image: str) -> list[str]:
        """The diff_ids of the image, from the lowest on."""
        from docker.errors import DockerException
        from requests import RequestException

        try:
            found: Any = self.connection.client.images.get(image).attrs
        except (DockerException, RequestException) as error:
            raise self._failed("what was built cannot be asked for", error) from error
        return [str(layer) for layer in (found.get("RootFS") or {}).get("Layers") or ()]

    def saved(self, image: str) -> Iterator[bytes]:
        """The image as `docker save` gives it."""
        return self._stream(lambda: iter(self.connection.client.api.get_image(image)), "saving")

    def remove(self, image: str) -> None:
        """Take the image off the engine, unless a person has given it a name meanwhile or before.

        The steps that it was built in stay: they are the engine's cache.
        """
        from docker.errors import DockerException
        from requests import RequestException

        with suppress(DockerException, RequestException, OSError):
            if not self.connection.client.images.get(image).tags:
                self.connection.client.api.remove_image(image, noprune=True)

    def _pull_caches(self) -> None:
        """Fetch the images whose steps may be used again; one that is not there is no fault."""
        from docker.errors import DockerException

        for reference in self.target.variant.docker.cache_from:
            try:
                self.connection.client.images.pull(reference)
            except DockerException as error:
                self.note(f"{self.target.name}: nothing is reused of {reference}: {error}")

    def _stream(self, start: Callable[[], Iterator[Any]], what: str) -> Iterator[Any]:
        """What the engine sends; its connection is cut at the end, so that it stops, too."""
        from docker.errors import DockerException
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        with closing(_Cut(self.connection)) as cut:
            try:
                yield from Stream(start, silence=self.silence, end=cut.close)
            except SilenceError as error:
                raise BuildError(
                    f"{self.target.name}: the Docker Engine said nothing for {self.silence:.0f} seconds "
                    f"while {what}{self._last()}",
                    hint="let long steps print something, or raise BUILDTOOLS_ENGINE_SILENCE",
                ) from error
            except (DockerException, RequestException, HTTPError, OSError) as error:
                raise self._failed(f"{what} failed", error) from error

    def _followed(self, lines: Iterator[Any]) -> str:
        image, done = "", ""
        for line in lines:
            if "error" in line or "errorDetail" in line:
                detail = line.get("errorDetail") or {}
                message = str(detail.get("message") or line.get("error")).strip()
                raise BuildError(
                    f"{self.target.name}: {message}{self._last()}",
                    hint=hint_for(f"{message}\n" + "\n".join(self.tail), self.target, self.fitness),
                )
            image = str((line.get("aux") or {}).get("ID") or image)
            text = str(line.get("stream") or line.get("status") or "").strip()
            for part in (shown for line in text.splitlines() if (shown := line.strip()) not in {"", "--->"}):
                done = part.removeprefix(_DONE) if part.startswith(_DONE) else done
                self.tail.append(part)
                self.note(f"{self.target.name}: {part}")
        if not done or not image.removeprefix("sha256:").startswith(done):
            raise BuildError(
                f"{self.target.name}: the Docker Engine ended in the middle of the build{self._last()}",
                hint=_GONE,
            )
        return image

    def _last(self) -> str:
        return "".join(f"\n    {line}" for line in ("", *self.tail) if line)

    def _failed(self, what: str, error: Exception) -> BuildError:
        explained = str(getattr(error, "explanation", None) or error)
        refused = bool(getattr(error, "is_client_error", bool)())
        return BuildError(
            f"{self.target.name}: {what}: {explained}{self._last()}",
            hint=hint_for(explained, self.target, self.fitness) or (_MEND if refused else _GONE),
        )


class _Cut:
    """Cuts the connection of the one answer that is being read, from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._hooks = connection.client.api.hooks["response"]
        self._response: Any = None
        self._hooks.append(self._seen)

    def close(self) -> None:
        """Let go: an engine whose client is gone ends what it does for it."""
        with suppress(ValueError):
            self._hooks.remove(self._seen)
        if self._response is not None:
            # Read to its end it has no connection any more, and that of a pipe can only be closed.
            with suppress(ValueError, RuntimeError, OSError, AttributeError):
                self._response.raw.shutdown()

    def _seen(self, response: Any, *_: object, **__: object) -> None:
        self._response = response
