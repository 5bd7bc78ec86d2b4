# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The `preflight` verb from the command line: nodes, images and manifests in, tables, documents and codes out."""

import io
import json
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildtools.cli import main
from buildtools.cluster.lint import OTHER_CODES, RULES
from tests.fakes.kubernetes import node_json, nodes_json, put_layout, windows_json

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "preflight.md"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: r.example/x:1}]}\n"
)
NODES = ["--nodes", "nodes.json"]
RELEASE = "windows/amd64:10.0.20348.1"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two nodes, where the commands run on a day on which nothing has ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1750000000")
    (tmp_path / "nodes.json").write_bytes(nodes_json(node_json("lin"), windows_json("win")))
    return tmp_path


class Ran:
    """How a run ended and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        self.code = main(["preflight", "-q", *arguments])
        self.out, self.err = capsys.readouterr()

    @property
    def document(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


def test_which_entry_each_node_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """A column an image, a row for nodes that agree."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    Path("nodes.json").write_bytes(nodes_json(node_json("lin"), node_json("two"), windows_json("win")))
    ran = Ran(capsys, "oci:x", *NODES)
    rows = [re.split(r"\s{2,}", line.strip()) for line in ran.out.splitlines() if line.strip()]
    assert rows[1] == ["node", "system", "runtime", "oci:x"]
    assert rows[3:] == [
        ["lin, two", "linux/amd64", "containerd 2.0", "linux/amd64"],
        ["win", "Windows Server 2022", "containerd 2.0", RELEASE],
        ["3 nodes, 1 image. Checked: nothing is wrong."],
    ]
    assert (ran.code, ran.err) == (0, "")


def test_an_image_without_an_entry_for_a_build(capsys: pytest.CaptureFixture[str]) -> None:
    """Would not run on a node that it is meant for, so the run fails."""
    put_layout(Path("x"), "linux/amd64", "windows/amd64:10.0.26100.1")
    ran = Ran(capsys, "oci:x", *NODES)
    assert ran.code == 4
    assert ran.err == (
        "oci:x: error: it does not run on win: no entry for windows/amd64 build 20348: the index offers linux/amd64, "
        "windows/amd64:10.0.26100.1: add an entry for these nodes, or keep its workloads off them\n"
        "error: 1 error: mend what is wrong and look again\n"
    )
    assert "none" in ran.out


def test_an_image_of_one_system_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Its workloads have selectors; where no node at all runs it, something is wrong."""
    put_layout(Path("x"), "linux/amd64")
    assert Ran(capsys, "oci:x", *NODES).code == 0
    Path("nodes.json").write_bytes(nodes_json(windows_json("win")))
    ran = Ran(capsys, "oci:x", *NODES)
    assert ran.code == 4
    assert ran.err.startswith("oci:x: error: no node runs it: it is for linux alone: add an entry\n")


def test_an_older_build_than_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Is told in the table, and the wrong order is an error of the index."""
    put_layout(Path("x"), RELEASE, "windows/amd64:10.0.26100.1")
    Path("nodes.json").write_bytes(
        nodes_json(windows_json("win", "10.0.26100.1"), windows_json("new", "10.0.26200.1"))
    )
    ran = Ran(capsys, "oci:x", *NODES)
    assert f"{RELEASE} (not the best)" in ran.out
    assert "the Windows entries do not stand with the newest build first" in ran.err
    assert ran.code == 4


