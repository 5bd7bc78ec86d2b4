"""Tags, registries and blobs that come and go in a publish: order, reports, and the next run."""

import http.client
import json

import pytest

from tests.fakes import proxy as faults
from tests.fakes.proxy import ALWAYS, Fault, Passed, Rule
from tests.integration.faults.conftest import Lab

TAGS = ("--tag", "1.0.0", "--tag", "1.0", "--tag", "latest")


def states(lab: Lab, path: str) -> list[str]:
    """What each of the tags is on."""
    return [lab.state(path, tag) for tag in TAGS[1::2]]


def test_one_tag_of_three_fails(lab: Lab) -> None:
    """D06: the sentence names the one, the others are set, and the next run sets the rest."""
    path, digest = lab.place(old="latest"), lab.digest()
    lab.proxy.reset(Rule(pattern="^PUT .*/manifests/1.0$", fault=faults.error(403, "DENIED"), times=ALWAYS))
    said = lab.publish(path, *TAGS)
    host = lab.proxy.host
    assert said.code == 9
    assert said.err == (
        f"error: {host} denies manifest {host}/{path}/hello:1.0 (DENIED: so it is): "
        f"run `docker login {host}`, and check that the account may use that repository\n"
        "error: 1 of 3 tags were not set: what is missing is sent when it is run again\n"
    )
    assert states(lab, path) == [digest, "absent", digest]
    lab.proxy.reset()
    assert lab.publish(path, *TAGS).code == 0
    assert states(lab, path) == [digest] * 3
    assert not [line for line in lab.proxy.lines() if line.startswith("POST")]


@pytest.mark.parametrize("down", [0, 1])
def test_one_registry_of_two_is_down(down: int, lab: Lab) -> None:
    """D07: the other one has everything, the exit code is 9, and the next run does the rest alone."""
    path, digest = lab.place(), lab.digest()
    proxies = [lab.proxy, lab.other]
    places = [word for proxy in proxies for word in ("--to", f"{proxy.host}/{path}")]
    proxies[down].reset(Rule(pattern=".", fault=faults.status(503), times=ALWAYS))
    said = lab.at("publish", "hello", "--json", *places)
    assert said.code == 9
    assert [one["repository"] for one in said.document["published"]] == [
        f"{proxies[1 - down].host}/{path}/hello"
    ]
    assert len(said.document["failures"]) == 1
    found = [lab.state(path, host=proxy.upstream) for proxy in proxies]
    assert found[1 - down] == digest
    assert found[down] == "absent"
    for proxy in proxies:
        proxy.reset()
    assert lab.at("publish", "hello", *places).code == 0
    assert [lab.state(path, host=proxy.upstream) for proxy in proxies] == [digest] * 2
    assert proxies[1 - down].lines() == [f"HEAD /v2/{path}/hello/manifests/latest"]


def test_a_blob_that_is_swept_before_the_tag(lab: Lab) -> None:
    """D13: what a registry loses between upload and tag leaves the tag; the next run sends it again."""
    path = lab.place(old="latest")
    index = json.loads(lab.blob(lab.digest()))
    config = json.loads(lab.blob(index["manifests"][0]["digest"]))["config"]["digest"]

    def sweep(_: Passed) -> None:
        connection = http.client.HTTPConnection(lab.registry.host, timeout=30)
        connection.request("DELETE", f"/v2/{path}/hello/blobs/{config}")
        assert connection.getresponse().status in {202, 404}
        connection.close()

    lab.proxy.reset(Rule(pattern="^PUT .*/manifests/sha256", fault=Fault(act=sweep), times=ALWAYS))
    said = lab.publish(path)
    host = lab.proxy.host
    assert said.code == 1
    assert said.err.startswith(f"error: {host} answered 4")
    assert "BLOB_UNKNOWN" in said.err
    assert said.err.endswith(": it is safe to run the command again\n")
    assert lab.state(path) == "old"
    lab.proxy.reset()
    assert lab.publish(path).code == 0
    assert lab.state(path) == lab.digest()


def test_nothing_is_mounted_from_another_registry(lab: Lab) -> None:
    """B05: a mount is asked for where the base is in the same registry, and nowhere else."""
    path = lab.place()
    assert lab.publish(path).code == 0
    assert not [line for line in lab.proxy.lines() if "mount=" in line]


def test_a_blob_of_two_images_is_sent_once_to_each(lab: Lab) -> None:
    """B16: a layer that all Windows entries share goes over the network once."""
    path = lab.place()
    assert lab.publish(path).code == 0
    puts = [
        line.rpartition("digest=")[2]
        for line in lab.proxy.lines()
        if line.startswith("PUT /v2/") and "digest=" in line
    ]
    assert len(puts) == len(set(puts)) == 10
    assert lab.state(path) == lab.digest()


def test_a_join_needs_every_part(lab: Lab) -> None:
    """D09: a part that no job has pushed is named, the tag stays; a part that nobody named is found later."""
    path = lab.place(old="1", image="joined")
    assert lab.publish(path).code == 0
    hello, joined = (f"{lab.proxy.host}/{path}/{name}" for name in ("hello", "joined"))
    entries = json.loads(lab.blob(lab.digest()))["manifests"]
    parts = [f"{hello}@{entry['digest']}" for entry in entries[:-1]]
    said = lab.run("index", "create", f"{joined}:1", *parts, f"{hello}:windows-2019")
    assert said.code == 1
    assert said.err.startswith(f"error: Manifest {hello}:windows-2019 was not found")
    assert lab.state(path, "1", image="joined") == "old"
    assert lab.run("index", "create", f"{joined}:1", *parts).code == 0
    definition = lab.root / "images" / "hello" / "image.yaml"
    said = lab.run("verify", f"{joined}:1", "--expect", str(definition), "--json")
    assert said.code == 4
    assert [one["code"] for one in said.document["findings"] if one["severity"] == "error"] == [
        "expect-missing"
    ]
