"""Several publishers of different contents on one tag, and several runs on one folder."""

import json
import shutil
from pathlib import Path

import pytest

from buildtools.stores.referrers import fallback_tag
from tests.fakes import oracle
from tests.fakes.forks import Ended, Running
from tests.fakes.promotions import IMAGES, INDEX, PROVENANCE, referrer
from tests.integration.faults.conftest import Lab
from tests.integration.faults.works import fill, put_referrers

PUBLISHERS = 3
ELSE = "somebody else publishes under this tag: run again, or use another tag"


@pytest.fixture(scope="module")
def versions(built: Lab, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """The project in several versions, each built: project and dist folders."""
    found = []
    for number in range(PUBLISHERS):
        folder = tmp_path_factory.mktemp("version")
        root, dist = folder / "project", folder / "dist"
        shutil.copytree(built.root, root)
        (root / "images" / "hello" / "conf" / "one.txt").write_text(f"version {number}\n")
        done = built.forks.run(
            "build", "hello", "-q", "--dist", str(dist), cwd=root, environment=built.environment
        )
        assert done.code == 0, done.err
        found.append((root, dist))
    return found


def test_publishers_on_one_tag(lab: Lab, versions: list[tuple[Path, Path]], everything: bool) -> None:
    """D08: the tag ends on the whole index of one that says so, and no publisher tells what is not true."""
    for _ in range(300 if everything else 6):
        path = lab.place(old="latest")
        lab.proxy.reset()
        place = f"{lab.proxy.host}/{path}"
        runs = [
            lab.forks.start(
                "publish", "hello", "-q", "--json", "--to", place, "--dist", str(dist),
                cwd=root, environment=lab.environment,
            )
            for root, dist in versions
        ]  # fmt: skip
        ends = [run.wait() for run in runs]
        final = lab.state(path)
        told = [published(ended) for ended in ends]
        assert final in told
        for ended, digest in zip(ends, told, strict=True):
            if digest:
                # Whoever says so has been there: all of it can be read by digest, whose the tag is now.
                assert oracle.complete(lab.registry.host, f"{path}/hello", digest) == digest
            else:
                assert (ended.code, ELSE in ended.err + ended.out) == (4, True), ended


def published(ended: Ended) -> str:
    """The digest that a run says to have published; empty where it failed."""
    return str(json.loads(ended.out)["published"][0]["digest"]) if ended.code == 0 else ""


def test_two_runs_on_one_folder(lab: Lab, tmp_path: Path, everything: bool) -> None:
    """F04: both build into the same layout at once; both publish the same whole index."""
    for number in range(20 if everything else 2):
        path, dist = lab.place(old="latest"), tmp_path / f"{number}"
        runs: list[Running] = [lab.start(path, dist=dist) for _ in range(2)]
        ends = [run.wait() for run in runs]
        assert [(ended.code, ended.err) for ended in ends] == [(0, ""), (0, "")]
        assert lab.state(path) == lab.digest()


def test_a_tag_that_goes_back_and_forth_stays_whole(lab: Lab, versions: list[tuple[Path, Path]]) -> None:
    """D16: what is published already costs one request, and a return to it sends no blob again."""
    path = lab.place()
    place = f"{lab.proxy.host}/{path}"
    for root, dist in (*versions, *versions):
        lab.proxy.reset()
        said = lab.run("publish", "hello", "--to", place, "-C", str(root), "--dist", str(dist))
        assert said.code == 0
        assert (
            lab.state(path)
            == json.loads((dist / "oci/hello/index.json").read_text())["manifests"][0]["digest"]
        )
    assert not [line for line in lab.proxy.lines() if line.startswith(("POST", "PATCH"))]
    lab.proxy.reset()
    assert said.code == lab.run("publish", "hello", "--to", place, "-C", str(root), "--dist", str(dist)).code
    assert len(lab.proxy.log) == 1


def test_promotions_to_one_list_of_referrers(lab: Lab, everything: bool) -> None:
    """D14: the list names nothing that is not there, and once both have run alone it names all."""
    mine = [PROVENANCE, *(referrer(INDEX.descriptor, f"scan {number}".encode()) for number in range(2))]
    tag = fallback_tag(INDEX.descriptor.digest)
    for number, item in enumerate(mine):
        name = f"races/source{number}"
        fill(lab.vendor, name, IMAGES, INDEX, tag="1.0")
        put_referrers(lab.vendor, name, item)
    for _ in range(100 if everything else 4):
        name = f"{lab.place()}/app"
        commands = [
            ("promote", f"{lab.source.host}/races/source{number}:1.0", f"{lab.proxy.host}/{name}", "-q")
            for number in range(len(mine))
        ]
        runs = [lab.forks.start(*words, cwd=lab.root, environment=lab.environment) for words in commands]
        assert [(ended.code, ended.err) for ended in [run.wait() for run in runs]] == [(0, "")] * len(mine)
        assert oracle.complete(lab.registry.host, name, "1.0") == INDEX.descriptor.digest
        assert oracle.complete(lab.registry.host, name, tag)
        for words in commands:
            assert lab.run(*words[:-1]).code == 0
        named = {entry["digest"] for entry in oracle.named(lab.registry.host, name, tag)}
        assert named == {item.manifest.descriptor.digest for item in mine}
