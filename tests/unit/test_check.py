# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The `check` verb: definitions with the files that are there, layouts, and layers of anybody."""

import gzip
import io
import tarfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.check import check_definitions, check_layer, check_layout
from buildtools.cli import main
from buildtools.errors import Diagnostic, UsageError
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.descriptor import OCI_LAYER_GZIP, Descriptor
from buildtools.oci.digest import digest_of
from buildtools.oci.documents import Index, Manifest, canonical_json
from buildtools.oci.layer import LINUX, Entry, write_layer
from buildtools.oci.platform import Platform
from buildtools.settings import Settings
from buildtools.stores.layout import Layout
from buildtools.stores.memory import MemoryStore
from buildtools.stores.open import References
from buildtools.windows.layer import WINDOWS
from buildtools.workspace import Workspace
from tests.fakes.definitions import write_tree
from tests.fakes.images import image, index
from tests.fakes.project import make_project


def project(root: Path, **changed: str) -> Workspace:
    """The small project with other files."""
    return Workspace(root=make_project(root, **changed), dist=root / "dist", settings=Settings())


def test_a_good_project_has_no_findings(tmp_path: Path) -> None:
    """Though nothing of it is compiled yet."""
    assert check_definitions(project(tmp_path), ()) == []


def test_faults_of_definitions_come_alone(tmp_path: Path) -> None:
    """Files mean nothing as long as the definition is wrong."""
    workspace = project(
        tmp_path, **{"images/host/image.yaml": "name: host\nbase: scratch\nplatforms: [linux]\n"}
    )
    found = check_definitions(workspace, ())
    assert {item.path for item in found} == {"images/host/image.yaml"}


def test_only_the_named_images_are_looked_at(tmp_path: Path) -> None:
    """A name that no image has is a mistake."""
    workspace = project(tmp_path)
    (tmp_path / "images" / "hello" / "hello.sh").unlink()
    assert check_definitions(workspace, ("host",)) == []
    with pytest.raises(UsageError):
        check_definitions(workspace, ("helo",))


def test_a_missing_file_is_found_once(tmp_path: Path) -> None:
    """Five variants need it."""
    workspace = project(tmp_path)
    (tmp_path / "images" / "hello" / "hello.sh").unlink()
    assert [str(item) for item in check_definitions(workspace, ())] == [
        f"images/hello/image.yaml:6:11: 'hello.sh' matches nothing in {tmp_path}/images/hello: name a file, folder or glob that exists"
    ]


def test_wrong_files_are_found_before_the_build(tmp_path: Path) -> None:
    """With the variant that gets them."""
    workspace = project(
        tmp_path, **{"images/hello/conf/.env": "KEY=1", "images/hello/hello.sh": "echo hello\n"}
    )
    found = [item for item in check_definitions(workspace, ("hello",)) if "linux/amd64" in item.message]
    assert [(item.code, item.severity) for item in found] == [
        ("entrypoint-mode", "error"),
        ("secret", "warning"),
    ]
    assert str(found[0]) == (
        f"{tmp_path}/images/hello/hello.sh: hello linux/amd64: the entrypoint app/hello.sh is not executable (mode 0644): "
        'give it `mode: "0755"`'
    )


def test_products_are_looked_at_where_they_are(tmp_path: Path) -> None:
    """One from an earlier build of this platform; the other platform's is not there yet."""
    workspace = project(tmp_path)
    out = tmp_path / "dist" / "work" / "made" / "linux-amd64" / "out"
    write_tree(out, made="no program")
    assert [item.code for item in check_definitions(workspace, ("made",))] == ["entrypoint-mode"]
    (out / "made").rename(out / "other")
    assert [str(item) for item in check_definitions(workspace, ("made",))] == [
        f"images/made/image.yaml:9:11: 'made' matches nothing in {out}: name a file, folder or glob that exists"
    ]


SECRET = """\
name: made
platforms: [linux/amd64]
base: scratch
build: {run: [[make]], inputs: [make.py]}
files:
  - {from: "{out}/made", to: /bin/made}
  - {from: .env, to: /app/}
config: {entrypoint: [/PATH]}
"""


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("bin/made", ["secret"]),
        ("bin/made/x", ["secret"]),
        ("other", ["entrypoint-missing", "secret"]),
        ("bin/ma", ["entrypoint-missing", "secret"]),
    ],
)
def test_what_needs_no_build_is_found_before_it(tmp_path: Path, path: str, codes: list[str]) -> None:
    """Of an image whose program is still to be made, too."""
    files = {"images/made/image.yaml": SECRET.replace("PATH", path), "images/made/.env": "KEY=1"}
    found = check_definitions(project(tmp_path, **files), ("made",))
    assert [item.code for item in found] == codes


