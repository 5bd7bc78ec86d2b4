"""Builds without a registry: the examples of this repository, and one image of many files."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import OURS, ROOT, Job, Task, Way, ours, without

FILES = 60
MEGABYTES = 150


def copy_examples(job: Job) -> None:
    """The images of this repository that need no network."""
    for source in ROOT.glob("images/*/src"):
        shutil.copytree(source.parent, job.folder / "images" / source.parent.name)
    shutil.copy(ROOT / "images" / "defaults.yaml", job.folder / "images")


def make_files(job: Job) -> None:
    """One Linux image of many files."""
    image = job.folder / "images" / "big"
    write_files(image / "content", files=FILES, megabytes=MEGABYTES)
    (image / "image.yaml").write_text(
        "name: big\nplatforms: [linux/amd64]\nbase: scratch\nfiles: [{from: content, to: /content/}]\n"
    )


def write_files(content: Path, *, files: int, megabytes: float) -> None:
    """Files that compress as programs do: half text, half noise, the same each time."""
    noise = random.Random(1)
    size = int(megabytes * 1_000_000) // files
    words = [noise.randbytes(noise.randrange(2, 12)).hex() for _ in range(2000)]
    for number in range(files):
        text = " ".join(noise.choices(words, k=size // 24)).encode()[: size // 2]
        place = content / f"part{number % 7}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file{number}.bin").write_bytes(text + noise.randbytes(size - len(text)))


def buildah(job: Job, name: str = "big", content: str = "images/big/content") -> None:
    """From scratch, one copy, one commit to a layout; storage in the folder, no daemon."""
    storage = [
        "--root",
        str(job.folder / "storage"),
        "--runroot",
        str(job.folder / "run"),
        "--storage-driver",
        "vfs",
    ]
    (job.folder / "out").mkdir(exist_ok=True)
    (job.folder / "Containerfile").write_text("FROM scratch\nCOPY . /content\n")
    job.command(
        "buildah", *storage, "build", "--isolation", "chroot", "--network", "host", "--quiet",
        "--tag", f"oci:{job.folder}/out/{name}:latest", "--file", str(job.folder / "Containerfile"),
        str(job.folder / content)
    )  # fmt: skip


def umoci(job: Job, name: str = "big", content: str = "images/big/content") -> None:
    """An empty layout, one inserted folder, then a copy by skopeo as a tool chain would do."""
    (job.folder / "out").mkdir(exist_ok=True)
    job.command("umoci", "init", "--layout", f"made-{name}")
    job.command("umoci", "new", "--image", f"made-{name}:latest")
    job.command("umoci", "insert", "--image", f"made-{name}:latest", content, "/content")
    job.command("skopeo", "copy", "--quiet", f"oci:made-{name}:latest", f"oci:out/{name}:latest")


def linux_products(job: Job) -> Iterator[tuple[str, str]]:
    """What our build has compiled for Linux: a name for the image, and the folder."""
    for product in sorted(job.folder.glob("dist/work/*/linux-*/out")):
        yield "-".join(product.parts[-3:-1]), str(product)


def buildah_examples(job: Job) -> None:
    """The six Linux images out of programs that are compiled already."""
    for name, product in linux_products(job):
        buildah(job, name, product)


def umoci_examples(job: Job) -> None:
    """The same six."""
    for name, product in linux_products(job):
        umoci(job, name, product)


BUILD = ours("build", "--stand-in-bases")
LEFT = without("dist", "storage", "run", "out", "made-big")


def packed_anew(job: Job) -> None:
    """Compiled programs stay, all that was packed goes."""
    made = [path.name for path in job.folder.glob("made-*")]
    without("dist/oci", "dist/records", "storage", "run", "out", *made)(job)


def compiled(job: Job) -> None:
    """The examples, with their programs compiled."""
    copy_examples(job)
    BUILD(job)


TASKS = (
    Task(
        name="example set, 13 variants (others: its 6 for Linux), programs compiled, cold",
        prepare=compiled,
        ways=[
            Way(tool=OURS, before=packed_anew, run=BUILD),
            Way(tool="buildah", before=packed_anew, run=buildah_examples, needs=["buildah"]),
            Way(tool="skopeo+umoci", before=packed_anew, run=umoci_examples, needs=["umoci", "skopeo"]),
        ],
    ),
    Task(
        name="example set, 13 variants (others: its 6 for Linux), nothing to do",
        prepare=compiled,
        ways=[
            Way(tool=OURS, before=BUILD, run=BUILD),
            Way(tool="buildah", run=buildah_examples, needs=["buildah"]),
        ],
    ),
    Task(
        name=f"{FILES} files, {MEGABYTES} MB, cold",
        prepare=make_files,
        ways=[
            Way(tool=OURS, before=LEFT, run=BUILD),
            Way(tool="buildah", before=LEFT, run=buildah, needs=["buildah"]),
            Way(tool="skopeo+umoci", before=LEFT, run=umoci, needs=["umoci", "skopeo"]),
        ],
    ),
    Task(
        name=f"{FILES} files, {MEGABYTES} MB, nothing to do",
        prepare=make_files,
        ways=[
            Way(tool=OURS, before=BUILD, run=BUILD),
            Way(tool="buildah", run=buildah, needs=["buildah"]),
        ],
    ),
)
