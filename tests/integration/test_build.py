"""Builds as people run them: what is made, made again, made elsewhere, interrupted, and refused."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import Index, Manifest
from buildtools.stores.base import read_document
from buildtools.stores.layout import Layout
from tests.fakes.git import git
from tests.fakes.project import HELLO, make_project

EPOCH = "1767225600"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh project, in a folder with a space in its name."""
    root = make_project(tmp_path / "a project")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    return root


def build(*arguments: str, code: int = 0) -> None:
    """Run the build verb on stand-in bases."""
    assert main(["build", "--stand-in-bases", "-q", *arguments]) == code


def index_of(root: Path, image: str) -> tuple[Layout, Index]:
    """The image's layout and the index in it."""
    layout = Layout(root / "dist" / "oci" / image)
    (entry,) = layout.entries()
    return layout, Index.parse(layout.get_manifest(entry.digest)[1], entry.media_type)


def images_of(root: Path, image: str) -> list[tuple[Manifest, ImageConfig]]:
    """Manifest and config of every entry."""
    layout, index = index_of(root, image)
    found = []
    for entry in index.manifests:
        manifest = Manifest.parse(layout.get_manifest(entry.digest)[1], entry.media_type)
        found.append((manifest, ImageConfig.parse(read_document(layout, manifest.config))))
    return found


def blobs(root: Path) -> dict[str, bytes]:
    """Every file of every layout, by its path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.glob("dist/oci/*/**/*"))
        if path.is_file() and not path.name.startswith(".") and ".buildtools" not in path.as_posix()
    }


def test_images_of_the_same_files(project: Path) -> None:
    """Each layout has the layer, although both images' are the same one."""
    text = HELLO.replace("name: hello", "name: twin")
    make_project(
        project,
        **{
            "images/twin/image.yaml": text,
            "images/twin/hello.sh": "#!/bin/sh\necho hello\n",
            "images/twin/conf/one.txt": "one\n",
            "images/twin/conf/deep/two.txt": "two\n",
        },
    )
    build("--full", "hello", "twin")
    layers = {name: {m.layers[-1].digest for m, _ in images_of(project, name)} for name in ("hello", "twin")}
    assert layers["hello"] == layers["twin"]
    assert not [blob for name in layers for blob in index_of(project, name)[0].missing()]
    build("twin")


@pytest.mark.parametrize("image", ["hello", "host", "made"])
def test_the_documents_of_a_build(project: Path, image: str, golden: Callable[[str, str], None]) -> None:
    """Index, manifests and configs are the same bytes on every machine."""
    build()
    _, index = index_of(project, image)
    golden(f"build/{image}/index.json", json.dumps(json.loads(index.raw), indent=2) + "\n")
    for entry, (manifest, config) in zip(index.manifests, images_of(project, image), strict=True):
        name = str(entry.platform).replace("/", "-").replace(":", "-")
        golden(f"build/{image}/{name}.manifest.json", json.dumps(json.loads(manifest.raw), indent=2) + "\n")
        golden(f"build/{image}/{name}.config.json", json.dumps(json.loads(config.raw), indent=2) + "\n")


