"""Contracts of a program that keeps them or breaks them as it is told, as an image for any system."""

from pathlib import Path
from typing import Any

from buildtools.oci.config import ConfigSettings, build_config
from buildtools.oci.documents import Manifest
from buildtools.oci.layer import Entry, write_layer
from buildtools.oci.platform import Platform
from buildtools.sources.entries import LAYER_FORMATS
from buildtools.spec.model import LifecycleSpec, ProbeSpec, ReadySpec, StopSpec
from buildtools.stores.memory import MemoryStore
from buildtools.tiers.base import Contract
from buildtools.tiers.unpack import unpack
from tests.fakes.go import compiled

SOURCE = Path(__file__).parent / "stand"
PROGRAMS = {"linux": "/stand", "windows": r"C:\stand.exe"}
READY = ReadySpec(http="/ready", within=30.0)
STOP = StopSpec(within=20.0)


def compile_stand(folder: Path, system: str, *, architecture: str = "amd64") -> Path:
    """The program for an operating system."""
    program = folder / f"stand-{system}-{architecture}"
    return compiled(SOURCE, program, system=system, architecture=architecture, link="-buildid=")


def contract_of(
    program: Path, root: Path, *args: str, os_version: str = "", config: Any = None, **lifecycle: Any
) -> Contract:
    """The contract of an image that holds the program alone; its files lie below `root`.

    `lifecycle` replaces that the program becomes ready, answers and is stopped.
    """
    system, architecture = program.name.split("-")[1:]
    path = PROGRAMS[system]
    name = path.removeprefix("/").removeprefix("C:\\")
    store = MemoryStore()
    entry = Entry(path=name, size=program.stat().st_size, mode=0o755, open=lambda: program.open("rb"))
    with store.new_blob() as blob:
        layer = write_layer([entry], blob, system=LAYER_FORMATS[system], epoch=0)
        blob.commit(layer.descriptor)
    platform = Platform(os=system, architecture=architecture, os_version=os_version)
    settings = ConfigSettings(**({"entrypoint": (path,)} | (config or {})))
    image = build_config(
        None,
        platform=platform,
        settings=settings,
        diff_ids=(layer.diff_id,),
        history=("stand",),
        created="2026-01-01T00:00:00Z",
    )
    manifest = Manifest.build(config=image.descriptor, layers=(layer.descriptor,))
    root.mkdir(mode=0o755, parents=True, exist_ok=True)
    with store.get_blob(layer.descriptor) as body:
        unpack([body], root, windows=system == "windows")
    told = {
        "args": ("-addr", ":{port}", *args),
        "ready": READY,
        "probe": ProbeSpec(http="/who"),
        "stop": STOP,
    }
    return Contract(
        name=f"stand {platform}",
        config=image,
        root=root,
        lifecycle=LifecycleSpec(**(told | lifecycle)),
        manifest=manifest,
        open_blob=store.get_blob,
    )