FETCHING = """\
name: tool
platforms: [linux/amd64]
base: scratch
fetch:
  tool: {version: "1", url: "https://example.com/tool", checksum: "{url}.sha256"}
files:
  - {from: "{fetch}/tool", to: {linux: /tool}}
  - {from: gone, to: {linux: /gone}}
"""


def test_fetched_files_are_looked_at_by_build(tmp_path: Path) -> None:
    """They may not be here; the project's own files must."""
    workspace = project(tmp_path, **{"images/tool/image.yaml": FETCHING})
    assert [str(item) for item in check_definitions(workspace, ("tool",))] == [
        f"images/tool/image.yaml:8:12: 'gone' matches nothing in {tmp_path}/images/tool: name a file, folder or glob that exists"
    ]
    (tmp_path / "images" / "tool" / "gone").write_text("here")
    assert check_definitions(workspace, ("tool",)) == []


AMD64 = Platform(os="linux", architecture="amd64")
LTSC2019 = Platform(os="windows", architecture="amd64", os_version="10.0.17763.1")
LTSC2022 = Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")


def tar(*names: str) -> bytes:
    """A layer of empty files, as anybody may write it."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(info)
    return blob.getvalue()


def ours(system: str, *paths: str) -> bytes:
    """A layer as the project writes it."""
    blob = io.BytesIO()
    entries = [Entry(path=path, open=lambda: io.BytesIO(b"")) for path in paths]
    write_layer(entries, blob, system=WINDOWS if system == "windows" else LINUX, epoch=0)
    return blob.getvalue()


def put(layout: Layout, platform: Platform, *layers: bytes, keep: bool = True) -> Descriptor:
    """Put an image of these layers; without `keep` the first is left to a registry."""
    config = build_config(
        None,
        platform=platform,
        settings=ConfigSettings(),
        diff_ids=[digest_of(_plain(layer)) for layer in layers],
        history=["x"] * len(layers),
        created="2026-01-01T00:00:00Z",
    )
    descriptors = [Descriptor.of(layer, OCI_LAYER_GZIP) for layer in layers]
    manifest = Manifest.build(config=config.descriptor, layers=descriptors)
    layout.put_blob(config.descriptor, partial(io.BytesIO, config.raw))
    for descriptor, layer in list(zip(descriptors, layers, strict=True))[0 if keep else 1 :]:
        layout.put_blob(descriptor, partial(io.BytesIO, layer))
    found = layout.put_manifest(manifest.raw, manifest.media_type)
    return Descriptor(media_type=found.media_type, size=found.size, digest=found.digest, platform=platform)


def _plain(layer: bytes) -> bytes:
    return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer


def checked(layout: Layout, *entries: Descriptor) -> list[str]:
    """Place, code and sentence of every finding about an index of these entries."""
    index = Index.build(manifests=entries)
    layout.put_index(layout.put_manifest(index.raw, index.media_type), ref_name="latest")
    found = check_layout(f"oci:{layout.path}", Settings())
    return [f"{item.code} {item}".replace(f"oci:{layout.path}", "LAYOUT") for item in found]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty layout."""
    return Layout(tmp_path / "layout")


def test_a_good_layout_has_no_findings(layout: Layout) -> None:
    """Layers of ours, on a base whose layer is not there."""
    app = ours("windows", "app/app.exe")
    entries = (
        put(layout, AMD64, ours("linux", "app")),
        put(layout, LTSC2022, ours("windows", "License.txt"), app, keep=False),
        put(layout, LTSC2019, ours("windows", "License.txt", "x"), app, keep=False),
    )
    assert checked(layout, *entries) == []


def test_an_index_is_held_against_the_rules(layout: Layout) -> None:
    """A finding about the whole index names the layout."""
    app = ours("windows", "app/app.exe")
    older, newer = (put(layout, platform, app) for platform in (LTSC2019, LTSC2022))
    (finding,) = checked(layout, older, newer)
    assert finding.startswith("windows-order LAYOUT: ")


