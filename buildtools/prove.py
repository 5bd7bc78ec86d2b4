"""The `prove` verb: this machine's Docker Engine pulls an index, and what came is what should have come.

The engine chooses the entry itself. What it should choose is worked out from the index and the machine; the
config's digest, the platform and the Windows version of what it has then are held against that.

Source: moby/moby:api/docs (image inspect); with the graph driver, as on Windows, an image's Id is the digest
of its config, with containerd's store that of what was pulled.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from buildtools.cluster.matchers import choose
from buildtools.cluster.nodes import Node
from buildtools.cluster.runtimes import runtime_for
from buildtools.dockerd import connect
from buildtools.errors import BuildError, Diagnostic, MissingToolError, VerificationError
from buildtools.oci.config import ImageConfig
from buildtools.oci.digest import Digest
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.base import Readable, read_document, read_manifest
from buildtools.windows.releases import OsVersion, parse_os_version

if TYPE_CHECKING:
    import docker

_PULL_SILENCE: Final = 600.0
"""Seconds that an engine may say nothing while it pulls."""


class Machine(Protocol):
    """A container engine on this machine."""

    def node(self) -> Node:
        """What this machine is, in words of a cluster; raises MissingToolError."""
        ...

    def pull(self, reference: str) -> dict[str, Any]:
        """Pull an image by its digest and give what the engine says of it; raises BuildError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What one index gave this machine; without `entry` it has nothing for it, as it should be."""

    reference: str
    node: Node
    entry: Digest | None = None
    platform: str = ""
    reason: str = ""
    findings: tuple[Diagnostic, ...] = ()

    @property
    def what(self) -> str:
        """One word for the row."""
        if any(finding.severity == "error" for finding in self.findings):
            return "wrong"
        return "right" if self.entry else "nothing for it"


def prove(
    references: Sequence[str], machine: Machine, open_store: Callable[[str], tuple[Readable, str]]
) -> list[Proven]:
    """Pull each index and look at what came; raises what the registry or the engine raises."""
    node = machine.node()
    return [_prove(reference, node, machine, open_store) for reference in references]


def _prove(
    reference: str, node: Node, machine: Machine, open_store: Callable[[str], tuple[Readable, str]]
) -> Proven:
    store, identifier = open_store(reference)
    descriptor, raw = store.get_manifest(identifier)
    index = read_manifest(raw, descriptor.media_type, reference)
    if not isinstance(index, Index):
        raise VerificationError(f"{reference} is a single image and no index", hint="name an index")
    choice = choose(node, index)
    if choice.descriptor is None:
        lacking = () if choice.right else (_finding("nothing-taken", choice.reason, "add an entry for it"),)
        return Proven(reference=reference, node=node, reason=choice.reason, findings=lacking)
    entry = choice.descriptor
    found, document = store.get_manifest(entry.digest)
    manifest = Manifest.parse(document, found.media_type)
    config = ImageConfig.parse(read_document(store, manifest.config), manifest.config.media_type)
    seen = machine.pull(reference)
    findings = (
        *_identity(seen, index, entry.digest, manifest),
        *_platform(seen, config),
        *_host(config, node),
    )
    if not choice.right:
        findings = (*findings, _finding("cannot-run", choice.reason, "see `buildtools verify`"))
    return Proven(
        reference=reference,
        node=node,
        entry=entry.digest,
        platform=str(config.platform),
        reason=choice.reason,
        findings=tuple(findings),
    )


def _identity(seen: dict[str, Any], index: Index, entry: str, manifest: Manifest) -> tuple[Diagnostic, ...]:
    """Whether it is the entry that was expected; the index's own digest leaves that to the platform."""
    expected = {manifest.config.digest, entry, index.descriptor.digest}
    if seen.get("Id") in expected:
        return ()
    text = f"the engine has {seen.get('Id')}, and the entry for this machine {manifest.config.digest}"
    return (_finding("other-entry", text, "see `buildtools inspect` for which entry each node takes"),)


def _platform(seen: dict[str, Any], config: ImageConfig) -> tuple[Diagnostic, ...]:
    wanted = config.platform
    pairs = (
        ("Os", wanted.os),
        ("Architecture", wanted.architecture),
        ("OsVersion", wanted.os_version),
    )
    return tuple(
        _finding(
            "other-platform",
            f"the engine says {name} {seen.get(name)!r}, the config {value!r}",
            "publish it again",
        )
        for name, value in pairs
        if (seen.get(name) or "") != value
    )


def _host(config: ImageConfig, node: Node) -> tuple[Diagnostic, ...]:
    """An image that is patched further than its host of the same build does not start there."""
    if not config.platform.os_version or node.os != "windows":
        return ()
    image, host = parse_os_version(config.platform.os_version), node.version
    if image.build != host.build or image <= host:
        return ()
    text = f"the image is of {image}, and this host of {host}: under process isolation it may not start"
    hint = "wait for the host's update before the base's (0xc0370106; actions/runner-images#11582)"
    return (_finding("older-host", text, hint, severity="warning"),)


def _finding(code: str, message: str, hint: str, severity: Any = "error") -> Diagnostic:
    return Diagnostic(code=code, message=message, hint=hint, severity=severity)


class DockerMachine:
    """The Docker Engine that DOCKER_HOST, a context or the system's default names; close it at the end."""

    def __init__(self) -> None:
        self._client: docker.DockerClient | None = None

    def close(self) -> None:
        """End the connection."""
        if self._client:
            self._client.close()

    def node(self) -> Node:
        """The engine's platform and release, and on Windows the host's patch level."""
        connection = connect(silence=_PULL_SILENCE)
        self._client, info = connection.client, connection.info
        return Node(
            name=info.name,
            os=info.os,
            architecture=info.architecture,
            variant=info.variant,
            os_version=str(host_version()) if info.os == "windows" else "",
            runtime=runtime_for(f"docker://{info.version}"),
        )

    def pull(self, reference: str) -> dict[str, Any]:
        """Pull by digest, and inspect; raises BuildError."""
        from docker.errors import DockerException

        if self._client is None:  # pragma: no cover - node() is asked first
            raise MissingToolError("the Docker Engine was not asked yet")
        name, _, digest = reference.partition("@")
        try:
            self._client.images.pull(name, tag=digest)
            attributes: dict[str, Any] = self._client.images.get(reference).attrs
        except DockerException as error:
            raise BuildError(f"the Docker Engine cannot pull {reference}: {error}") from error
        return attributes


def host_version() -> OsVersion:
    """The Windows version of this machine with its patch level, which only the registry has.

    Raises MissingToolError where this is not Windows.
    """
    if sys.platform == "win32":
        import winreg

        key = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
        version = sys.getwindowsversion()
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            revision = winreg.QueryValueEx(opened, "UBR")[0]
        return OsVersion(version.major, version.minor, version.build, revision)
    raise MissingToolError(
        "the Docker Engine is of Windows, and this machine is not", hint="run it where the engine is"
    )
