"""Registries as they are: what each does otherwise than the specification says, as rules for the fake one.

Sources stand beside each row; none of them was asked for this.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.answers import Response
from tests.fakes.registry import ALWAYS, FakeRegistry, Fault, Rule, errors, header, reset, status

MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One registry: `rules` are made anew for each server, `uploads` are attributes of OddUploads."""

    rules: Callable[[FakeRegistry], list[Rule]] = lambda _: []
    uploads: Mapping[str, Any] = field(default_factory=dict)
    referrers: bool = False


def with_status(code: int) -> Fault:
    """The same answer under another status."""
    return lambda response: Response(status=code, headers=response.headers, body=response.body)


def where(found: int, fault: Fault) -> Fault:
    """The fault only for answers of one status."""
    return lambda response: fault(response) if response.status == found else response


def subject_itself(server: FakeRegistry) -> Rule:
    """A tag made of a digest answers with what has that digest."""

    def answer(response: Response) -> Response:
        found = re.search(r"/v2/(.+)/manifests/sha256-([0-9a-f]{64})$", server.seen[-1].target)
        if response.status != 404 or not found:
            return response
        for digest, (media_type, raw) in server.repository(found[1]).manifests.items():
            if digest == f"sha256:{found[2]}":
                about = {"Content-Type": media_type, "Docker-Content-Digest": digest}
                return Response(headers={**about, "Content-Length": str(len(raw))}, body=raw)
        return response

    return Rule(pattern="^(GET|HEAD) .*/manifests/sha256-[0-9a-f]{64}$", fault=answer, times=ALWAYS)


PROFILES: Final[Mapping[str, Profile]] = {
    "ghcr": Profile(
        # ocx-sh/ocx#237: chunks over 4 MiB; GoogleContainerTools/jib#4301: a commit's answer comes late.
        rules=lambda _: [Rule(pattern="^PUT .*/uploads/", fault=errors(404, "BLOB_UPLOAD_UNKNOWN", "gone"))],
        uploads={"chunk": 4 * MIB},
    ),
    "ecr": Profile(
        # aws/containers-roadmap#2831, sdk-container-builds#279; sigstore-js#1183: OCI-Subject, and no API.
        rules=lambda _: [
            Rule(pattern="^PATCH", fault=where(202, with_status(201)), times=ALWAYS),
            Rule(pattern="^PATCH", fault=header("Range", f"0-{5 * MIB - 1}"), times=ALWAYS),
            Rule(pattern="^PUT .*/manifests/", fault=header("OCI-Subject", "sha256:x"), times=ALWAYS),
        ],
        uploads={"least": 5 * MIB},
    ),
    "acr": Profile(
        # container-libs#42: 429 on a manifest; sdk-container-builds#258, azure-cli#25069: no resume.
        rules=lambda _: [
            Rule(pattern="^PUT .*/manifests/", fault=status(429, Retry_After="1"), times=2, before=True),
            Rule(pattern="^PATCH", fault=reset(), takes=MIB),
        ],
        uploads={"reports": False},
        referrers=True,
    ),
    "artifactory": Profile(
        # go-containerregistry#1691: 403 for a missing tag; docker/buildx#196: POST and PUT lose the session.
        rules=lambda _: [
            Rule(pattern="^HEAD .*/manifests/", fault=where(404, status(403)), times=ALWAYS),
            Rule(
                pattern="^PUT .*/uploads/",
                fault=errors(404, "BLOB_UPLOAD_UNKNOWN", "no"),
                before=True,
                times=2,
            ),
        ],
    ),
    "harbor": Profile(
        # goharbor/harbor#22417: replicas that do not see each other's blobs at once.
        rules=lambda _: [
            Rule(
                pattern="^PUT .*/manifests/",
                fault=errors(404, "BLOB_UNKNOWN", "blob unknown"),
                before=True,
                times=3,
            ),
        ],
        referrers=True,
    ),
    "nexus": Profile(
        # estesp/manifest-tool#191: a child that is not visible yet when the index is put.
        rules=lambda _: [
            Rule(
                pattern="^PUT .*/manifests/",
                fault=errors(400, "MANIFEST_BLOB_UNKNOWN", "not there"),
                before=True,
                skip=3,
            ),
        ],
    ),
    "hub": Profile(
        # docker/buildx#3630: 429 on a push; docker/roadmap#724: no referrers API.
        rules=lambda _: [
            Rule(pattern="^(POST|PUT)", fault=status(429), before=True, times=3),
        ],
    ),
    "quay": Profile(
        # google/go-containerregistry:pkg/v1/remote/write.go: a mount that does not say from where.
        rules=lambda _: [
            Rule(pattern=r"\?mount=[^&]*$", fault=status(400), before=True, times=ALWAYS),
        ],
        referrers=True,
    ),
    "gitlab": Profile(
        # oras-project/oras-go#1396: the fallback tag answers with the subject.
        rules=lambda server: [subject_itself(server)],
    ),
}


@contextmanager
def registry_like(name: str) -> Iterator[FakeRegistry]:
    """A registry that does as this one does; what is seeded with its API is not disturbed."""
    profile = PROFILES[name]
    with FakeRegistry(referrers=profile.referrers) as server:
        server.rules += profile.rules(server)
        for key, value in profile.uploads.items():
            setattr(server.uploads, key, value)
        yield server
