# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The pull faults that the reference measured on other clients, where bases are read for a publish.

The layers of a base are not in the layout: they are read from the base's registry while an index is published.
What was read wrong must never reach the registry that is written to.
"""

import json
from dataclasses import dataclass, replace

import pytest

from tests.fakes import proxy as faults
from tests.fakes.proxy import ALWAYS, Fault, Proxy, Rule
from tests.integration.faults.conftest import Lab

BLOB = r"^GET .*/blobs/sha256"
MANIFEST = r"^GET .*/manifests/"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row of the table: the faults, how long is waited at the least, and how often a blob is asked for."""

    rules: tuple[Rule, ...]
    waits: float = 0.5


RECOVERED: dict[str, Case] = {
    "PULL-01": Case(rules=(Rule(pattern=BLOB, fault=faults.cut_answer(50)),)),
    "PULL-02": Case(rules=(Rule(pattern=BLOB, fault=faults.cut_answer(50), times=2),)),
    "A21": Case(
        rules=(Rule(pattern=BLOB, fault=faults.header("Content-Encoding", "gzip"), times=ALWAYS),), waits=0.0
    ),
    "PULL-07": Case(rules=(Rule(pattern=BLOB, fault=faults.status(503)),)),
}


@pytest.mark.parametrize("name", RECOVERED)
def test_a_read_survives(name: str, lab: Lab) -> None:
    """Exit code 0, and the base's layers are in the published index byte for byte."""
    case = RECOVERED[name]
    path = lab.place(old="latest")
    lab.source.reset(*(replace(rule) for rule in case.rules))
    said = lab.publish(path)
    assert (said.code, said.err) == (0, "")
    assert lab.state(path) == lab.digest()
    assert sum(lab.clock.slept) >= case.waits


def test_a_server_that_ignores_ranges_is_read_over(lab: Lab) -> None:
    """PULL-09: after a cut the whole blob comes again, and what is there already is skipped."""
    path = lab.place(old="latest")
    layer = f"^GET .*/blobs/{base_layer(lab)}"
    cut = Rule(pattern=layer, fault=faults.cut_answer(50))
    lab.source.reset(cut, Rule(pattern=layer, fault=Fault(forgets=frozenset({"range"})), times=ALWAYS))
    assert lab.publish(path).code == 0
    asked = [passed for passed in lab.source.log if base_layer(lab) in passed.target]
    assert [passed.headers.get("range") for passed in asked] == [None, "bytes=50-"]
    assert [passed.status for passed in asked] == [200, 200]
    assert lab.state(path) == lab.digest()


