"""A project that is built, real registries behind proxies that break things, and processes to kill."""

import io
import itertools
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.descriptor import OCI_INDEX
from tests.fakes import oracle
from tests.fakes.bases import BUILDS, put_base, put_base_index, windows
from tests.fakes.clock import FakeClock
from tests.fakes.components import require
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.forks import Ended, Forks, Running
from tests.fakes.images import image, index
from tests.fakes.project import make_project
from tests.fakes.proxy import Proxy

OLD = image(layers=(b"what was there before",))
OLD_INDEX = index(OLD)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one run of the command line said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass(kw_only=True)
class Lab:
    """All that a fault test needs.

    `proxy` stands before `registry`, `other` before `vendor`, which holds the bases, too; `source` is another
    way to that, which bases are read on.
    """

    root: Path
    dist: Path
    environment: dict[str, str]
    registry: DockerRegistry
    vendor: DockerRegistry
    proxy: Proxy
    other: Proxy
    source: Proxy
    forks: Forks
    clock: FakeClock = field(default_factory=FakeClock)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def place(self, *, old: str = "", image: str = "hello") -> str:
        """A path in the registry that nobody else uses; with `old` that tag is on another image already."""
        path = f"place{next(self.numbers)}"
        if old:
            name = f"{path}/{image}"
            for blob in OLD.blobs:
                self.registry.put_blob(name, blob)
            self.registry.put_manifest(name, OLD.manifest.raw, OLD.manifest.media_type)
            self.registry.put_manifest(name, OLD_INDEX.raw, OCI_INDEX, tag=old)
        return path

    def publish(self, path: str, *arguments: str, image: str = "hello") -> Said:
        """One `publish` in this process, whose clock is virtual, through the proxy."""
        return self.at("publish", image, "--to", f"{self.proxy.host}/{path}", *arguments)

    def at(self, *arguments: str) -> Said:
        """One run about the project in this process."""
        return self.run(*arguments, "-C", str(self.root), "--dist", str(self.dist))

    def run(self, *arguments: str) -> Said:
        """One run of the command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([*arguments, "-q"])
        self.proxy.wait_idle()
        return Said(code=code, out=out.getvalue(), err=err.getvalue())

    def start(
        self,
        path: str,
        *arguments: str,
        image: str = "hello",
        dist: Path | None = None,
        noisy: bool = False,
        **settings: Any,
    ) -> Running:
        """Start one `publish` in a process of its own, through the proxy."""
        return self.forks.start(
            "publish",
            image,
            *(() if noisy else ("-q",)),
            "--to",
            f"{self.proxy.host}/{path}",
            *arguments,
            "--dist",
            str(dist or self.dist),
            cwd=self.root,
            environment=self.environment,
            **settings,
        )

    def rerun(self, path: str, *arguments: str, **settings: Any) -> Ended:
        """One `publish` in a process of its own, to its end."""
        return self.start(path, *arguments, **settings).wait()

    def state(self, path: str, tag: str = "latest", *, image: str = "hello", host: str = "") -> str:
        """`absent`, `old`, or the digest of what the tag is on, once that is found to be complete."""
        name, host = f"{path}/{image}", host or self.registry.host
        found = oracle.digest_at(host, name, tag)
        if not found:
            return "absent"
        assert oracle.complete(host, name, tag) == found
        return "old" if found == OLD_INDEX.descriptor.digest else found

    def blob(self, digest: str, image: str = "hello") -> bytes:
        """A blob of the image's layout."""
        path = self.dist / "oci" / image / "blobs" / "sha256" / digest.partition(":")[2]
        return path.read_bytes()

    def digest(self, image: str = "hello") -> str:
        """The digest of the image's index in the layout: what a tag must be on at the end."""
        document = json.loads((self.dist / "oci" / image / "index.json").read_text())
        return str(document["manifests"][0]["digest"])


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab, made once: building takes longer than most faults."""
    folder = tmp_path_factory.mktemp("faults")
    program = require("docker-registry")
    with (
        DockerRegistry(program, folder / "vendor") as vendor,
        DockerRegistry(program, folder / "registry") as registry,
        Proxy(registry.host) as proxy,
        Proxy(vendor.host) as other,
        Proxy(vendor.host) as source,
        Forks(folder / "runs") as forks,
    ):
        for tag, version in BUILDS.items():
            entry = put_base(vendor, "mcr/windows/nanoserver", windows(version))
            put_base_index(vendor, "mcr/windows/nanoserver", tag, [entry])
        root = make_project(folder / "project")
        environment = {
            "SOURCE_DATE_EPOCH": "1767225600",
            "BUILDTOOLS_MIRRORS": f"mcr.microsoft.com={source.host}/mcr",
        }
        done = forks.run("build", "-q", "--dist", str(folder / "dist"), cwd=root, environment=environment)
        assert done.code == 0, done.err
        yield Lab(
            root=root,
            dist=folder / "dist",
            environment=environment,
            registry=registry,
            vendor=vendor,
            proxy=proxy,
            other=other,
            source=source,
            forks=forks,
        )


@pytest.fixture
def lab(built: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The lab without faults, and a clock of this process that does not wait."""
    for name, value in built.environment.items():
        monkeypatch.setenv(name, value)
    built.clock = FakeClock()
    monkeypatch.setattr("buildtools.stores.client.Clock", lambda: built.clock.clock)
    for proxy in (built.proxy, built.other, built.source):
        proxy.reset()
    yield built
    for proxy in (built.proxy, built.other, built.source):
        proxy.reset()


@pytest.fixture
def everything(request: pytest.FixtureRequest) -> bool:
    """Whether the long profile wants every point there is, not a spread of them."""
    return bool(request.config.getoption("--profile") == "long")
