"""The shapes of `image.yaml` and `defaults.yaml`: one source for types, JSON Schema and reference page.

Texts hold placeholders in braces that `spec.expand` fills in for each variant; `PLACEHOLDERS` lists them.
A value of type `PerOS` is either one value for every operating system or a mapping from `linux` and
`windows`; where the mapping leaves an operating system out, the value does not exist there.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from buildtools.spec.docker import DockerSpec, Text
from buildtools.windows.releases import EXAMPLE

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "name": "the image's name",
    "os": "linux or windows",
    "arch": "the architecture, such as amd64 or arm64",
    "variant": "the processor variant, such as v7, or nothing",
    "exe": ".exe on Windows, nothing elsewhere",
    "release": f"the Windows release, such as {EXAMPLE.name} (for Windows variants, not in build and fetch)",
    "version": "the version of a fetched asset (in fetch only)",
    "url": "the asset's URL (in a checksum pattern only)",
    "asset": "the asset's file name (in a checksum or member pattern only)",
    "out": "the folder that build commands write to (in build.run, build.env and files.from only)",
    "fetch": "the folder of fetched assets, one entry a name (at the start of files.from only)",
    "port": "a free port on the loopback address (in lifecycle only)",
}
"""Every placeholder and what it stands for; the reference page lists them in this order."""

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$",
        max_length=128,
        description="Lower-case letters and digits, with dots, underscores or dashes between them.",
    ),
]
BaseByPlatform = Annotated[
    Text | dict[str, Text],
    Meta(
        description="One base, or bases by `linux`, `windows`, `os/architecture` or "
        "`windows/amd64:release`; the most specific key wins. A base is `scratch` (Linux), `host-process`, "
        "the name of a base in `defaults.yaml`, `image:` with the name of another image of the project, "
        "which is built first, or a reference with a tag or digest."
    ),
]
Argv = Annotated[tuple[Text, ...], Meta(min_length=1)]


class _Part(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"
):
    """What all shapes share: frozen, no unknown keys, `kebab-case` names."""


class OSTexts(_Part, frozen=True, kw_only=True):
    """A value for each operating system; one left out does not exist there."""

    linux: Annotated[Text | None, Meta(description="The value on Linux.")] = None
    windows: Annotated[Text | None, Meta(description="The value on Windows.")] = None


PerOS = Text | OSTexts


class Requires(_Part, frozen=True, kw_only=True):
    """What a node must have."""

    windows_build: Annotated[
        Annotated[int, Meta(ge=10240, le=99999)] | None,
        Meta(description=f"The lowest Windows build that the image works on, such as {EXAMPLE.build}."),
    ] = None


class BuildSpec(_Part, frozen=True, kw_only=True):
    """Commands that make files, run once for each operating system and architecture."""

    run: Annotated[
        tuple[Argv, ...],
        Meta(
            min_length=1,
            description="Commands as argument lists, run in order and without a shell. "
            "Only what they write to `{out}` counts.",
        ),
    ]
    workdir: Annotated[
        Text, Meta(description="Folder that the commands run in, relative to the image's folder.")
    ] = "."
    env: Annotated[dict[str, Text], Meta(description="Environment of the commands.")] = {}
    pass_env: Annotated[
        tuple[Text, ...],
        Meta(
            description="Names of variables that are handed through to the commands. Their values never "
            "decide whether to build again, so this is where secrets and proxies go."
        ),
    ] = ()
    inputs: Annotated[
        tuple[Text, ...],
        Meta(
            description="Files, folders and globs that the commands read, relative to the image's folder. "
            "A change runs the commands again."
        ),
    ] = ("**",)
    tools: Annotated[
        dict[str, Text],
        Meta(
            description="Programs that the commands use and the versions that will do, such as "
            '`go: "==1.27.3"` or `go: ">=1.24,<2"`. A pinned version gives the same digests everywhere.'
        ),
    ] = {}


class FetchSpec(_Part, frozen=True, kw_only=True):
    """A release asset: found by URL, held to a checksum, pinned by `buildtools pins`."""

    preset: Annotated[
        Text,
        Meta(
            description="A known asset whose naming scheme is built in: `linkerd-proxy`, "
            "`linkerd-network-validator` or `linkerd-await`. It replaces `url` and `checksum`."
        ),
    ] = ""
    version: Annotated[
        Text, Meta(description="What `{version}` stands for, quoted and without a leading v.")
    ] = ""
    url: Annotated[Text, Meta(description="URL pattern of the asset.")] = ""
    checksum: Annotated[
        Text,
        Meta(description="URL pattern of a file that holds the asset's sha256, such as `{url}.sha256`."),
    ] = ""
    sha256: Annotated[
        Text | dict[str, Text],
        Meta(description="The sha256 itself in 64 hexadecimal digits, or one for each `os/architecture`."),
    ] = ""
    os_names: Annotated[
        dict[str, Text],
        Meta(description="What the asset's project calls an operating system: `windows: win`."),
    ] = {}
    arch_names: Annotated[
        dict[str, Text],
        Meta(description="What the asset's project calls an architecture: `amd64: x86_64`."),
    ] = {}
    format: Annotated[
        Literal["auto", "raw", "tar.gz", "zip"],
        Meta(description="How the asset is packed; `auto` goes by its name. `raw` is used as it is."),
    ] = "auto"
    members: Annotated[
        dict[str, Text],
        Meta(description="Files to take out of the archive: our name to the archive's path."),
    ] = {}
    platforms: Annotated[
        tuple[Text, ...],
        Meta(description="Fetch only for these, as `linux` or `windows/amd64`; for all when left out."),
    ] = ()


class FileSpec(_Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A file, a folder or glob of files, an empty directory or a symbolic link in the image."""

    from_: Annotated[
        PerOS | None,
        Meta(
            description="File, folder or glob to copy, relative to the image's folder. `{out}/...` is what "
            "build commands wrote, `{fetch}/NAME` or `{fetch}/NAME/MEMBER` is a fetched asset."
        ),
    ] = None
    to: Annotated[
        PerOS | None,
        Meta(
            description="Absolute path in the image. A path that ends in a slash is a folder to copy into. "
            "`/app/x` and `C:\\app\\x` both mean drive C on Windows."
        ),
    ] = None
    directory: Annotated[PerOS | None, Meta(description="Absolute path of a directory to create.")] = None
    symlink: Annotated[PerOS | None, Meta(description="Absolute path of a symbolic link to create.")] = None
    target: Annotated[PerOS | None, Meta(description="What the symbolic link points at.")] = None
    exclude: Annotated[
        tuple[Text, ...], Meta(description="Globs that are left out of a folder or glob.")
    ] = ()
    mode: Annotated[
        str,
        Meta(pattern="^0?[0-7]{3,4}$", description='Permission bits on Linux in octal, quoted: "0755".'),
    ] = ""
    owner: Annotated[
        str,
        Meta(
            pattern="^[0-9]{1,10}:[0-9]{1,10}$",
            description='Numeric owner and group on Linux, quoted: "65532:65532".',
        ),
    ] = "0:0"
    acl: Annotated[
        Text,
        Meta(
            description="Who may do what on Windows: `users-rx` (read and run), `users-full`, or a security "
            "descriptor in SDDL, such as `O:BAG:SYD:(A;;FA;;;BA)`."
        ),
    ] = "users-rx"


