"""Faults of the way to a registry."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

TRANSPORT: Final[tuple[Case, ...]] = (
    case(
        "A01",
        "connections are refused",
        "six tries, then exit 6; one that comes back is waited for",
        f"{tests.NETWORKS}nobody_listens",
        f"{tests.NETWORKS}a_registry_that_comes_back",
    ),
    case(
        "A02",
        "a host name that nobody knows",
        "exit 6 at once; the host is named",
        f"{tests.NETWORKS}a_name_that_nobody_knows",
    ),
    case(
        "A03",
        "a certificate of an unknown authority",
        "exit 6 at once; `SSL_CERT_FILE` is named",
        f"{tests.NETWORKS}a_certificate_that_is_wrong[unknown authority]",
        f"{tests.REGISTRY}tls_with_a_private_authority",
    ),
    case(
        "A04",
        "a certificate that has expired, or is another host's",
        "exit 6 at once; no weaker transport is tried",
        f"{tests.NETWORKS}a_certificate_that_is_wrong[expired]",
        f"{tests.NETWORKS}a_certificate_that_is_wrong[another host]",
    ),
    case(
        "A05",
        "HTTPS to a port that speaks plain HTTP",
        "exit 6 at once; `BUILDTOOLS_PLAIN_HTTP` is named",
        f"{tests.NETWORKS}https_to_a_plain_port",
    ),
    case(
        "A06",
        "a proxy that wants a log-in (407)",
        "exit 6; the proxy is named, not the registry",
        f"{tests.NETWORKS}a_proxy_that_wants_a_log_in",
        f"{tests.LOGIN}loopback_needs_no_proxy",
    ),
    case("A07", "reset before an answer", "published", f"{tests.SURVIVES}[PUSH-24]"),
    case(
        "A08",
        "reset in the middle of an upload",
        "published; large blobs go on where they were",
        f"{tests.SURVIVES}[PUSH-07]",
        f"{tests.UPLOADS}an_upload_resumes_where_it_broke",
    ),
    case(
        "A09",
        "reset in the middle of a download",
        "the rest is asked for, and all is held to the digest",
        f"{tests.READ}[PULL-01]",
        f"{tests.READ}[PULL-02]",
        f"{tests.REGISTRY}a_download_resumes_where_it_broke",
    ),
    case(
        "A10",
        "a server that sends almost nothing, or nothing more",
        "under 1 KiB/s for a minute counts as broken; exit 6 after six tries without progress",
        f"{tests.SPOILT}[A10]",
        f"{tests.REGISTRY}a_trickle_counts_as_broken",
    ),
    case("A11", "502, 503 or 504 with a page", "published", f"{tests.SURVIVES}[PUSH-03]"),
    case("A12", "408, 499 or 522", "published", f"{tests.SURVIVES}[A12]"),
    case("A13", "429 with Retry-After in seconds", "published after that time", f"{tests.SURVIVES}[PUSH-04]"),
    case("A14", "429 with Retry-After as a date", "published after that time", f"{tests.SURVIVES}[A14]"),
    case("A15", "Retry-After of an hour", "exit 6 at once; the time is named", f"{tests.FAILS}[A15]"),
    case("A16", "429 without Retry-After", "published; up to eight tries", f"{tests.SURVIVES}[PUSH-25]"),
    case("A17", "an answer that is not HTTP", "published: it counts as a reset", f"{tests.SURVIVES}[A17]"),
    case(
        "A18",
        "500 for good, as for layers with URLs",
        "exit 6 after three tries; the body is shown",
        f"{tests.FAILS}[A18]",
    ),
    case(
        "A19",
        "a redirect from HTTPS to HTTP",
        "exit 1; nothing is sent there",
        f"{tests.NETWORKS}a_redirect_to_a_weaker_transport",
    ),
    case(
        "A20",
        "a redirect from a public host to a private address",
        "exit 1; nothing is sent there",
        f"{tests.LOGIN}a_public_registry_cannot_point_at_private_addresses",
    ),
    case(
        "A21",
        "`Content-Encoding: gzip` on blobs",
        "`identity` is asked for, and the raw bytes count",
        f"{tests.READ}[A21]",
    ),
    case(
        "A22",
        "a kept connection that was closed meanwhile",
        "published without a pause",
        f"{tests.SURVIVES}[A22]",
    ),
)
