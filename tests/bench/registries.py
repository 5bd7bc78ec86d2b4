"""T1 to T4: publishing, joining, rebasing and promoting, at a registry on loopback and behind round trips.

Each run writes to repositories that no run before it has written to, unless the task is to find that there
is nothing to do. Others get the same files, the same bases and a registry that has the bases.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import rivals
from tests.bench.builds import write_files
from tests.bench.measure import OURS, Job, Place, Step, Task, Way, ours, without
from tests.fakes.bases import BUILDS, linux, put_base, put_base_index, windows
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.programs import Elf, Pe
from tests.fakes.proxy import Proxy

Action = Callable[[Job, str], None]
"""What a tool does with a repository of the registry."""

LATENCY: Final = 0.03
"""Seconds that a request takes to a registry that is not near; a new connection takes them once more."""
LINKS: Final = {"loopback": 0.0, "30 ms": LATENCY}

PROGRAM_BYTES: Final = 7_000_000
FILES, MEGABYTES = 60, 148
BASE_BYTES: Final = 120_000_000
"""Of each Windows base that is promoted to another registry."""
PATCHED: Final = "10.0.{build}.9999"

DEFAULTS = """\
registry: registry.example/acme
releases: [ltsc2019, ltsc2022, ltsc2025]
bases:
  linux:
    linux: mcr.microsoft.com/static:1
  nanoserver:
    windows: mcr.microsoft.com/windows/nanoserver:{release}
    windows/amd64:ltsc2019: mcr.microsoft.com/windows/nanoserver:1809