class ConfigPart(_Part, frozen=True, kw_only=True):
    """What the image says about running it."""

    entrypoint: Annotated[
        tuple[Text, ...] | None, Meta(description="The program and its fixed arguments, as a list.")
    ] = None
    cmd: Annotated[
        tuple[Text, ...] | None, Meta(description="Default arguments, which a user may replace.")
    ] = None
    env: Annotated[dict[str, Text], Meta(description="Environment variables; for PATH there is `path`.")] = {}
    path: Annotated[
        tuple[Text, ...],
        Meta(description="Folders to put in front of the operating system's full PATH."),
    ] = ()
    user: Annotated[
        Text | None,
        Meta(description='Who runs the program: "65532:65532" on Linux, ContainerUser on Windows.'),
    ] = None
    workdir: Annotated[Text | None, Meta(description="Working directory, an absolute path.")] = None
    ports: Annotated[
        tuple[int | Text, ...], Meta(description="Ports that the program listens on: `8080`, `53/udp`.")
    ] = ()
    volumes: Annotated[tuple[Text, ...], Meta(description="Mount points, absolute paths.")] = ()
    labels: Annotated[dict[str, Text], Meta(description="Labels beside those of `defaults.yaml`.")] = {}
    stop_signal: Annotated[
        Text | None,
        Meta(
            description="Signal that asks the program to stop, such as SIGTERM, SIGINT or a number. "
            "Windows takes few: leave it out there, and the program gets CTRL_SHUTDOWN."
        ),
    ] = None


