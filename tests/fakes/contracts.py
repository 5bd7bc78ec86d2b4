"""Lifecycle contracts of images that were built, each with its file tree on disk."""

from pathlib import Path

from buildtools.oci.config import ImageConfig
from buildtools.settings import Settings
from buildtools.tiers.base import Contract
from buildtools.tiers.unpack import unpack
from buildtools.workspace import Workspace

ROOT = Path(__file__).parents[2]


def contracts_of(
    dist: Path, image: str, folder: Path, *, os_name: str, architecture: str = "amd64", root: Path = ROOT
) -> list[Contract]:
    """The contracts of the image's variants for a system, in the definition's order, unpacked in `folder`."""
    workspace = Workspace(root=root, dist=dist, settings=Settings())
    records = workspace.records(workspace.project.images[image].variants)
    found = []
    for variant in workspace.project.images[image].variants:
        platform, record = variant.platform, records.get((image, variant.label))
        if (platform.os, platform.architecture) != (os_name, architecture) or record is None:
            continue
        layout = workspace.layout(image)
        files = folder / record.config.descriptor.digest[-12:]
        files.mkdir()
        with layout.get_blob(record.layers[-1].descriptor) as blob:
            unpack([blob], files, windows=os_name == "windows")
        with layout.get_blob(record.config.descriptor) as blob:
            config = ImageConfig.parse(blob.read())
        assert variant.lifecycle is not None
        found.append(Contract(name=variant.label, config=config, root=files, lifecycle=variant.lifecycle))
    return found