def test_an_entry_that_is_taken_and_does_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Windows 11 25H2 takes the newest and cannot start it."""
    put_layout(Path("x"), "windows/amd64:10.0.26100.1", RELEASE)
    Path("nodes.json").write_bytes(nodes_json(windows_json("new", "10.0.26200.1")))
    ran = Ran(capsys, "oci:x", *NODES)
    assert "windows/amd64:10.0.26100.1 (does not run)" in ran.out
    assert ran.code == 4


def test_what_becomes_of_workloads(capsys: pytest.CaptureFixture[str]) -> None:
    """Where each runs and where it would be put and not run."""
    put_layout(Path("x"), "linux/amd64")
    Path("m").mkdir()
    Path("m/pod.yaml").write_text(POD)
    Path("m/service.yml").write_text("kind: Service\n")
    Path("m/notes.txt").write_text("{{")
    Path("m/.hidden").mkdir()
    Path("m/.hidden/broken.yaml").write_text("{{")
    ran = Ran(capsys, *NODES, "--manifests", "m", "--image", "r.example/x=oci:x")
    assert ran.code == 4
    rows = [re.split(r"\s{2,}", line.strip()) for line in ran.out.splitlines() if line.strip()]
    assert rows[-2:] == [
        ["Pod p", "m/pod.yaml:1", "lin", "win", "does not run everywhere"],
        ["2 nodes, 1 image, 1 workload. Checked: 1 error."],
    ]
    assert ran.err == (
        "m/pod.yaml:4:7: error: Pod p: it may land on win (windows), and r.example/x:1 is for linux alone: "
        "add nodeSelector: {kubernetes.io/os: linux}\n"
        "error: 1 error: mend what is wrong and look again\n"
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("r.example/x", True),
        ("r.example/x:1", True),
        ("r.example/x:2", False),
        ("r.example/y", False),
        ("docker://r.example/x:1", True),
    ],
)
def test_names_of_images(name: str, known: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """With a tag for that one, without for all; what no reference stands for is noted."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    Path("pod.yaml").write_text(POD)
    ran = Ran(capsys, *NODES, "--manifests", "pod.yaml", "--image", f"{name}=oci:x", "--only-refs", "--json")
    assert ran.code == 0
    (workload,) = ran.document["workloads"]
    assert workload["verdict"] == ("runs" if known else "unknown")
    codes = [finding["code"] for finding in ran.document["findings"]]
    assert codes == ([] if known else ["image-skipped"])


def test_an_image_by_digest(capsys: pytest.CaptureFixture[str]) -> None:
    """Is the one that has this digest, whatever its tag."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    digest = json.loads(Path("x/index.json").read_text())["manifests"][0]["digest"]
    Path("pod.yaml").write_text(POD.replace("x:1", f"x:7@{digest}"))
    ran = Ran(
        capsys, *NODES, "--manifests", "pod.yaml", "--image", "r.example/x:1=oci:x", "--only-refs", "--json"
    )
    assert [one["verdict"] for one in ran.document["workloads"]] == ["runs"]


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes, images, workloads and findings."""
    put_layout(Path("x"), "linux/amd64")
    Path("pod.yaml").write_text(
        POD.replace("{containers", "{nodeSelector: {kubernetes.io/os: linux}, containers")
    )
    document = Ran(
        capsys, *NODES, "--manifests", "pod.yaml", "--image", "r.example/x:1=oci:x", "--json"
    ).document
    (image,), (workload,) = document["images"], document["workloads"]
    assert list(document) == ["schema", "nodes", "images", "workloads", "findings"]
    assert document["nodes"][1] == {
        "name": "win", "os": "windows", "architecture": "amd64", "os_version": "10.0.20348.2700", "runtime": "containerd 2.0", "taints": [],
    }  # fmt: skip
    assert image["name"] == "r.example/x:1"
    assert [(one["node"], bool(one["digest"]), one["runs"]) for one in image["nodes"]] == [
        ("lin", True, True),
        ("win", False, False),
    ]
    digest, reason = (
        image["nodes"][0]["digest"],
        "containerd 2.0 takes linux/amd64, which is for its processor",
    )
    assert workload == {
        "kind": "Pod", "namespace": "", "name": "p", "file": "pod.yaml", "line": 1, "verdict": "runs", "errors": 0,
        "nodes": [{"node": "lin", "runs": True, "refused": "", "containers": [
            {"name": "c", "image": "r.example/x:1", "init": False, "digest": digest, "runs": True, "reason": reason}]}],
        "kept_off": [{"node": "win", "reason": "nodeSelector asks for kubernetes.io/os=linux"}],
    }  # fmt: skip


