"""A fake registry with faults, and a client of it whose clock stands still."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from buildtools.oci.descriptor import OCI_INDEX, OCI_LAYER, Descriptor
from buildtools.settings import Settings
from buildtools.stores.client import Client
from buildtools.stores.credentials import Keyring
from buildtools.stores.registry import Registry
from tests.fakes.clock import FakeClock
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry, Login, Rule

REPOSITORY = "team/app"

IMAGE = image()

INDEX = index(IMAGE)

LARGE = bytes(range(256)) * 20_000

LARGE_BLOB = Descriptor.of(LARGE, OCI_LAYER)

PASSWORD = "hunter2-of-the-bot"

MANIFEST_GET = rf"^GET /v2/{REPOSITORY}/manifests/"

BLOB_GET = rf"^GET /v2/{REPOSITORY}/blobs/"


@dataclass(frozen=True)
class Story:
    """A fake registry and a client of it whose clock stands still."""

    server: FakeRegistry
    registry: Registry
    time: FakeClock
    client: Client

    @property
    def name(self) -> str:
        """What sentences call the repository."""
        return self.registry.name

    def read(self) -> bytes:
        """The large blob."""
        with self.registry.get_blob(LARGE_BLOB) as body:
            return body.read()


def seed(server: FakeRegistry) -> None:
    """Fill the repository."""
    IMAGE.put(server.repository(REPOSITORY))
    server.put_blob(REPOSITORY, LARGE)
    server.put_manifest(REPOSITORY, INDEX.raw, OCI_INDEX, tag="1.0")


@contextmanager
def story(
    *rules: Rule,
    login: Login | None = None,
    settings: Settings | None = None,
    run: Callable[[Sequence[str], str], tuple[int, str]] | None = None,
    chance: float = 0.5,
) -> Iterator[Story]:
    """A seeded registry with these faults, and a client of it."""
    with FakeRegistry(login=login, rules=rules) as server:
        seed(server)
        time = FakeClock(chance=chance)
        settings = settings or Settings()
        client = Client(settings, clock=time.clock, keyring=Keyring(settings, run=run))
        yield Story(server, Registry(server.host, REPOSITORY, settings=settings, client=client), time, client)
        client.close()


def logged_in(server_host: str, password: str = PASSWORD) -> Settings:
    """Settings with credentials for a host."""
    return Settings(registry_host=server_host, registry_username="bot", registry_password=password)
