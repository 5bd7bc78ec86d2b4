"""Hosts and URLs as trust sees them: which address is whose, and where a request may be sent on to.

A registry decides where a client goes next: by a redirect, and by naming its token service. A public one
must not be able to point a client at the client's own network, to a weaker transport, or to take
credentials along to another host. Source: google/go-containerregistry:pkg/v1/remote (redirect and realm
checks).
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

_PRIVATE_SUFFIXES: Final = (".localhost", ".local", ".internal")
_PORTS: Final = {"http": 80, "https": 443}
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(host: str) -> bool:
    """Whether a host (port and brackets allowed) is this machine."""
    name = _bare(host)
    address = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def is_private(host: str) -> bool:
    """Whether a host is only reachable from inside some network, as far as its name tells.

    Names are not looked up: behind a proxy they cannot be, and what they resolve to may change.
    """
    name = _bare(host)
    address = _address(name)
    if address is not None:
        return not address.is_global
    return "." not in name or name.endswith(_PRIVATE_SUFFIXES)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: credentials stay with all three."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)


def refusal(source: str, target: str, *, plain: Callable[[str], bool]) -> str:
    """Why a request to the URL `source` must not go on to `target`; empty when it may.

    `plain` says whether a host, with its port, may be reached over plain HTTP.
    """
    try:
        here, there = urlsplit(source), urlsplit(target)
        _ = there.port
    except ValueError:
        return "which is no URL"
    rules = (
        (there.scheme not in _PORTS or not there.hostname, "which is no web address"),
        (there.username is not None, "a URL with credentials in it"),
        (
            there.scheme == "http" and (here.scheme == "https" or not plain(there.netloc)),
            "over plain HTTP, where everyone on the way could change the answer",
        ),
        (
            is_private(there.hostname or "")
            and not is_private(here.hostname or "")
            and not _same_host(here, there),
            "a private address, which a public host has no business with",
        ),
    )
    return next((reason for applies, reason in rules if applies), "")


def _same_host(here: SplitResult, there: SplitResult) -> bool:
    return (here.hostname or "").rstrip(".") == (there.hostname or "").rstrip(".")


def _bare(host: str) -> str:
    """The host without port, brackets, zone and final dot, in lower case."""
    text = host.lower()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return text.partition("%")[0].rstrip(".")


def _address(name: str) -> _Address | None:
    """The address that a name writes out, in any of the forms that the system's resolver takes."""
    with suppress(ValueError):
        address = ipaddress.ip_address(name)
        if isinstance(address, ipaddress.IPv6Address):
            return address.ipv4_mapped or address
        return address
    # 127.1, 0x7f.0.0.1 and 2130706433 are 127.0.0.1 to the resolver, so they are to us.
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(name))
    return None