def test_verdicts_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Nowhere, not known, not at all, and what has errors of its own."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    specs = [
        "{nodeName: gone, containers: [{name: c, image: r.example/x:1}]}",
        "{containers: [{name: c, image: r.example/y}]}",
        "{nodeName: win, os: {name: linux}, containers: [{name: c, image: r.example/x:1}]}",
        "{hostNetwork: 5, containers: [{name: c, image: r.example/x:1}]}",
    ]
    Path("pod.yaml").write_text(
        "---\n".join(
            f"{{apiVersion: v1, kind: Pod, metadata: {{name: p{n}}}, spec: {spec}}}\n"
            for n, spec in enumerate(specs)
        )
    )
    ran = Ran(capsys, *NODES, "--manifests", "pod.yaml", "--image", "r.example/x:1=oci:x", "--only-refs")
    rows = [
        re.split(r"\s{2,}", line.strip()) for line in ran.out.splitlines() if line.strip().startswith("Pod")
    ]
    assert rows == [
        ["Pod p0", "pod.yaml:1", "–", "–", "no node takes it"],
        ["Pod p1", "pod.yaml:3", "–", "–", "not known on lin, win: images were not looked at"],
        ["Pod p2", "pod.yaml:5", "–", "win", "does not run"],
        ["Pod p3", "pod.yaml:7", "lin, win", "–", "has errors"],
    ]


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For nodes or for manifests, not for both."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(nodes_json(windows_json("piped")))))
    assert "piped" in Ran(capsys, "oci:x", "--nodes", "-").out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(POD.replace("v1", "[").encode())))
    ran = Ran(capsys, *NODES, "--manifests", "-", "--only-refs")
    assert ran.code == 2
    assert ran.err.startswith("standard input:")
    ran = Ran(capsys, "--nodes", "-", "--manifests", "-")
    assert (ran.code, ran.err) == (
        2,
        "error: two arguments read standard input: write one of them to a file\n",
    )


def test_kinds_of_clusters_and_files_are_joined(capsys: pytest.CaptureFixture[str]) -> None:
    """Each node once."""
    put_layout(Path("x"), "linux/amd64", "windows/amd64:10.0.26100.1", RELEASE)
    ran = Ran(capsys, "oci:x", *NODES, *NODES, "--nodes", "aks-ltsc2022,aks-ltsc2025", "--json")
    names = [node["name"] for node in ran.document["nodes"]]
    assert names == [
        "lin", "win", "aks-ltsc2022-linux", "aks-ltsc2022-containerd-1.6.35", "aks-ltsc2022-containerd-1.7.20",
        "aks-ltsc2022-containerd-2.0.4", "aks-ltsc2025-linux", "aks-ltsc2025-containerd-2.0.4",
    ]  # fmt: skip
    assert ran.code == 0