class ConfigSpec(ConfigPart, frozen=True, kw_only=True):
    """How the image is run, on every operating system; `linux` and `windows` hold what differs."""

    linux: Annotated[
        ConfigPart,
        Meta(description="What differs on Linux: `env` and `labels` are added, the rest replaces."),
    ] = ConfigPart()
    windows: Annotated[
        ConfigPart,
        Meta(description="What differs on Windows: `env` and `labels` are added, the rest replaces."),
    ] = ConfigPart()


class ReadySpec(_Part, frozen=True, kw_only=True):
    """When the program is ready."""

    http: Annotated[Text, Meta(description="Path that answers 200 once the program is ready.")]
    within: Annotated[float, Meta(gt=0, le=600, description="Seconds that this may take.")] = 30.0


class ProbeSpec(_Part, frozen=True, kw_only=True):
    """A question and the answer expected."""

    http: Annotated[Text, Meta(description="Path to ask.")]
    json: Annotated[
        dict[str, str | int | float | bool | None],
        Meta(description="Keys and values that the JSON answer holds at least; texts may hold placeholders."),
    ] = {}


class StopSpec(_Part, frozen=True, kw_only=True):
    """How the program is stopped and how long that may take."""

    event: Annotated[
        Literal["shutdown", "interrupt"],
        Meta(description="`shutdown`: SIGTERM or CTRL_SHUTDOWN; `interrupt`: SIGINT or CTRL_C."),
    ] = "shutdown"
    within: Annotated[float, Meta(gt=0, le=600, description="Seconds from the event to the exit.")] = 30.0
    drain: Annotated[
        Text,
        Meta(
            description="Path whose request is under way when the event comes and must still be answered "
            "with 200, such as `/slow?for=1s`; it takes longer than 0.3 seconds."
        ),
    ] = ""


class LifecycleSpec(_Part, frozen=True, kw_only=True):
    """The contract of the running image, held on every tier that a machine has."""

    args: Annotated[
        tuple[Text, ...], Meta(description="Arguments in place of `cmd`; `{port}` is a free port.")
    ] = ()
    env: Annotated[dict[str, Text], Meta(description="Environment beside the image's own.")] = {}
    ready: Annotated[ReadySpec | None, Meta(description="When the program is ready.")] = None
    probe: Annotated[ProbeSpec | None, Meta(description="What it must answer then.")] = None
    stop: Annotated[
        StopSpec | None, Meta(description="How it is stopped; left out for a program that ends by itself.")
    ] = None
    exit: Annotated[
        int, Meta(ge=0, le=255, description="The exit code at the end, 0 where nothing is said.")
    ] = 0
    within: Annotated[
        float,
        Meta(gt=0, le=3600, description="Seconds that a program without `stop` may run."),
    ] = 60.0


