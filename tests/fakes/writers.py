"""Programs that write to a layout and are killed, or run side by side: `python -m tests.fakes.writers`.

`kill FOLDER` writes the same layout again and again, each time killed one step later, and after each
looks at what is left; it prints one JSON object for each kill. `tag FOLDER NAME` puts many tags while
others do the same. `full FOLDER` writes more than the process may.
"""

import io
import itertools
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from buildtools.errors import BuildtoolsError
from buildtools.oci.descriptor import OCI_LAYER, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.platform import Platform
from buildtools.stores.layout import Layout
from tests.fakes.images import image, index

LINUX = image(layers=(b"x" * 3_000_000, b"small"))
OTHER = image(Platform(os="linux", architecture="arm64"))
INDEX = index(LINUX, OTHER)
STEPS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "fcntl.flock"})
TAGS = 15


class Body(io.BytesIO):
    """A blob whose reading is a step too, so that a kill comes between two writes."""

    step: Callable[[], None] = staticmethod(lambda: None)

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        self.step()
        return super().read(size)


def write(layout: Layout, ref_name: str = "1.0") -> None:
    """What a build does."""
    for item in (LINUX, OTHER):
        for data in item.blobs:
            layout.put_blob(Descriptor.of(data, OCI_LAYER), partial(Body, data))
        layout.put_manifest(item.manifest.raw, item.manifest.media_type)
    layout.put_index(layout.put_manifest(INDEX.raw, INDEX.media_type), ref_name=ref_name)
    layout.sweep()


def dies_after(steps: int, folder: Path, action: Callable[[], None]) -> bool:
    """Run `action` in a child that kills itself at that step; returns whether it came so far."""
    pid = os.fork()
    if not pid:
        count = itertools.count()

        def step() -> None:
            if next(count) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            place = arguments[0] if arguments else ""
            if event in STEPS and (event == "fcntl.flock" or str(place).startswith(str(folder))):
                step()

        Body.step = staticmethod(step)
        sys.addaudithook(hook)
        action()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def problems(folder: Path) -> Iterator[str]:
    """What is not as it should be in a layout that a killed process left."""
    layout = Layout(folder)
    if (folder / "index.json").exists():
        json.loads((folder / "oci-layout").read_bytes())
        for entry in layout.entries():
            if entry.digest != INDEX.descriptor.digest or layout.missing():
                yield "index.json names what is not there"
    for path in folder.glob("blobs/sha256/*"):
        if digest_of(path.read_bytes()) != f"sha256:{path.name}":
            yield f"{path.name} is half written"


def leftovers(folder: Path) -> list[str]:
    """Temporary files and sessions of nobody."""
    return sorted(path.name for path in (folder / ".buildtools").iterdir() if path.name != "lock")


def kill(folder: Path, *, start_anew: bool) -> Iterator[dict[str, Any]]:
    """Kill a writer at each step, on an empty folder or on a finished layout, and write again."""
    for steps in itertools.count():
        if start_anew:
            shutil.rmtree(folder, ignore_errors=True)
        died = dies_after(steps, folder, lambda: write(Layout(folder), "2.0"))
        found = list(problems(folder))
        layout = Layout(folder)
        write(layout)
        complete = layout.resolve("1.0") == INDEX.descriptor and not layout.missing()
        layout.close()
        yield {"died": died, "problems": found, "complete": complete, "left": leftovers(folder)}
        if not died:
            return


def tag(folder: Path, name: str) -> None:
    """Put many tags, each on an image of its own, and sweep in between."""
    layout = Layout(folder)
    for number in range(TAGS):
        item = image(layers=(f"{name} {number}".encode(),))
        for data in item.blobs:
            layout.put_blob(Descriptor.of(data, OCI_LAYER), partial(io.BytesIO, data))
        layout.put_manifest(item.manifest.raw, item.manifest.media_type, tag=f"{name}-{number}")
        layout.sweep()
    layout.close()


def full(folder: Path) -> str:
    """Write more than the process may; returns the sentence."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        write(Layout(folder))
    except BuildtoolsError as error:
        return str(error)
    return ""


def main(verb: str, folder: Path, *rest: str) -> None:
    """Run one of the programs."""
    if verb == "kill":
        for start_anew in (True, False):
            for result in kill(folder, start_anew=start_anew):
                sys.stdout.write(json.dumps(result) + "\n")
    elif verb == "tag":
        tag(folder, *rest)
    else:
        sys.stdout.write(full(folder))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
