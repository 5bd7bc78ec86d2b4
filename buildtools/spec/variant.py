"""One image on one platform, with every placeholder filled in but `{out}`, `{fetch}` and `{port}`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from buildtools.oci.config import ConfigSettings
from buildtools.oci.platform import Platform
from buildtools.spec.docker import DockerSpec
from buildtools.spec.model import LifecycleSpec
from buildtools.windows.releases import WindowsRelease

SCRATCH = "scratch"
HOST_PROCESS = "host-process"
OWN = "image:"
"""How a base begins that is another image of the project."""
TITLE = "org.opencontainers.image.title"
"""The label that is made up of the image's name where nobody wrote one."""

Key = tuple[str, str]
"""An image's name and a variant's label."""

Origin = Literal["project", "out", "fetch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRule:
    r"""One `files` entry for this variant.

    `kind` says which of the fields count. `source` is a path or glob, relative to the image's folder
    (origin `project`), to the build's output folder (`out`) or to the fetched assets (`fetch`, as
    `name` or `name/member`). `destination` and `link` are paths inside the image, POSIX and relative:
    `app/whoami.exe` stands for `/app/whoami.exe` on Linux and `C:\app\whoami.exe` on Windows.
    `mode` is None where the file's kind decides (0755 for directories and programs, else 0644).
    """

    kind: Literal["copy", "directory", "symlink"]
    origin: Origin = "project"
    source: str = ""
    exclude: tuple[str, ...] = ()
    destination: str = ""
    into_folder: bool = False
    target: str = ""
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    acl: str = "users-rx"
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStep:
    """Commands to run once for this operating system and architecture; `{out}` is still in the arguments."""

    commands: tuple[tuple[str, ...], ...]
    workdir: str
    env: Mapping[str, str] = field(hash=False)
    pass_env: tuple[str, ...]
    inputs: tuple[str, ...]
    tools: Mapping[str, str] = field(hash=False)
    line: int = 0
    column: int = 0


def meaning(part: FileRule | BuildStep) -> dict[str, Any]:
    """What the part says, without where it says so: moving it up a line changes nothing that is built."""
    return {key: value for key, value in asdict(part).items() if key not in {"line", "column"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One release asset for this operating system and architecture.

    Either `sha256` is given or `checksum_url` names a file that holds it. `members` maps our names to
    path patterns in the archive; empty for an asset that is used as it is.
    """

    name: str
    url: str
    sha256: str = ""
    checksum_url: str = ""
    format: Literal["raw", "tar.gz", "zip"] = "raw"
    members: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One image on one platform.

    `platform.os_version` is empty: the base says it. `label` is how people select the variant:
    `linux/arm64`, `windows/amd64:ltsc2022`, and `windows/amd64` for a HostProcess image.
    `base` is `scratch`, `host-process`, a reference, or `image:` and the name of an image of the project.
    `engine` is `copied`, and `steps` has what decides about the files, ready for JSON, for a Dockerfile that
    has been found to be one that is assembled.
    """

    image: str
    folder: str
    platform: Platform
    label: str
    base: str
    release: WindowsRelease | None = None
    kind: Literal["container", "host-process"] = "container"
    build: BuildStep | None = None
    fetches: tuple[Fetch, ...] = ()
    files: tuple[FileRule, ...] = ()
    config: ConfigSettings
    lifecycle: LifecycleSpec | None = None
    engine: Literal["assemble", "copied", "dockerfile"] = "assemble"
    dockerfile: str = ""
    context: str = ""
    args: Mapping[str, str] = field(default_factory=dict, hash=False)
    steps: tuple[Any, ...] = field(default=(), hash=False)
    docker: DockerSpec = field(default_factory=DockerSpec)

    @property
    def key(self) -> Key:
        """What it is told apart by: image and label."""
        return self.image, self.label

    @property
    def own_base(self) -> str:
        """The image of the project that this one is stacked on, empty where its base is from elsewhere."""
        stacked = self.engine == "assemble" and self.base.startswith(OWN)
        return self.base.removeprefix(OWN) if stacked else ""

    @property
    def toolchain(self) -> tuple[str, str, str]:
        """What compiles are shared by: operating system, architecture, processor variant."""
        return self.platform.os, self.platform.architecture, self.platform.variant