class ImageSpec(_Part, frozen=True, kw_only=True):
    """One image: what it is called, what it stands on, what is in it, how it runs."""

    name: Annotated[
        Name,
        Meta(
            description="The image's name and its folder's: lower-case letters and "
            "digits, with dots, underscores or dashes between them."
        ),
    ]
    description: Annotated[Text, Meta(description="One sentence for people.")] = ""
    kind: Annotated[
        Literal["container", "host-process"],
        Meta(
            description="`host-process` makes the Windows variant a HostProcess image: one entry for every "
            "Windows release, on the built-in base. Linux variants beside it are ordinary."
        ),
    ] = "container"
    platforms: Annotated[
        tuple[Text, ...],
        Meta(
            min_length=1,
            description=f"`linux/amd64`, `linux/arm64`, `windows/amd64:{EXAMPLE.name}`; "
            "a bare `windows/amd64` means the project's default releases.",
        ),
    ]
    requires: Annotated[Requires, Meta(description="What a node must have.")] = Requires()
    base: BaseByPlatform = ""
    build: Annotated[BuildSpec | None, Meta(description="Commands that make files.")] = None
    fetch: Annotated[dict[str, FetchSpec], Meta(description="Release assets by a name of your choice.")] = {}
    files: Annotated[tuple[FileSpec, ...], Meta(description="What is in the image.")] = ()
    config: Annotated[ConfigSpec, Meta(description="How the image is run.")] = ConfigSpec()
    lifecycle: Annotated[LifecycleSpec | None, Meta(description="The contract of the running image.")] = None
    engine: Annotated[
        Literal["assemble", "dockerfile"],
        Meta(
            description="`assemble` puts files on a base and needs no daemon and no Windows; `dockerfile` "
            "builds a Dockerfile: one that only copies without either, one with RUN on a Docker Engine of "
            "the image's operating system."
        ),
    ] = "assemble"
    dockerfile: Annotated[
        Text, Meta(description="The Dockerfile, relative to the image's folder (engine `dockerfile`).")
    ] = ""
    context: Annotated[
        Text,
        Meta(description="Folder sent to the Docker Engine, relative to the image's (engine `dockerfile`)."),
    ] = ""
    args: Annotated[dict[str, Text], Meta(description="Build arguments (engine `dockerfile`).")] = {}
    docker: Annotated[DockerSpec, Meta(description="How the Docker Engine builds (engine `dockerfile`).")] = (
        DockerSpec()
    )
    tags: Annotated[
        tuple[Text, ...],
        Meta(
            min_length=1,
            description="What the image is published under: texts with the placeholders of tags. "
            "Those of `defaults.yaml` where nothing is said.",
        ),
    ] = ()


class ProjectSpec(_Part, frozen=True, kw_only=True):
    """What several images share; an image's own value wins."""

    registry: Annotated[Text, Meta(description="Where images are published, such as `ghcr.io/acme`.")] = ""
    releases: Annotated[
        tuple[Text, ...],
        Meta(min_length=1, description="The Windows releases that a bare `windows/amd64` means."),
    ] = ()
    bases: Annotated[
        dict[str, BaseByPlatform],
        Meta(description="Bases by name; an image's `base` uses the name."),
    ] = {}
    labels: Annotated[dict[str, Text], Meta(description="Labels of every image.")] = {}
    mirrors: Annotated[
        dict[str, Text],
        Meta(description="Registries read in place of others: `mcr.microsoft.com: 127.0.0.1:5000/mcr`."),
    ] = {}
    plain_http: Annotated[
        tuple[Text, ...],
        Meta(description="Registries reached over plain HTTP; loopback addresses always are."),
    ] = ()
    tags: Annotated[
        tuple[Text, ...],
        Meta(
            min_length=1,
            description="What images are published under, as in `image.yaml`. Where nothing is said: "
            "`{version}`, `{major}.{minor}`, `{major}` and `latest` with a version, else `sha-{sha}`, "
            "`{branch}` and `pr-{pr}`, and `latest` where there is no commit.",
        ),
    ] = ()
