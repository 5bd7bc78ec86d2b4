"""What is rolled out to try images on a mixed cluster: documents in the order in which they are applied.

whoami runs on every operating system behind one Service and behind one for each; clients ask each of those
from each operating system; a validator says whether traffic is redirected; the installer puts a CNI plugin
on every node; the demo is the same servers behind a mesh's policy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from buildtools.cluster import objects
from buildtools.cluster.members import Taint
from buildtools.cluster.meshed import demo
from buildtools.cluster.objects import SYSTEMS, Object, PodShape, Program, labels, metadata
from buildtools.cluster.providers import LINUX_CNI, Cni, Provider

PORT: Final = 8080
"""Where images/whoami listens."""
PARTS: Final = ("whoami", "client", "validator", "installer", "demo")
CLIENT_SECONDS: Final = 900

Part = tuple[str, list[Object]]
"""A file's name without its number, and its documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is rolled out where. `images` are references by the names of this repository's images.

    `cni` has places by operating system where the provider's are not meant. `mesh` is none, oss (Linkerd,
    with `proxy` as the proxy's image for all operating systems) or bel (Buoyant's, `proxy` for Windows).
    """

    provider: Provider
    images: Mapping[str, str] = field(hash=False)
    namespace: str
    name: str = "whoami"
    parts: tuple[str, ...] = PARTS
    taints: tuple[Taint, ...] = ()
    cni: Mapping[str, Cni] = field(default_factory=dict, hash=False)
    mesh: str = "none"
    proxy: str = ""

    def tolerations(self, system: str) -> tuple[Taint, ...]:
        """What its pods for this operating system tolerate."""
        own = (self.provider.taint,) if self.provider.taint else ()
        return (*own, *self.taints) if system == "windows" else ()

    def place(self, system: str) -> Cni | None:
        """Where nodes of this operating system keep CNI plugins, None where nobody has said it."""
        return self.cni.get(system) or self.provider.cni.get(system)

    def shape(self, system: str, *programs: Program) -> PodShape:
        """An ordinary pod for this operating system."""
        return PodShape(system=system, programs=programs, tolerations=self.tolerations(system))


def documents(suite: Suite) -> list[Part]:
    """The documents of every part that is asked for, namespaces first."""
    levels = {suite.namespace: "restricted"}
    if "installer" in suite.parts:
        levels[installer_namespace(suite.namespace)] = "privileged"
    if "demo" in suite.parts:
        # Without a CNI plugin the mesh adds an init container that may change the pod's network.
        levels[demo_namespace(suite.namespace)] = "restricted" if suite.mesh == "none" else "privileged"
    if not set(suite.parts) & {"whoami", "client", "validator"}:
        del levels[suite.namespace]
    namespaces = [objects.namespace(name, level=level) for name, level in levels.items()]
    made = [(part, list(_MAKERS[part](suite))) for part in PARTS if part in suite.parts]
    return [("namespaces", namespaces), *made]


def installer_namespace(namespace: str) -> str:
    """Where pods may do what a node's administrator may."""
    return f"{namespace}-cni"


def demo_namespace(namespace: str) -> str:
    """Where the demo is."""
    return f"{namespace}-demo"


def _whoami(suite: Suite) -> Iterator[Object]:
    name, space = suite.name, suite.namespace
    server = Program(name="whoami", image=suite.images["whoami"], port=PORT, ready="/ready")
    for system in SYSTEMS:
        meta = metadata(f"{name}-{system}", space, labels(name, system))
        # One more than one: a Service with a single pod behind it says nothing of choosing.
        yield objects.deployment(meta, suite.shape(system, server).spec(), replicas=2)
    yield objects.service(name, space, of=name, port=PORT)
    for system in SYSTEMS:
        yield objects.service(f"{name}-{system}", space, system=system, of=name, port=PORT)


def _client(suite: Suite) -> Iterator[Object]:
    for system in SYSTEMS:
        # On port 80 of the Service, by its short name: the pod's own DNS is part of what is tried.
        programs = tuple(
            Program(
                name=f"to-{target}",
                image=suite.images["whoami"],
                args=("-probe", f"http://{suite.name}-{target}/who-am-i"),
            )
            for target in SYSTEMS
        )
        shape = replace(suite.shape(system, *programs), restart="OnFailure", grace=5)
        meta = metadata(client_name(suite.name, system), suite.namespace, labels("client", system))
        yield objects.job(meta, shape.spec(), retries=20, seconds=CLIENT_SECONDS)


def client_name(name: str, system: str) -> str:
    """The Job that asks every Service from this operating system."""
    return f"{name}-client-{system}"


def _validator(suite: Suite) -> Iterator[Object]:
    for system in SYSTEMS:
        program = Program(name="validator", image=suite.images["network-validator"], args=("-timeout", "10s"))
        shape = replace(suite.shape(system, program), restart="Never", grace=5)
        meta = metadata(f"validator-{system}", suite.namespace, labels("validator", system))
        # Its exit code is the answer, so it is tried once.
        yield objects.job(meta, shape.spec(), retries=0, seconds=CLIENT_SECONDS)


def _installer(suite: Suite) -> Iterator[Object]:
    space = installer_namespace(suite.namespace)
    for system in SYSTEMS:
        place = suite.place(system) or LINUX_CNI
        program = Program(
            name="installer",
            image=suite.images["cni-installer"],
            args=("-bin-dir", place.bin, "-conf", place.conf),
        )
        spec = PodShape(system=system, programs=(program,)).spec()
        # On every node, whatever it is tainted with, and before what needs the plugin.
        spec["tolerations"] = [{"operator": "Exists"}]
        spec["priorityClassName"] = "system-node-critical"
        spec["hostNetwork"] = True
        spec |= _HOST[system](spec, place)
        meta = metadata(f"cni-installer-{system}", space, labels("cni-installer", system))
        yield objects.daemon_set(meta, spec)


def _linux_host(spec: Object, place: Cni) -> Object:
    """The node's folders, mounted where the node has them; files there are root's."""
    folders = {"bin": place.bin, "conf": place.conf_folder}
    container = spec["containers"][0] | {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsUser": 0,
            # Root without this one may not write what another user of the node owns.
            "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]},
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in folders.items()],
    }
    volumes = [
        {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
        for name, path in folders.items()
    ]
    security = {"runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"securityContext": security, "containers": [container], "volumes": volumes}


def _windows_host(_: Object, __: Cni) -> Object:
    """A HostProcess container sees the node's drive C as it is, and needs no volume."""
    options = {"hostProcess": True, "runAsUserName": r"NT AUTHORITY\SYSTEM"}
    return {"securityContext": {"windowsOptions": options}}


_HOST: Final = {"linux": _linux_host, "windows": _windows_host}


def _demo(suite: Suite) -> Iterator[Object]:
    servers = {
        system: suite.shape(
            system, Program(name="server", image=suite.images["whoami"], port=PORT, ready="/ready")
        )
        for system in SYSTEMS
    }
    client = suite.shape("linux", Program(name="client", image=suite.images["whoami"], port=PORT))
    return demo(
        servers,
        client,
        namespace=demo_namespace(suite.namespace),
        port=PORT,
        mesh=suite.mesh,
        proxy=suite.proxy,
    )


_MAKERS: Final = {
    "whoami": _whoami,
    "client": _client,
    "validator": _validator,
    "installer": _installer,
    "demo": _demo,
}
