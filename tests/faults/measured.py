"""What other clients did under the same faults, measured once; facts for the reference page.

Measured in November 2026 with a fault proxy in front of docker-registry 2.8.2, one fault a run. Pushed was a
mixed index of five entries with a layer of 6 MiB (BuildKit pushes what it builds: two Linux entries).
"""

from typing import Final, NamedTuple

CLIENTS: Final = {
    "crane": "google/go-containerregistry of 2026-08-21",
    "BuildKit": "moby/buildkit of 2026-08-21, the engine of `docker buildx --push`",
    "regctl": "regclient/regclient of 2026-07-01",
    "skopeo": "1.22-dev of 2026-04-30, without and with `--retry-times 3`",
    "oras-py": "0.2.43",
    "dxf": "python-dxf 12.1.1",
}
WORDS: Final = {
    "OK": "published with the right digest; pull: read",
    "F": "failed, no tag",
    "WRONG": "exit code 0 with another digest under the tag",
    "LOST": "a failure is told, though it is published",
    "HANG": "not ended after 30 seconds",
    "error": "a failure is told, and the index is under the tag",
    "leaks": "published, and the log-in was sent to the other host",
    "refuses": "failed, as it must",
    "–": "never makes that request, or was not measured",
}


class Push(NamedTuple):
    """One fault, what should come of it, what comes of it here, and what came of it with others."""

    id: str
    fault: str
    right: str
    ours: str
    crane: str
    buildkit: str
    regctl: str
    skopeo: str
    retrying: str
    oras: str
    dxf: str


class Pull(NamedTuple):
    """The same for a read."""

    id: str
    fault: str
    right: str
    ours: str
    crane: str
    skopeo: str
    retrying: str
    regctl: str


PUSHES: Final = tuple(
    Push(*(cell.strip() for cell in line.split("|")))
    for line in """\
PUSH-01|503 once to the POST of an upload|OK|OK|OK|OK|OK|F|OK|F|F
PUSH-02|500 once to a blob's bytes|OK|OK|OK|OK|OK|F|F|OK|F
PUSH-03|502 with a page to a blob's bytes|OK|OK|OK|OK|OK|F|OK|F|F
PUSH-04|429 with `Retry-After: 2` to the tag|OK after 2 s|OK|OK|OK|OK|WRONG|WRONG|F|F
PUSH-05|429 to HEAD of a blob|OK|OK|OK|OK|OK|OK|OK|OK|F
PUSH-06|429 to a blob's bytes|OK|OK|OK|OK|OK|F|OK|F|F
PUSH-07|reset in the middle of a body|OK|OK|OK|OK|OK|F|OK|OK|F
PUSH-08|the answer to a blob's commit is lost|OK|OK|OK|OK|F|F|OK|F|F
PUSH-09|the answer to the tag is lost|OK|OK|OK|OK|OK|WRONG|WRONG|OK|LOST
PUSH-10|404 BLOB_UPLOAD_UNKNOWN once|OK|OK|F|F|OK|F|OK|F|F
PUSH-11|HEAD of blobs always 403|OK|OK|F|F|HANG|F|F|HANG|F
PUSH-12|HEAD of a missing manifest 403|OK|OK|OK|F|HANG|OK|OK|OK|OK
PUSH-13|HEAD always 405|OK|OK|F|F|HANG|F|F|OK|F
PUSH-14|PATCH answers 201|OK|OK|OK|–|OK|OK|OK|OK|OK
PUSH-15|416 to a PATCH above a limit|OK|OK|F|–|OK|F|F|OK|OK
PUSH-16|one entry's manifest always 500|F|F|F|F|F|F|F|HANG|F
PUSH-17|one layer always reset|F|F|F|F|HANG|F|F|HANG|F
PUSH-18|a token dies after 8 requests|OK|OK|OK|OK|F|F|F|F|–
PUSH-19|a token that is good for one request|OK, or F by name|OK|F|F|F|F|F|F|–
PUSH-20|another Docker-Content-Digest to the tag|OK|OK|OK|error|error|OK|OK|OK|OK
PUSH-21|DIGEST_INVALID once|OK|OK|F|F|OK|F|OK|F|F
PUSH-22|Location missing once|OK|OK|F|F|OK|F|F|F|F
PUSH-23|Location on another host|OK|OK|OK|–|OK|leaks|leaks|leaks|–
PUSH-24|the first two connections reset|OK|OK|OK|OK|OK|F|OK|OK|F
PUSH-25|429 six times without Retry-After|OK|OK|F|F|F|F|F|F|F
PUSH-26|503 twice|OK|OK|OK|OK|OK|F|OK|F|F
""".splitlines()
)

PULLS: Final = tuple(
    Pull(*(cell.strip() for cell in line.split("|")))
    for line in """\
PULL-01|a blob is cut and reset, once|OK|OK|F|OK|OK|F
PULL-02|a blob is cut and reset, twice|OK|OK|F|F|OK|F
PULL-03|one bit of a blob changed, always|refuses|refuses|refuses|refuses|refuses|refuses
PULL-04|a manifest altered|refuses|refuses|refuses|refuses|refuses|refuses
PULL-05|a body longer than declared|refuses|refuses|refuses|refuses|refuses|refuses
PULL-06|429 with `Retry-After: 2` to a manifest|OK|OK|OK|OK|OK|OK
PULL-07|503 to a blob, once|OK|OK|OK|OK|OK|F
PULL-08|a blob redirected to another host|OK|OK|OK|OK|OK|OK
PULL-09|Range ignored after a cut|OK|OK|F|F|OK|F
PULL-10|a manifest of 64 MiB|refuses|refuses at 4 MiB|reads it|refuses at 4 MiB|refuses|refuses at 8 MiB
PULL-11|JSON 200,000 levels deep|refuses|refuses|refuses|refuses|refuses|refuses
""".splitlines()
)

_TABLE: Final = "integration/faults/test_push_table.py::test_a_publish_"
_READS: Final = "integration/faults/test_pull_table.py::test_"
SHOWN: Final = {
    **{push.id: f"{_TABLE}{'fails' if push.ours == 'F' else 'survives'}[{push.id}]" for push in PUSHES},
    "PUSH-23": "integration/faults/test_push_table.py::test_another_host_gets_the_bytes_and_no_credentials",
    **dict.fromkeys(
        ("PUSH-18", "PUSH-19"), "integration/test_registry_pushes.py::test_a_token_dies_on_the_way"
    ),
    **dict.fromkeys(("PULL-01", "PULL-02", "PULL-07"), f"{_READS}a_read_survives[{{}}]"),
    **dict.fromkeys(("PULL-03", "PULL-05"), f"{_READS}what_was_read_wrong_is_not_published[{{}}]"),
    **dict.fromkeys(("PULL-04", "PULL-10", "PULL-11"), f"{_READS}a_document_that_is_wrong_is_refused[{{}}]"),
    "PULL-06": f"{_READS}a_manifest_after_a_pause",
    "PULL-08": f"{_READS}a_blob_may_be_on_another_host",
    "PULL-09": f"{_READS}a_server_that_ignores_ranges_is_read_over",
}
"""The test that shows what comes of each fault here; `{}` stands for the fault."""