def test_every_layer_is_looked_at_once(layout: Layout) -> None:
    """By the rules of its own system; the lowest of a Windows image may delete nothing, the next may."""
    shared = tar("Files/", "Files/a", "Files/a", "Hives/")
    base = tar("Files/", "Files/.wh.gone")
    found = checked(
        layout,
        put(layout, AMD64, tar("a", "../b")),
        put(layout, LTSC2022, base, shared),
        put(layout, LTSC2019, tar("Files/", "Files/x"), shared, tar("Files/", "Files/.wh.x", "Hives/")),
    )
    assert [line.partition(": it")[0].partition(": the")[0] for line in found] == [
        "L1-path LAYOUT: linux/amd64: ../b",
        "R6-base LAYOUT: windows/amd64:10.0.20348.1: Files/.wh.gone",
        "R2-duplicate LAYOUT: windows/amd64:10.0.20348.1: Files/a",
    ]
    assert "../b: its name has a .. in it and leaves the image" in found[0]
    assert "Files/a: it stands in the layer twice" in found[2]


def test_a_damaged_layer_is_a_finding(layout: Layout) -> None:
    """The others are looked at all the same."""
    found = checked(layout, put(layout, AMD64, b"no tar" * 200, tar("../b")))
    assert found == [
        "layer-damaged LAYOUT: linux/amd64: the archive has a header whose checksum is not a number: write the layer again",
        "L1-path LAYOUT: linux/amd64: ../b: its name has a .. in it and leaves the image: rename it",
    ]


