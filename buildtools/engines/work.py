"""One build on a Docker Engine: sent, followed line by line, ended by silence, an interrupt or its own end.

Source: moby/moby:api/docs (image build, image save); docker/docker-py:docker/api/build.py. Errors come in
the middle of a stream that began with status 200, so each of its lines is looked at.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from buildtools.dockerd import Connection
from buildtools.engines.stream import SilenceError, Stream
from buildtools.errors import BuildError

_TAIL: Final = 20
_GONE: Final = "see the engine's own log; build again once it runs"
_MEND: Final = "mend the Dockerfile or the definition"
_DONE: Final = "Successfully built "


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an engine is to build: empty texts leave the choice to it. `context` is a tar."""

    context: Iterator[bytes]
    dockerfile: str
    arguments: Mapping[str, str]
    target: str = ""
    platform: str = ""
    isolation: str = ""
    network: str = ""
    cache_from: Sequence[str] = ()
    pull: bool = False


@dataclass(kw_only=True)
class Work:
    """One build on one engine; `name` is whose, `hint` knows what to do about a message of the engine."""

    name: str
    connection: Connection
    note: Callable[[str], None]
    silence: float
    hint: Callable[[str], str]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))

    def built(self, order: Order) -> str:
        """Build; gives the image's id on the engine. Raises BuildError with the last lines of output."""
        api = self.connection.client.api

        def start() -> Iterator[Any]:
            lines: Iterator[Any] = api.build(
                fileobj=order.context,  # type: ignore[arg-type] # handed to requests, which sends what it iterates
                custom_context=True,
                dockerfile=order.dockerfile,
                buildargs=dict(order.arguments),
                target=order.target or None,
                network_mode=order.network or None,
                cache_from=list(order.cache_from) or None,
                pull=order.pull,
                platform=order.platform or None,
                isolation=order.isolation or None,
                timeout=api.timeout,
                rm=True,
                forcerm=True,
                decode=True,
            )
            return lines

        return self._followed(self.stream(start, "building"))

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
        return self.stream(lambda: iter(self.connection.client.api.get_image(image)), "saving")

    def exported(self, image: str) -> Iterator[bytes]:
        """The files of the image as a tar, out of a container that is never started."""
        from docker.errors import DockerException
        from requests import RequestException

        api = self.connection.client.api
        try:
            container = api.create_container(image, command=["none"])["Id"]
        except (DockerException, RequestException) as error:
            raise self._failed("what was built cannot be read", error) from error
        try:
            yield from self.stream(lambda: iter(api.export(container)), "reading its files")
        finally:
            with suppress(DockerException, RequestException, OSError):
                api.remove_container(container, force=True)

    def remove(self, image: str) -> None:
        """Take the image off the engine, unless a person has given it a name meanwhile or before.

        The steps that it was built in stay: they are the engine's cache.
        """
        from docker.errors import DockerException
        from requests import RequestException

        with suppress(DockerException, RequestException, OSError):
            if not self.connection.client.images.get(image).tags:
                self.connection.client.api.remove_image(image, noprune=True)

    def pull(self, references: Sequence[str]) -> None:
        """Fetch the images whose steps may be used again; one that is not there is no fault."""
        from docker.errors import DockerException

        for reference in references:
            try:
                self.connection.client.images.pull(reference)
            except DockerException as error:
                self.note(f"{self.name}: nothing is reused of {reference}: {error}")

    def stream(self, start: Callable[[], Iterator[Any]], what: str) -> Iterator[Any]:
        """What the engine sends; its connection is cut at the end, so that it stops, too."""
        from docker.errors import DockerException
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        with closing(_Cut(self.connection)) as cut:
            try:
                yield from Stream(start, silence=self.silence, end=cut.close)
            except SilenceError as error:
                raise BuildError(
                    f"{self.name}: the Docker Engine said nothing for {self.silence:.0f} seconds "
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
                    f"{self.name}: {message}{self._last()}",
                    hint=self.hint(f"{message}\n" + "\n".join(self.tail)),
                )
            image = str((line.get("aux") or {}).get("ID") or image)
            text = str(line.get("stream") or line.get("status") or "").strip()
            for part in (shown for line in text.splitlines() if (shown := line.strip()) not in {"", "--->"}):
                done = part.removeprefix(_DONE) if part.startswith(_DONE) else done
                self.tail.append(part)
                self.note(f"{self.name}: {part}")
        if not done or not image.removeprefix("sha256:").startswith(done):
            raise BuildError(
                f"{self.name}: the Docker Engine ended in the middle of the build{self._last()}",
                hint=_GONE,
            )
        return image

    def _last(self) -> str:
        return "".join(f"\n    {line}" for line in ("", *self.tail) if line)

    def _failed(self, what: str, error: Exception) -> BuildError:
        explained = str(getattr(error, "explanation", None) or error)
        refused = bool(getattr(error, "is_client_error", bool)())
        return BuildError(
            f"{self.name}: {what}: {explained}{self._last()}",
            hint=self.hint(explained) or (_MEND if refused else _GONE),
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