"""
IMAGE = """\
name: app
platforms: [linux/amd64, linux/arm64, windows/amd64]
base: {linux: linux, windows: nanoserver}
files: [{from: "%s", to: {linux: /app/, windows: 'C:\\app\\'}}]
config: {linux: {entrypoint: [/app/app]}, windows: {entrypoint: ['C:\\app\\app.exe']}}
"""
PAYLOADS: Final = {"A": "bin/{os}-{arch}/", "B": "content"}


def seed_bases(registry: DockerRegistry, *, size: int = 0) -> None:
    """Bases as vendors publish them: an index a Windows release, one for Linux; `size` is that of layers."""
    noise = random.Random(size).randbytes(size)
    for tag, version in BUILDS.items():
        entry = put_base(registry, "mcr/windows/nanoserver", windows(version), padding=noise)
        put_base_index(registry, "mcr/windows/nanoserver", tag, [entry])
    entries = [put_base(registry, "mcr/static", linux(name)) for name in ("amd64", "arm64")]
    put_base_index(registry, "mcr/static", "1", entries)


def patch_bases(registry: DockerRegistry) -> None:
    """The next patch of each Windows base, under the same tags."""
    for tag, version in BUILDS.items():
        patched = PATCHED.format(build=version.split(".")[2])
        entry = put_base(registry, "mcr/windows/nanoserver", windows(patched), text="patched")
        put_base_index(registry, "mcr/windows/nanoserver", tag, [entry])


@contextmanager
def opened(folder: Path, *, delay: float, size: int = 0) -> Iterator[Place]:
    """A registry with bases and one without, each behind a proxy where there is a delay."""
    program = shutil.which("docker-registry") or ""
    with ExitStack() as stack:
        registries = [
            stack.enter_context(DockerRegistry(program, folder / name)) for name in ("registry", "another")
        ]
        seed_bases(registries[0], size=size)
        proxies = []
        if delay:
            proxies = [
                stack.enter_context(Proxy(registry.host, latency=delay, connecting=delay))
                for registry in registries
            ]
        hosts = [server.host for server in proxies or registries]
        yield Place(folder=folder, host=hosts[0], other=hosts[1], proxies=proxies, behind=tuple(registries))


def write_project(payload: str, job: Job) -> None:
    """One image of five variants with its pins."""
    folder = job.folder / "images"
    (folder / "app").mkdir(parents=True)
    (folder / "defaults.yaml").write_text(DEFAULTS)
    (folder / "app" / "image.yaml").write_text(IMAGE % PAYLOADS[payload])
    if payload == "A":
        machines = {"linux-amd64": Elf(machine=62), "linux-arm64": Elf(machine=183), "windows-amd64": Pe()}
        write_files(job.folder / "noise", files=1, megabytes=PROGRAM_BYTES / 1_000_000)
        noise = (job.folder / "noise" / "part0" / "file0.bin").read_bytes()
        for name, program in machines.items():
            path = folder / "app" / "bin" / name / ("app.exe" if "windows" in name else "app")
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(program) + noise)
    else:
        write_files(folder / "app" / "content", files=FILES, megabytes=MEGABYTES)
    ours("pins")(job)


def publish(job: Job, repository: str) -> None:
    """T1: the whole image into a repository."""
    place = f"{job.place.host}/{repository}"
    ours("publish", "--to", place, "--tag", "1", "--locked", "--allow-dirty")(job)


def fresh(action: Action) -> Step:
    """An action on a repository that no run before has written to."""
    return lambda job: action(job, job.repository)


def known(action: Action) -> Step:
    """An action on the one repository that a tool has for all its runs."""
    return lambda job: action(job, job.name)


def changed(action: Action) -> Step:
    """It is published, then one file changes: bytes at its end."""

    def change(job: Job) -> None:
        if not job.number:
            known(action)(job)
        content = job.folder / "images" / "app"
        path = next(iter(sorted(content.rglob("app.exe")) or sorted(content.rglob("*.bin"))))
        with path.open("ab") as file:
            file.write(f"{job.number}".encode())

    return change


def both(*steps: Step) -> Step:
    """One step after the other."""

    def run(job: Job) -> None:
        for step in steps:
            step(job)

    return run


def publishing(payload: str, link: str) -> Iterator[Task]:
    """T1: five variants and their index."""
    work, packed = without("dist"), without(*rivals.STORAGE)
    others = {"buildah": ["buildah"], "skopeo+umoci": ["skopeo", "umoci"]}
    buildah, skopeo = rivals.buildah_publish, rivals.skopeo_publish
    steps: dict[str, tuple[tuple[Step, Step], ...]] = {
        "cold": (
            (work, fresh(publish)),
            (packed, fresh(buildah)),
            (without("made"), fresh(skopeo)),
        ),
        "nothing changed": (
            (lambda _: None, known(publish)),
            (lambda _: None, known(buildah)),
            (lambda job: None if job.number else rivals.skopeo_pack(job), known(rivals.skopeo_push)),
        ),
        "one file changed": (
            (changed(publish), known(publish)),
            (changed(buildah), known(buildah)),
            (changed(skopeo), known(rivals.skopeo_again)),
        ),
        "fresh machine, published": (
            (work, known(publish)),
            (packed, known(buildah)),
            (without("made"), known(skopeo)),
        ),
    }
    for name, ways in steps.items():
        yield Task(
            name=f"T1 {payload} {name}, {link}",
            prepare=partial(write_project, payload),
            opened=partial(opened, delay=LINKS[link]),
            ways=[
                Way(tool=tool, before=before, run=run, needs=needs)
                for (tool, needs), (before, run) in zip({OURS: [], **others}.items(), ways, strict=True)
            ],
        )


def write_source(job: Job) -> None:
    """Published images to work on, once a tool."""
    write_project("A", job)
    publish(job, f"{job.name}/source")


def sources(job: Job) -> list[str]:
    """The five images of the published index by digest."""
    layout = job.folder / "dist" / "oci" / "app"
    (named,) = json.loads((layout / "index.json").read_text())["manifests"]
    index = json.loads((layout / "blobs" / named["digest"].replace(":", "/")).read_text())
    return [f"{job.place.host}/{job.name}/source/app@{entry['digest']}" for entry in index["manifests"]]


def join(job: Job, target: str, images: Sequence[str]) -> None:
    """T2 by us."""
    ours("index", "create", target, *images)(job)


def joining(link: str) -> Iterator[Task]:
    """T2: one index out of five images of its repository."""

    def step(action: Callable[[Job, str, Sequence[str]], None], *, anew: bool) -> Step:
        def run(job: Job) -> None:
            tag = f"run{job.number}" if anew else "joined"
            action(job, f"{job.place.host}/{job.name}/source/app:{tag}", sources(job))

        return run

    tools = {OURS: join, "buildah": rivals.buildah_join, "docker": rivals.docker_join}
    for name, anew in (("new", True), ("again", False)):
        yield Task(
            name=f"T2 {name}, {link}",
            prepare=write_source,
            opened=partial(opened, delay=LINKS[link]),
            ways=[
                Way(tool=tool, run=step(action, anew=anew), needs=[] if tool == OURS else [tool])
                for tool, action in tools.items()
            ],
        )


def write_patched(job: Job) -> None:
    """A project that is pinned to bases that have a newer patch by now."""
    write_project("A", job)
    patch_bases(job.place.behind[0])


def rebasing(link: str) -> Iterator[Task]:
    """T3: three Windows variants on the newer patches of their bases; nobody else here can."""
    yield Task(
        name=f"T3, {link}",
        prepare=write_patched,
        opened=partial(opened, delay=LINKS[link]),
        ways=[
            Way(
                tool=OURS,
                before=fresh(publish),
                run=lambda job: ours("rebase", f"{job.place.host}/{job.repository}/app:1")(job),
            )
        ],
    )


def promote(job: Job, source: str, target: str) -> None:
    """T4 by us."""
    ours("promote", source, target)(job)


def skopeo(job: Job, source: str, target: str) -> None:
    """T4 by skopeo."""
    rivals.skopeo_copy(job, f"docker://{source}", f"docker://{target}")


def promoting(link: str) -> Iterator[Task]:
    """T4: an index of five to another repository of the registry, and to another registry."""

    def step(action: Callable[[Job, str, str], None], *, away: bool, anew: bool) -> Step:
        def run(job: Job) -> None:
            host = job.place.other if away else job.place.host
            path = job.repository if anew else f"{job.name}/release"
            action(job, f"{job.place.host}/{job.name}/source/app:1", f"{host}/{path}/app:1")

        return run

    tools = {OURS: promote, "skopeo": skopeo}
    for where, away in (("same registry", False), ("other registry", True)):
        for name, anew in (("new", True), ("again", False)):
            yield Task(
                name=f"T4 {where} {name}, {link}",
                prepare=write_source,
                opened=partial(opened, delay=LINKS[link], size=BASE_BYTES),
                ways=[
                    Way(
                        tool=tool,
                        run=step(action, away=away, anew=anew),
                        needs=[] if tool == OURS else [tool],
                    )
                    for tool, action in tools.items()
                ],
            )


TASKS: Final = (
    *(task for link in LINKS for task in publishing("A", link)),
    *publishing("B", "loopback"),
    *(task for link in LINKS for kind in (joining, rebasing, promoting) for task in kind(link)),
)
