"""The best way that each other tool has: what it cannot do is left out of its tasks."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measure import Job
from tests.fakes.bases import BUILDS


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the five, and the base that it stands on."""

    name: str
    os: str
    architecture: str
    base: str
    version: str = ""


VARIANTS = (
    *(Variant(name=name, os="linux", architecture=name, base="static:1") for name in ("amd64", "arm64")),
    *(
        Variant(
            name=tag, os="windows", architecture="amd64", base=f"windows/nanoserver:{tag}", version=version
        )
        for tag, version in BUILDS.items()
    ),
)
STORAGE = ("storage", "run")


def payload(job: Job, variant: Variant) -> str:
    """The folder of one variant's files."""
    app = job.folder / "images" / "app"
    own = app / "bin" / f"{variant.os}-{variant.architecture}"
    return str(own if own.is_dir() else app / "content")


def buildah(job: Job, *arguments: str) -> None:
    """One command of buildah, with storage in the job's folder and no daemon."""
    storage = ["--root", f"{job.folder}/storage", "--runroot", f"{job.folder}/run", "--storage-driver", "vfs"]
    job.command("buildah", *storage, *arguments)


def buildah_publish(job: Job, repository: str) -> None:
    """T1: a build with a cache for each variant into one list, which is pushed with all of it."""
    name = f"list{job.number}"
    for variant in VARIANTS:
        file = job.folder / f"Containerfile.{variant.name}"
        target = "/app" if variant.os == "linux" else "C:/app"
        file.write_text(f"FROM {job.place.host}/mcr/{variant.base}\nCOPY . {target}\n")
        version = ["--os-version", variant.version] if variant.version else []
        buildah(
            job, "build", "--isolation", "chroot", "--network", "host", "--quiet", "--layers",
            "--tls-verify=false", "--platform", f"{variant.os}/{variant.architecture}", *version,
            "--manifest", name, "--file", str(file), payload(job, variant),
        )  # fmt: skip
    target = f"docker://{job.place.host}/{repository}/app:1"
    buildah(job, "manifest", "push", "--quiet", "--all", "--tls-verify=false", name, target)


def buildah_join(job: Job, target: str, sources: Iterable[str]) -> None:
    """T2: a list out of references, pushed without what it names, which is there."""
    name = f"list{job.number}"
    buildah(job, "manifest", "create", name)
    for source in sources:
        buildah(job, "manifest", "add", "--tls-verify=false", name, f"docker://{source}")
    buildah(job, "manifest", "push", "--quiet", "--tls-verify=false", name, f"docker://{target}")
    buildah(job, "manifest", "rm", name)


def docker_join(job: Job, target: str, sources: Iterable[str]) -> None:
    """T2: `docker manifest`, which needs no daemon."""
    docker = ["docker", "--config", f"{job.folder}/docker", "manifest"]
    job.command(*docker, "create", "--insecure", target, *sources)
    job.command(*docker, "push", "--insecure", "--purge", target)


def skopeo_pack(job: Job, variants: Sequence[Variant] = VARIANTS) -> None:
    """T1: each base into a layout, where umoci inserts the files; the index is written by hand."""
    if not (job.folder / "made").exists():
        job.command("umoci", "init", "--layout", "made")
    for variant in variants:
        tag = f"made:{variant.name}"
        job.command(
            "skopeo", "--override-os", variant.os, "--override-arch", variant.architecture, "copy", "--quiet",
            "--src-tls-verify=false", f"docker://{job.place.host}/mcr/{variant.base}", f"oci:{tag}",
        )  # fmt: skip
        job.command("umoci", "insert", "--image", tag, payload(job, variant), "/app")
    _write_index(job.folder / "made")


def skopeo_push(job: Job, repository: str) -> None:
    """T1: the index and all that it names."""
    skopeo_copy(job, "oci:made:index", f"docker://{job.place.host}/{repository}/app:1")


def skopeo_publish(job: Job, repository: str) -> None:
    """T1: all of it, with nothing kept from before."""
    shutil.rmtree(job.folder / "made", ignore_errors=True)
    skopeo_pack(job)
    skopeo_push(job, repository)


def skopeo_again(job: Job, repository: str) -> None:
    """T1: pack what a change of one file touches, and push."""
    skopeo_pack(job, [variant for variant in VARIANTS if variant.os == "windows"])
    skopeo_push(job, repository)


def skopeo_copy(job: Job, source: str, target: str) -> None:
    """T4: an index and all that it names."""
    job.command(
        "skopeo", "copy", "--quiet", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
        source, target,
    )  # fmt: skip


def _write_index(layout: Path) -> None:
    named = "org.opencontainers.image.ref.name"
    document: dict[str, Any] = json.loads((layout / "index.json").read_text())
    # What an earlier round has replaced is there without a name.
    named_entries = [entry for entry in document["manifests"] if named in entry.get("annotations", {})]
    entries = {entry["annotations"][named]: entry for entry in named_entries}
    entries.pop("index", None)
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [_entry(entries[variant.name], variant) for variant in VARIANTS],
    }
    raw = json.dumps(index).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(raw)
    own = {"mediaType": index["mediaType"], "digest": f"sha256:{digest}", "size": len(raw)}
    document["manifests"] = [*entries.values(), {**own, "annotations": {named: "index"}}]
    (layout / "index.json").write_text(json.dumps(document))


def _entry(entry: dict[str, Any], variant: Variant) -> dict[str, Any]:
    version = {"os.version": variant.version} if variant.version else {}
    chosen = {key: entry[key] for key in ("mediaType", "digest", "size")}
    return {**chosen, "platform": {"os": variant.os, "architecture": variant.architecture, **version}}