def foreign(os: str, **run: object) -> list[Diagnostic]:
    """What is found about the config of somebody else's image, in a registry."""
    version = {"os.version": "10.0.20348.1"} if os == "windows" else {}
    document = {"os": os, "architecture": "amd64", "config": run, "rootfs": {"diff_ids": []}} | version
    config = ImageConfig.parse(canonical_json(document))
    manifest = Manifest.build(config=config.descriptor, layers=())
    store = MemoryStore("ghcr.io/acme/app")
    store.blobs[config.descriptor.digest] = config.raw
    store.put_manifest(manifest.raw, manifest.media_type, tag="1.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(References, "open", lambda *_: (store, "1.0"))
        return check_layout("ghcr.io/acme/app:1.0", Settings())


STOPS = "windows/amd64:10.0.20348.1 has a StopSignal that is wrong: "
LEAVE_OUT = ": leave it out, so that the program gets CTRL_SHUTDOWN"
PATH_FINDING = "path-incomplete warning windows/amd64:10.0.20348.1 sets PATH without C:\\Windows\\System32, and this PATH replaces Windows' own: write the whole PATH"


@pytest.mark.parametrize(
    ("run", "sentences"),
    [
        ({}, []),
        ({"StopSignal": "SIGTERM", "Env": ["A=b"], "ArgsEscaped": False}, []),
        ({"StopSignal": "SIGQUIT"}, [f"stop-signal error {STOPS}SIGQUIT has no meaning on Windows: the runtime refuses number 3{LEAVE_OUT}"]),
        ({"StopSignal": "SIGINT"}, [f"stop-signal warning {STOPS}SIGINT is number 2, which Windows takes for CTRL_CLOSE and not for CTRL_C{LEAVE_OUT}"]),
        ({"StopSignal": "hup"}, [f"stop-signal warning {STOPS}hup is number 1, which Windows takes for CTRL_BREAK and not for CTRL_CLOSE{LEAVE_OUT}"]),
        ({"StopSignal": "SIGUSR1"}, [f"stop-signal error {STOPS}SIGUSR1 is a name that Windows nodes do not know{LEAVE_OUT}"]),
        ({"StopSignal": "iot"}, [f"stop-signal error {STOPS}iot is a name that Windows nodes do not know{LEAVE_OUT}"]),
        ({"StopSignal": "a; b: c"}, [f"stop-signal error {STOPS}'a; b: c' is not a signal{LEAVE_OUT}"]),
        ({"Env": ["PATH=C:\\app;C:\\Windows\\System32"]}, []),
        ({"Env": ["Path=c:/windows/SYSTEM32/;C:\\app"]}, []),
        ({"Env": ['PATH=C:\\app;"C:\\Windows\\system32\\" ']}, []),
        ({"Env": ["PATH=C:\\app"]}, [PATH_FINDING]),
        ({"Env": ["path="]}, [PATH_FINDING]),
        ({"Env": ["PATH=C:\\app;C:\\Windows\\System32\\Wbem"]}, [PATH_FINDING]),
        ({"Env": ["PATH=%SystemRoot%\\System32"]}, [PATH_FINDING]),
        ({"Env": ["PATH=C:\\Windows\\System32", "Path=C:\\app"]}, [PATH_FINDING]),
        ({"Env": ["PATH=C:\\app;%PATH%"]}, ["path-unexpanded error manifests[0] (windows/amd64:10.0.20348.1) sets PATH with %PATH% in it, which nothing expands: write the whole PATH"]),
        ({"ArgsEscaped": True}, ["args-escaped warning windows/amd64:10.0.20348.1 has ArgsEscaped, so that its first argument is taken for a whole command line: write the entrypoint as a list of arguments and leave ArgsEscaped out"]),
    ],
)  # fmt: skip
def test_a_config_is_held_against_what_windows_makes_of_it(
    run: dict[str, object], sentences: list[str]
) -> None:
    """Refused signals are errors, traps are warnings; each is found once."""
    found = foreign("windows", **run)
    assert [f"{item.code} {item.severity} {item.message}: {item.hint}" for item in found] == sentences


def test_on_linux_a_config_may_say_so() -> None:
    """Signals are signals there, and paths its own."""
    assert foreign("linux", StopSignal="SIGQUIT", Env=["PATH=/bin"], ArgsEscaped=True) == []


def test_layers_of_a_registry_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index and its images are held against the rules all the same."""
    store = MemoryStore("ghcr.io/acme/app")
    made = image(Platform(os="windows", architecture="amd64", os_version="10.0.20348"), layers=(b"no tar",))
    made.put(store)
    document = index(made)
    store.put_manifest(document.raw, document.media_type, tag="1.0")
    asked = []

    def opened(_: References, text: str) -> tuple[MemoryStore, str]:
        asked.append(text)
        return store, "1.0"

    monkeypatch.setattr(References, "open", opened)
    found = check_layout("ghcr.io/acme/app:1.0", Settings())
    assert {(item.path, item.code) for item in found} == {("ghcr.io/acme/app:1.0", "os-version-short")}
    assert set(asked) == {"ghcr.io/acme/app:1.0"}


def codes(path: Path, data: bytes) -> list[str]:
    """The codes of the findings about a layer in a file."""
    path.write_bytes(data)
    found = check_layer(path)
    assert all(item.path == path.as_posix() for item in found)
    return [item.code for item in found]


PAX_GLOBAL = tarfile.TarInfo.create_pax_global_header({"comment": "from git archive"})


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (tar("a", "b"), []),
        (tar("/a"), ["L1-path"]),
        (tar("Files/", "Files/a", "Hives/"), []),
        (tar("Files/", "Files/a"), ["R8-hives"]),
        (tar("Hives/", "Files/"), []),
        (tar("Files/", "Files/nul.txt", "Hives/"), ["R10-name"]),
        (PAX_GLOBAL + gzip.decompress(tar("Files/", "Hives/")), ["T1-global"]),
        (PAX_GLOBAL + gzip.decompress(tar("a")), []),
        (tar("./", "./Files/", "./Files/con.txt"), ["R3-dot", "R10-name", "R8-hives"]),
        (tar("./Hives/", "./Files/", "./Files/con.txt"), ["R10-name"]),
        (tar("files/", "files/con.txt", "hives/"), ["R10-name"]),
        (tar("a", "Files/", "Hives/"), ["R8-root"]),
        (tar("files/", "files/con.txt", "etc/"), []),
        (tar("./", "./a", "./Program Files/"), []),
        (gzip.compress(b""), []),
        (bytes(1024), []),
        (b"", ["layer-damaged"]),
        (b"no tar" * 200, ["layer-damaged"]),
        (tar("a")[:30], ["layer-damaged"]),
        (b"\x28\xb5\x2f\xfd" + bytes(100), ["layer-damaged"]),
        (gzip.decompress(tar("Files/", "Files/a", "Hives/"))[:700], ["layer-damaged"]),
    ],
)
def test_a_layer_in_a_file(tmp_path: Path, data: bytes, found: list[str]) -> None:
    """It is for Windows if its entries lie where Windows' do; compressed or not."""
    assert codes(tmp_path / "layer.tar", data) == found


@given(data=st.binary(max_size=600), cut=st.integers(0, 2000))
def test_no_file_makes_a_traceback(tmp_path: Path, data: bytes, cut: int) -> None:
    """Whatever is in it."""
    good = tar("Files/", "Files/a", "Hives/")
    for text in (data, gzip.compress(data), good[:cut] + data, gzip.decompress(good)[:cut] + data):
        codes(tmp_path / "layer.tar", text)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "r.example/acme/app:1.0",
            (
                "r.example/acme/app:1.0 is no image of the project, no layout and no file: "
                "what is in a registry is read with: buildtools verify r.example/acme/app:1.0"
            ),
        ),
        ("./folder", "./folder is a folder: a layout is written oci:./folder"),
        ("gone.tar.gz", "gone.tar.gz is not there: name a file that is there"),
    ],
)
def test_what_is_no_image_of_a_project(
    target: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The way to it is told, and no project is looked for."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    assert main(["check", target]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"
