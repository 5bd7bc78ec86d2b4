"""The engine of Dockerfiles: built by a Docker Engine, taken out as a stream, and never pushed by it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from buildtools.dockerd import Connection, connect
from buildtools.engines.assemble import LAYER_EPOCH
from buildtools.engines.base import BaseImage
from buildtools.engines.fitness import Fitness, hint_for, require_fit
from buildtools.engines.result import Made, put_image
from buildtools.engines.saved import read_saved
from buildtools.engines.work import Order, Work
from buildtools.errors import BuildError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Manifest
from buildtools.pins import Pins
from buildtools.plan import Target
from buildtools.record import BuildRecord
from buildtools.sources.context import context_items, name_in_context, secrets_in, sent_context
from buildtools.sources.foundations import Dockerfile, Foundation, read_dockerfile
from buildtools.stores.base import Store


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
            work = Work(
                name=target.name,
                connection=connection,
                note=self.note,
                silence=self.silence,
                hint=lambda message: hint_for(message, target, fitness),
            )
            work.pull(target.variant.docker.cache_from)
            image = work.built(self._order(dockerfile, target, fitness))
            try:
                made = self._taken(target, work, image, pinned, store)
            finally:
                work.remove(image)
        return put_image(target, made, store)

    def _pinned(self, dockerfile: Dockerfile, target: Target) -> dict[str, BaseImage]:
        """The pinned image of each reference; raises BuildError."""
        found: dict[str, BaseImage] = {}
        for one in dockerfile.foundations:
            pin = self.pins.base(one.reference, one.key)
            if pin is None:
                raise BuildError(
                    f"{target.name}: {one.reference} in {dockerfile.shown}:{one.line} is not "
                    f"pinned for {one.key}",
                    hint="run `buildtools pins`; a Dockerfile is never built on stand-in bases",
                )
            image = BaseImage(
                manifest=Manifest.parse(pin.manifest, pin.media_type), config=ImageConfig.parse(pin.config)
            )
            # One name may be meant on several platforms.
            found[one.reference] = image if one.final else found.get(one.reference, image)
        return found

    def _order(self, dockerfile: Dockerfile, target: Target, fitness: Fitness) -> Order:
        """What the engine is asked for."""
        variant, options = target.variant, target.variant.docker
        windows = variant.platform.os == "windows"
        return Order(
            context=self._context(dockerfile, target),
            dockerfile=name_in_context(variant),
            arguments=dockerfile.arguments,
            target=options.target,
            platform="" if windows else str(variant.platform),
            isolation=fitness.isolation,
            network=options.network,
            cache_from=options.cache_from,
            pull=options.pull == "always",
        )

    def _context(self, dockerfile: Dockerfile, target: Target) -> Iterator[bytes]:
        """The tar that the engine is sent, with every base by its digest."""
        variant = target.variant
        folder = self.root / variant.folder

        def pinned(one: Foundation) -> str:
            pin = self.pins.base(one.reference, one.key)
            name = one.reference.partition("@")[0]
            name = name[: name.rfind(":")] if ":" in name.rpartition("/")[2] else name
            return f"{self.located(name)}@{pin.digest}" if pin else one.reference

        text = dockerfile.for_engine(pinned).encode()
        items = context_items(folder, variant)
        if told := secrets_in(items):
            self.note(f"{target.name}: {told}")
        return sent_context(folder, variant, items, text, mtime=LAYER_EPOCH)

    def _taken(
        self, target: Target, work: Work, image: str, pinned: Mapping[str, BaseImage], store: Store
    ) -> Made:
        """The image out of the engine; what a pinned base has is left to it."""
        base = _base_below(work.layers(image), pinned.get(target.base.reference))
        known: dict[Digest, Descriptor] = {}
        if base:
            known = dict(zip(base.config.diff_ids, base.manifest.layers, strict=True))
        return Made(saved=read_saved(iter(work.saved(image)), store, known, name=target.name), base=base)


def _base_below(layers: list[str], base: BaseImage | None) -> BaseImage | None:
    """The pinned base, if its layers are the lowest of these."""
    if base is None:
        return None
    ids = base.config.diff_ids
    return base if list(ids) == layers[: len(ids)] and len(ids) == len(base.manifest.layers) else None
