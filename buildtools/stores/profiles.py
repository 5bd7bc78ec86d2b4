"""What is known of single registries: a row each, for those that do not do as the specification says.

Everything else about a registry is found out by asking: these rows only spare the requests that are known
to fail. None is needed for a registry that keeps to the specification. They stand on reports, each named in
its row; docs/reference/registries.md is made from them.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

MIB: Final = 1024 * 1024

Way = Literal["whole", "stream", "chunks"]
"""How a blob is sent: in one PUT, in one PATCH and a PUT, or in several PATCHes and a PUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How uploads to a registry go.

    `hosts` is a pattern that its host name matches whole. `at_once` is the size in bytes up to which a blob
    is sent in one PUT, `large` how a larger one is sent; `chunk` is the size in bytes of a chunk.
    `resumes`: whether a session goes on after a broken connection. `quirks` are sentences for people,
    `source` the reports.
    """

    name: str
    hosts: str = ""
    at_once: int = 64 * MIB
    large: Way = "stream"
    chunk: int = 4 * MIB
    resumes: bool = True
    quirks: tuple[str, ...] = ()
    source: str = ""


DEFAULT: Final = Profile(name="any other")

PROFILES: Final = (
    Profile(
        name="GitHub (ghcr.io)",
        hosts=r"ghcr\.io",
        quirks=(
            "refuses chunks above 4 MiB with 416; one PATCH without Content-Range is taken",
            "may lose the answer to a large blob's commit: the blob is asked for before it is sent again",
            "has no referrers API: referrers are kept under the fallback tag",
        ),
        source="ocx-sh/ocx#237, GoogleContainerTools/jib#4301",
    ),
    Profile(
        name="Amazon ECR",
        hosts=r"(?:.+\.dkr[.-]ecr[.-].+|public\.ecr\.aws)",
        chunk=8 * MIB,
        resumes=False,
        quirks=(
            "answers 201 to PATCH",
            "says the first chunk's range for ever, so that a broken upload begins anew",
            "wants chunks of at least 5 MiB",
            "cuts the connection where the repository was not created before",
        ),
        source="aws/containers-roadmap#2831, dotnet/sdk-container-builds#279",
    ),
    Profile(
        name="Azure (azurecr.io)",
        hosts=r".+\.azurecr\.(?:io|cn|us)",
        resumes=False,
        quirks=(
            "answers 429 to manifests under load: all requests wait as long as it says",
            "forgets a session whose connection broke, so that the upload begins anew",
            "wants `Content-Range: 0-9`, without `bytes` and total",
        ),
        source="containers/container-libs#42, Azure/azure-sdk-for-python#29738",
    ),
    Profile(
        name="Docker Hub",
        hosts=r"(?:registry-1\.|index\.)?docker\.io",
        quirks=(
            "answers 429 to those who pull without a log-in, and to some pushes",
            "its 429 was once no valid HTTP: that counts as a cut connection",
        ),
        source="docker/hub-feedback#1907, docker/buildx#3630",
    ),
    Profile(
        name="Artifactory",
        hosts=r".+\.jfrog\.io",
        at_once=4 * MIB,
        quirks=(
            "has answered 404 to a PUT of a whole blob where PATCH works: the next try goes that way",
            "answers 403 for a tag that is not there in a virtual repository: that counts as missing",
        ),
        source="google/go-containerregistry#1691, docker/buildx#196",
    ),
    Profile(
        name="Harbor and Nexus",
        quirks=(
            "behind several replicas a part may not be seen yet when what names it is put: up to five tries",
        ),
        source="goharbor/harbor#22417, estesp/manifest-tool#191",
    ),
    Profile(
        name="Quay",
        hosts=r"quay\.io",
        quirks=("fails on a mount without `from`: it is always sent",),
        source="google/go-containerregistry:pkg/v1/remote/write.go",
    ),
    Profile(
        name="GitLab",
        hosts=r"registry\.gitlab\.com",
        quirks=(
            "has no referrers API",
            "its fallback tag may stand for the subject itself: what is listed counts only if it names it",
        ),
        source="oras-project/oras-go#1396",
    ),
    Profile(
        name="Alibaba Cloud",
        hosts=r".+\.aliyuncs\.com",
        resumes=False,
        quirks=("counts Range from the chunk's start, so that a broken upload begins anew",),
        source="regclient/regclient#627",
    ),
    Profile(
        name="distribution (docker-registry)",
        quirks=(
            "answers 500 to manifests whose layers have URLs, for ever: three tries, then its words",
            "has no referrers API up to version 3",
        ),
        source="distribution/distribution",
    ),
)
"""Every registry that something is known of; one without `hosts` runs under any name."""


def profile_for(host: str) -> Profile:
    """The row of a registry's host, with or without a port; DEFAULT where none is known."""
    name = host.partition(":")[0].lower()
    return next((row for row in PROFILES if row.hosts and re.fullmatch(row.hosts, name)), DEFAULT)