def test_a_blob_may_be_on_another_host(lab: Lab) -> None:
    """PULL-08: a redirect is followed, and no credentials go along."""
    path = lab.place(old="latest")
    with Proxy(lab.source.upstream) as storage:
        port = storage.host.rpartition(":")[2]
        layer = base_layer(lab)
        lab.source.reset(
            Rule(
                pattern=f"^GET .*/blobs/{layer}",
                fault=faults.redirect(f"http://localhost:{port}/v2/mcr/windows/nanoserver/blobs/{layer}"),
            )
        )
        assert lab.publish(path).code == 0
        assert [passed.line for passed in storage.log] == [f"GET /v2/mcr/windows/nanoserver/blobs/{layer}"]
        assert "authorization" not in storage.log[0].headers
    assert lab.state(path) == lab.digest()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A row that cannot end well: the fault, the exit code, and the sentence."""

    fault: Fault
    code: int
    says: str


SPOILT: dict[str, Failure] = {
    "PULL-03": Failure(
        fault=Fault(received=faults.flipped(10)),
        code=4,
        says="error: The bytes of blob {layer} in {mirror} have digest {found}: "
        "they were damaged or replaced; delete that copy and fetch or build it again\n",
    ),
    "PULL-05": Failure(
        fault=Fault(status=200, body=b"x" * 5000),
        code=4,
        says="error: Blob {layer} in {mirror} has 5000 bytes, its descriptor says {size}: "
        "it was cut off or replaced; delete that copy and fetch or build it again\n",
    ),
    "E04": Failure(
        fault=faults.error(404, "BLOB_UNKNOWN"),
        code=1,
        says="error: Blob {layer} of {mirror} was not found (BLOB_UNKNOWN: so it is): "
        "copy it to {host}/mcr/windows/nanoserver, or take that mirror out of the settings\n",
    ),
    "A10": Failure(
        fault=faults.cut_answer(20),
        code=6,
        says="error: {host} (the mirror of mcr.microsoft.com/windows/nanoserver) cut the connection: "
        "check the network; it is safe to run the command again\n",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_was_read_wrong_is_not_published(name: str, lab: Lab) -> None:
    """The sentence names the mirror, the tag stays, and no session for the blob is committed."""
    case = SPOILT[name]
    path, layer = lab.place(old="latest"), base_layer(lab)
    lab.source.reset(Rule(pattern=f"^GET .*/blobs/{layer}", fault=case.fault, times=ALWAYS))
    said = lab.publish(path)
    words = {
        "layer": layer,
        "host": lab.source.host,
        "size": str(sizes(lab)[layer]),
        "mirror": "mcr.microsoft.com/windows/nanoserver "
        f"(read from its mirror {lab.source.host}/mcr/windows/nanoserver)",
        "found": found_in(said.err),
    }
    assert (said.err, said.code) == (case.says.format_map(words), case.code)
    assert lab.state(path) == "old"
    committed = [passed for passed in lab.proxy.log if layer[7:] in passed.target and passed.status == 201]
    assert committed == []
    lab.source.reset()
    assert lab.publish(path).code == 0
    assert lab.state(path) == lab.digest()


def found_in(text: str) -> str:
    """The digest that a sentence says to have found."""
    return text.partition("have digest ")[2][:71]


def sizes(lab: Lab) -> dict[str, int]:
    """Digest to size of each layer of the image's Windows entries."""
    index = json.loads(lab.blob(lab.digest()))
    manifests = [json.loads(lab.blob(entry["digest"])) for entry in index["manifests"][2:]]
    return {layer["digest"]: layer["size"] for manifest in manifests for layer in manifest["layers"]}


def base_layer(lab: Lab) -> str:
    """The digest of the first layer of the newest Windows entry: its base's, which the layout has not."""
    return next(iter(sizes(lab)))


DOCUMENTS: dict[str, Failure] = {
    "PULL-04": Failure(
        fault=Fault(received=faults.flipped(40)),
        code=4,
        says="error: The bytes of manifest {child} in {name} have digest {found}: "
        "they were damaged or replaced; delete that copy and fetch or build it again\n",
    ),
    "PULL-10": Failure(
        fault=faults.status(200, body=b" " * (64 * 1024 * 1024), Content_Type=INDEX_TYPE),
        code=1,
        says="error: Manifest {name}:latest has more than 4194304 bytes, registries and nodes take at most 4194304: "
        "it has too many entries, layers or annotations\n",
    ),
    "PULL-11": Failure(
        fault=faults.status(200, body=b'{"a":' * 200_000 + b"}" * 200_000, Content_Type=INDEX_TYPE),
        code=4,
        says="error: Manifest {name}:latest cannot be used: the manifest or index nests deeper than 32 levels\n",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_is_wrong_is_refused(name: str, lab: Lab) -> None:
    """`inspect` of a reference: altered, too large and too deep documents end as a sentence."""
    case = DOCUMENTS[name]
    path = lab.place()
    assert lab.publish(path).code == 0
    child = json.loads(lab.blob(lab.digest()))["manifests"][0]["digest"] if name == "PULL-04" else "latest"
    lab.proxy.reset(Rule(pattern=f"^GET .*/manifests/{child}", fault=case.fault, times=ALWAYS))
    # Some registries let HEAD say nothing; with a complete answer to it GET would not be needed.
    lab.proxy.rules.append(Rule(pattern="^HEAD", fault=faults.status(405), times=ALWAYS))
    said = lab.run("inspect", f"{lab.proxy.host}/{path}/hello:latest")
    words = {"name": f"{lab.proxy.host}/{path}/hello", "child": child, "found": found_in(said.err)}
    assert (said.err, said.code) == (case.says.format_map(words), case.code)


def test_a_manifest_after_a_pause(lab: Lab) -> None:
    """PULL-06: 429 with Retry-After is waited for."""
    path = lab.place()
    assert lab.publish(path).code == 0
    lab.proxy.reset(Rule(pattern=MANIFEST, fault=faults.status(429, Retry_After="2")))
    assert lab.run("inspect", f"{lab.proxy.host}/{path}/hello:latest").code == 0
    assert lab.clock.slept == [2.5]