def test_the_plan_of_a_project(
    project: Path, golden: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """`plan --json` is a stable document."""
    assert main(["plan", "--stand-in-bases", "--json"]) == 0
    golden("build/plan.json", capsys.readouterr().out)


def test_two_machines_build_the_same(tmp_path: Path) -> None:
    """Another folder, user mask, locale, time zone, file times, hash seed: the same bytes."""
    results = []
    for name, mask, extra in (
        ("one", 0o022, {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1"}),
        ("two", 0o077, {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"}),
    ):
        root = make_project(tmp_path / name)
        for path in root.rglob("*"):
            os.utime(path, (mask * 1000, mask * 1000))
            path.chmod(0o755 if mask == 0o022 else 0o700)
        command = [sys.executable, "-m", "buildtools", "build", "--stand-in-bases", "-q"]
        environment = {**os.environ, **extra, "SOURCE_DATE_EPOCH": EPOCH}
        subprocess.run(command, cwd=root, env=environment, check=True, umask=mask, stdout=subprocess.DEVNULL)
        results.append(blobs(root))
        time.sleep(1.1)
    assert results[0] == results[1]
    assert len(results[0]) > 20


def test_a_second_build_has_nothing_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is built, and no file of a layout is touched."""
    build()
    before = {path: path.stat().st_mtime_ns for path in project.glob("dist/oci/*/blobs/sha256/*")}
    capsys.readouterr()
    assert main(["build", "--stand-in-bases", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [v["built"] for image in document["images"] for v in image["variants"]] == [False] * 10
    assert {path: path.stat().st_mtime_ns for path in project.glob("dist/oci/*/blobs/sha256/*")} == before


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("images/hello/conf/one.txt", "changed\n", "inputs changed: conf/one.txt"),
        ("images/hello/conf/new.txt", "new\n", "inputs changed: conf/new.txt"),
        ("images/hello/conf/old.bak", "changed, but left out\n", None),
        ("images/hello/image.yaml", HELLO.replace("hello}", "hi}"), "definition changed: config"),
        ("images/hello/image.yaml", HELLO.replace('"0777"', '"0755"'), "definition changed: files"),
        ("images/hello/image.yaml", HELLO + "\n# a comment\n", None),
    ],
)
def test_what_changed_is_the_reason_to_build(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, reason: str | None
) -> None:
    """The plan names the file or the part of the definition, and nothing else is built."""
    build()
    capsys.readouterr()
    (project / name).write_text(text)
    code = main(["plan", "hello", "--stand-in-bases", "--json", "--exit-code"])
    targets = json.loads(capsys.readouterr().out)["targets"]
    assert {tuple(target["reasons"]) for target in targets} == {(reason,) if reason else ()}
    assert code == (3 if reason else 0)


def test_a_changed_label_costs_no_new_layer(project: Path) -> None:
    """The layer of the last build is used again; only configs and manifests are new."""
    build("made")
    layers = {layer.digest for manifest, _ in images_of(project, "made") for layer in manifest.layers}
    definition = project / "images" / "made" / "image.yaml"
    definition.write_text(definition.read_text().replace("config:\n", "config:\n  labels: {a: b}\n"))
    (project / "images" / "made" / "make.py").touch()
    build("made")
    after = images_of(project, "made")
    assert {layer.digest for manifest, _ in after for layer in manifest.layers} == layers
    assert {config.labels["a"] for _, config in after} == {"b"}


def test_one_layer_serves_all_windows_releases(project: Path) -> None:
    """The releases differ in their bases; the application layer is one blob."""
    build("hello")
    windows = [
        manifest for manifest, config in images_of(project, "hello") if config.platform.os == "windows"
    ]
    assert len(windows) == 3
    assert len({manifest.layers[-1].digest for manifest in windows}) == 1
    assert len({manifest.layers[0].digest for manifest in windows}) == 3
    assert len({manifest.config.digest for manifest in windows}) == 3


def test_one_variant_alone(project: Path) -> None:
    """`--platform` builds one; the index holds what is there, and later builds complete it."""
    build("hello", "--platform", "windows/amd64:ltsc2022")
    _, index = index_of(project, "hello")
    assert [str(entry.platform) for entry in index.manifests] == ["windows/amd64:10.0.20348.1"]
    build("hello", "--platform", "linux")
    _, index = index_of(project, "hello")
    assert [entry.platform.os for entry in index.manifests if entry.platform] == ["linux", "linux", "windows"]


def test_a_stale_variant_leaves_the_index(project: Path) -> None:
    """An index never holds a variant that today's definition would build otherwise."""
    build("hello")
    (project / "images" / "hello" / "hello.sh").write_text("#!/bin/sh\necho changed\n")
    build("hello", "--platform", "linux/arm64")
    _, index = index_of(project, "hello")
    assert [str(entry.platform) for entry in index.manifests] == ["linux/arm64"]


def test_files_of_a_linux_and_a_windows_layer(project: Path) -> None:
    """What the definition says is in the layers, in the way of each operating system."""
    build("hello")
    layout, _ = index_of(project, "hello")
    names = {}
    for manifest, config in images_of(project, "hello"):
        with layout.get_blob(manifest.layers[-1]) as blob:
            content = BytesIO(blob.read())
        with tarfile.open(fileobj=content) as tar:
            names[config.platform.os] = {member.name: member for member in tar.getmembers()}
    linux, windows = names["linux"], names["windows"]
    assert list(linux) == [
        "app", "app/conf", "app/conf/deep", "app/conf/deep/two.txt", "app/conf/one.txt", "app/hello.sh",
        "app/link", "data",
    ]  # fmt: skip
    assert linux["app/hello.sh"].mode == 0o755
    assert linux["app/conf/one.txt"].mode == 0o644
    assert linux["data"].mode == 0o777
    assert linux["app/link"].linkname == "conf/one.txt"
    assert list(windows)[:3] == ["Files", "Hives", "Files/app"]
    assert windows["Files/app/link"].linkname == "conf\\one.txt"
    assert (
        windows["Files/data"].pax_headers["MSWINDOWS.rawsd"]
        != windows["Files/app"].pax_headers["MSWINDOWS.rawsd"]
    )


def test_a_changed_product_of_a_build_command(project: Path) -> None:
    """A build command runs again when its inputs change, and the layer is new."""
    build("made")
    before = [manifest.layers[-1].digest for manifest, _ in images_of(project, "made")]
    script = project / "images" / "made" / "make.py"
    script.write_text(script.read_text().replace("echo ", "echo now "))
    build("made")
    after = [manifest.layers[-1].digest for manifest, _ in images_of(project, "made")]
    assert not set(before) & set(after)


def test_a_lost_blob_is_made_again(project: Path) -> None:
    """A layout that somebody took a file out of is repaired by the next build."""
    build("host")
    ((manifest, _),) = images_of(project, "host")
    lost = (
        project / "dist" / "oci" / "host" / "blobs" / "sha256" / manifest.layers[-1].digest.partition(":")[2]
    )
    lost.unlink()
    build("host")
    assert lost.is_file()


def test_a_failing_command_shows_its_output(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The end of the output stands in the error; other images are whole all the same, and it says which."""
    (project / "images" / "made" / "make.py").write_text("print('half way'); raise SystemExit(3)")
    build(code=9)
    error = capsys.readouterr().err
    assert "made linux/amd64: " in error
    assert "ended with 3" in error
    assert "half way" in error
    assert "Traceback" not in error
    assert error.endswith(
        "error: made could not be built, hello, host could: mend what is wrong and build again\n"
    )
    for image in ("hello", "host"):
        check_layout(index_of(project, image)[0].path)
    assert not (project / "dist" / "oci" / "made" / "index.json").exists()
    build("made", code=1)


def test_a_wrong_program_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An ELF program as the entrypoint of a Windows image never gets into a layer."""
    (project / "images" / "hello" / "hello.sh").write_bytes(b"\x7fELF" + bytes(100))
    build("hello", "--platform", "windows", code=2)
    assert "is a program for Linux (ELF) in an image for windows" in capsys.readouterr().err
    assert not (project / "dist" / "oci" / "hello" / "index.json").exists()


def test_a_killed_build_leaves_a_layout_that_the_next_one_completes(project: Path) -> None:
    """SIGKILL at any moment: the old index or none, and the next build makes it whole."""
    command = [sys.executable, "-m", "buildtools", "build", "--stand-in-bases", "-q"]
    (project / "images" / "hello" / "big.bin").write_bytes(os.urandom(30_000_000))
    definition = project / "images" / "hello" / "image.yaml"
    definition.write_text(
        definition.read_text().replace(
            "files:\n", "files:\n  - from: big.bin\n    to: {linux: /big, windows: 'C:\\big'}\n"
        )
    )
    for delay in (0.2, 0.35, 0.5, 0.7):
        with subprocess.Popen(command, cwd=project, start_new_session=True) as process:
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
        for layout in project.glob("dist/oci/*/index.json"):
            check_layout(layout.parent)
    build()
    for image in ("hello", "host", "made"):
        layout, _ = index_of(project, image)
        check_layout(layout.path)
    left = [path for path in project.glob("dist/**/*") if path.name.startswith(".") and path.suffix == ".tmp"]
    assert left == []


def check_layout(path: Path) -> None:
    """All that the layout's index names is there, with the right bytes."""
    layout = Layout(path)
    for entry in layout.entries():
        for descriptor in layout.walk(entry):
            with layout.get_blob(descriptor) as blob:
                blob.read()


def test_two_builds_at_once(project: Path) -> None:
    """Two processes share one dist folder: both succeed, and the layouts are whole."""
    command = [sys.executable, "-m", "buildtools", "build", "--stand-in-bases", "-q"]
    running = [
        subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    errors = [process.communicate()[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    for image in ("hello", "host", "made"):
        layout, _ = index_of(project, image)
        check_layout(layout.path)


def test_an_interrupted_build_says_so(project: Path) -> None:
    """Ctrl-C ends the build command too, exits with 130 and leaves nothing half written."""
    (project / "images" / "made" / "make.py").write_text("import time; time.sleep(60)")
    command = [sys.executable, "-m", "buildtools", "build", "made", "--stand-in-bases"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if "compiling" in line:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        # The command would sleep for longer than this.
        rest = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert not list(project.glob("dist/work/made/*/out*"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_large_file_is_never_held_in_memory(project: Path, request: pytest.FixtureRequest) -> None:
    """768 MiB, or 2 GiB, become layers of Linux and of Windows in less than 200 MiB of memory."""
    size = 2 << 30 if request.config.getoption("--profile") == "long" else 768 << 20
    with (project / "images" / "hello" / "big.bin").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.truncate(size)
    definition = project / "images" / "hello" / "image.yaml"
    definition.write_text(
        definition.read_text().replace(
            "files:\n", "files:\n  - from: big.bin\n    to: {linux: /big, windows: 'C:\\big'}\n"
        )
    )
    # What the process says of itself: usage that is asked of the system counts this test's memory, too.
    code = (
        "import sys; from buildtools.cli import main; main(sys.argv[1:]); print(*open('/proc/self/status'))"
    )
    command = [sys.executable, "-c", code, "build", "hello", "--stand-in-bases", "-q", "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    peak = next(int(line.split()[1]) for line in done.stdout.splitlines() if "VmHWM:" in line)
    assert peak < 200 << 10
    sizes = [sum(layer.size for layer in manifest.layers) for manifest, _ in images_of(project, "hello")]
    assert all(1 << 20 < compressed < 64 << 20 for compressed in sizes)


def test_a_shallow_clone_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times come from commits, and a clone without them cannot know."""
    origin = make_project(tmp_path / "origin")
    git(origin, "init", "-q")
    for number in range(2):
        (origin / "note").write_text(str(number))
        git(origin, "add", ".")
        git(origin, "commit", "-q", "-m", f"{number}")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{origin}", "clone")
    for place, warned in ((origin, False), (tmp_path / "clone", True)):
        monkeypatch.chdir(place)
        assert main(["plan", "host", "--stand-in-bases", "--json"]) == 0
        captured = capsys.readouterr()
        assert ("shallow clone" in captured.err) is warned
        created: Any = json.loads(captured.out)["targets"][0]["created"]
        assert created > 1_000_000_000