KNOWN = "aks-ltsc2022, aks-ltsc2025, k2s"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["oci:x"], f"there are no nodes to look at: name a file with --nodes, or one of {KNOWN}"),
        (["--nodes", "k2s"], "there is nothing to look at: name images, or manifests with --manifests"),
        (["oci:x", "--nodes", "aks-2022"], f"aks-2022 is neither a file nor a kind of cluster: known are {KNOWN}: write a file with kubectl get nodes -o json > nodes.json"),
        (["oci:x", "--nodes", "k2s,aks"], f"aks is neither a file nor a kind of cluster: known are {KNOWN}: write a file with kubectl get nodes -o json > nodes.json"),
        (["--nodes", "k2s", "--manifests", "gone"], "gone is not there: name a file or folder of manifests"),
        (["--nodes", "k2s", "--manifests", "empty"], "there is no manifest in empty: name files, or a folder with YAML in it"),
        (["--nodes", "k2s", "--image", "x"], "--image x names no image and reference: write --image NAME=REF"),
        (["--nodes", "k2s", "--image", "A=oci:x"], "reference 'A' has upper-case letters in its repository: write it in lower case: write --image NAME=REF with the name that manifests use"),
        (["oci:x", "--nodes", "k2s", "--sarif", "empty"], "--sarif empty cannot be written: name a file in a folder that is there"),
        (["oci:x", "--nodes", "k2s", "--sarif", "gone/x.sarif"], "--sarif gone/x.sarif cannot be written: name a file in a folder that is there"),
        (["oci:gone", "--nodes", "k2s"], "gone is not an OCI image layout: name a folder that holds an oci-layout file"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ends with 2 and a sentence."""
    put_layout(Path("x"), "linux/amd64")
    Path("empty").mkdir()
    ran = Ran(capsys, *arguments)
    assert (ran.code, ran.err) == (2, f"error: {sentence}\n")


def test_every_broken_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, before anything is looked at; SARIF has them, too."""
    Path("m").mkdir()
    Path("m/a.yaml").write_text("a: b: c\n")
    Path("m/b.yaml").write_text("name: {{ .Values.name }}\n")
    ran = Ran(capsys, *NODES, "--manifests", "m", "--sarif", "found.sarif")
    assert ran.code == 2
    assert [line.partition(" error: ")[0] for line in ran.err.splitlines()] == [
        "m/a.yaml:1:5:",
        "m/b.yaml:1:7:",
    ]
    results = json.loads(Path("found.sarif").read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["syntax", "helm-template"]


def test_a_name_that_is_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    """Or one that a template would fill in."""
    Path("pod.yaml").write_text(
        POD.replace("r.example/x:1", "Acme/Web")
        + "---\n"
        + POD.replace("r.example/x:1", "'{{ .Values.image }}'")
    )
    ran = Ran(capsys, *NODES, "--manifests", "pod.yaml", "--only-refs")
    first, second, _ = ran.err.splitlines()
    assert (
        first.startswith("pod.yaml:4:38: error: Pod p: reference 'Acme/Web' names the registry 'Acme'")
        or "upper-case" in first
    )
    assert second.startswith(
        "pod.yaml:9:38: error: Pod p: reference '{{ .Values.image }}' has a space or line break in it: remove it: render the template first"
    )
    assert ran.code == 4


def test_commands_that_name_files_which_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """In pages beside the manifests."""
    Path("m/sub").mkdir(parents=True)
    Path("m/client.yaml").write_text(POD)
    Path("m/README.md").write_text(
        "    kubectl apply -f client.yaml -f m/client.yaml\n    kubectl apply -f policy-server.yml\n"
    )
    Path("m/sub/more.md").write_text("kubectl apply -f client.yaml\n")
    ran = Ran(capsys, *NODES, "--manifests", "m", "--only-refs")
    assert (ran.code, ran.err.replace(SKIPPED, "")) == (
        0,
        "m/README.md:2:22: warning: a command applies policy-server.yml, which is not there: write the name of the file that is meant\n",
    )


SKIPPED = "m/client.yaml:4:38: note: Pod p: r.example/x:1 is not looked at: no reference on the command line stands for it: name it, or leave --only-refs out\n"


def test_manifests_that_run_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Are warned of; an empty one, such as what a failed command leaves, is refused."""
    Path("m.yaml").write_text("kind: Service\n")
    ran = Ran(capsys, *NODES, "--manifests", "m.yaml")
    assert (ran.code, ran.err) == (0, "warning: nothing in m.yaml runs pods: name other manifests, too\n")
    Path("m.yaml").write_text("")
    ran = Ran(capsys, *NODES, "--manifests", "m.yaml")
    assert (ran.code, ran.err) == (
        2,
        "error: there is nothing in m.yaml: name manifests that hold something\n",
    )


def test_a_node_that_is_left_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """And the others are looked at."""
    put_layout(Path("x"), "linux/amd64")
    Path("nodes.json").write_bytes(nodes_json(node_json("lin"), node_json("aci", containerRuntimeVersion="")))
    ran = Ran(capsys, "oci:x", *NODES)
    assert ran.code == 0
    assert ran.err == (
        "nodes.json: warning: node aci is not looked at: status.nodeInfo.containerRuntimeVersion must not be empty: "
        "it has just joined, or is no machine with a container runtime\n"
    )


def test_annotations_beside_the_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under GitHub Actions findings are annotations, with `--json` too."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    put_layout(Path("x"), "windows/amd64:10.0.26100.1")
    ran = Ran(capsys, "oci:x", *NODES, "--json")
    assert ran.document["findings"][0]["code"] == "does-not-run"
    assert ran.err.startswith("::error file=oci%3Ax,title=does-not-run::it does not run on win")


def test_the_windows_config_of_an_image_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    """As `check` does: a single image without an index, too."""
    put_layout(Path("x"), "windows/amd64")
    ran = Ran(capsys, "oci:x", *NODES)
    assert ran.code == 0
    assert "has no os.version, so that nodes of any build take it" in ran.err
    index = json.loads(Path("x/index.json").read_text())
    manifest = json.loads(Path("x/blobs/sha256", index["manifests"][0]["digest"][7:]).read_text())[
        "manifests"
    ][0]
    ran = Ran(capsys, f"oci:x@{manifest['digest']}", *NODES)
    assert (ran.code, ran.err) == (0, "")


def test_the_page_lists_every_code() -> None:
    """A row each, with the severity of the table of rules."""
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z]+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(rows) == {rule.code for rule in RULES} | set(OTHER_CODES)
    assert {rule.code: rows[rule.code] for rule in RULES} == {rule.code: rule.severity for rule in RULES}


def test_a_proxy_image_among_the_references(capsys: pytest.CaptureFixture[str]) -> None:
    """Is known by its index and not by its name."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    put_layout(Path("proxy"), "linux/amd64")
    note = "metadata: {name: p, annotations: {linkerd.io/inject: enabled, config.linkerd.io/proxy-image: r.example/proxy}}"
    Path("pod.yaml").write_text(POD.replace("metadata: {name: p}", note))
    images = ["--image", "r.example/x=oci:x", "--image", "r.example/proxy=oci:proxy"]
    ran = Ran(capsys, *NODES, "--manifests", "pod.yaml", *images)
    assert ran.code == 4
    assert ran.err.startswith(
        "pod.yaml:3:94: error: Pod p: its proxy image r.example/proxy is for linux, and it may land on win: "
        "add nodeSelector: {kubernetes.io/os: linux}, or leave the annotation out\n"
    )


def test_a_pipe_is_a_file_too(capsys: pytest.CaptureFixture[str]) -> None:
    """As `--nodes <(kubectl get nodes -o json) --manifests <(helm template .)` makes them."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    for name, content in (("nodes", Path("nodes.json").read_bytes()), ("pods", POD.encode())):
        os.mkfifo(name)
        threading.Thread(target=Path(name).write_bytes, args=(content,)).start()
    ran = Ran(capsys, "--image", "r.example/x=oci:x", "--nodes", "nodes", "--manifests", "pods")
    assert (ran.code, ran.err) == (0, "")


def test_parts_for_kustomize_are_no_manifests_yet(capsys: pytest.CaptureFixture[str]) -> None:
    """What it makes of them counts; that is said beside what is wrong with the parts."""
    put_layout(Path("x"), "linux/amd64", RELEASE)
    Path("k").mkdir()
    Path("k/kustomization.yaml").write_text("resources: [pod.yaml]\n")
    Path("k/pod.yaml").write_text(POD)
    ran = Ran(capsys, "--image", "r.example/x=oci:x", *NODES, "--manifests", "k")
    assert ran.code == 0
    assert ran.err == (
        "k/kustomization.yaml: warning: the manifests of this folder are parts for kustomize, and what it makes of "
        "them counts: build it first: kubectl kustomize k | buildtools preflight --manifests - --nodes FILE\n"
    )


def test_an_image_of_the_command_line_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing would run."""
    put_layout(Path("x"), "linux/amd64")
    ran = Ran(capsys, "oci:x:gone", *NODES)
    assert ran.code == 4
    assert ran.err.startswith("error: x has no image named 'gone'")


def test_an_image_that_does_not_say_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """No entry is for any node."""
    from buildtools.oci.documents import Index
    from buildtools.stores.layout import Layout

    put_layout(Path("x"), "linux/amd64")
    layout = Layout(Path("x"))
    _, raw = layout.get_manifest(layout.entries()[0].digest)
    silent = Index.build(manifests=[replace(Index.parse(raw).manifests[0], platform=None)])
    layout.put_manifest(silent.raw, silent.media_type, tag="silent")
    ran = Ran(capsys, "oci:x:silent", *NODES)
    assert ran.err.splitlines()[-2] == (
        "oci:x:silent: error: no node runs it: none of its entries says what it is for: "
        "build the index from the images' configs"
    )
    assert ran.code == 4


def test_a_node_that_takes_the_wrong_entry_needs_no_further_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What is there would do in another order, or in an index without what is taken."""
    newest = "windows/amd64:10.0.26100.1"
    put_layout(Path("x"), "linux/amd64", newest, RELEASE)
    Path("nodes.json").write_bytes(nodes_json(windows_json("win", "10.0.26200.1")))
    ran = Ran(capsys, "oci:x", *NODES)
    assert ran.err.splitlines()[0].endswith(
        f": give these nodes an index without {newest} under a name of its own, or keep its workloads off them"
    )
    Path("p.yaml").write_text(POD)
    ran = Ran(capsys, "--image", "r.example/x=oci:x", *NODES, "--manifests", "p.yaml")
    assert ran.err.splitlines()[0].endswith(
        f"although {RELEASE} does: give these nodes an index without {newest} under a name of its own"
    )
