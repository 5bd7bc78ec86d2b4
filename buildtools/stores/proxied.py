"""Requests through a proxy: which one there is for a URL, and the library that knows how to use it."""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from buildtools.stores.wire import CONNECT_SECONDS, READ_SECONDS, Kind, Reply, SourceError, Stream, Trouble

if TYPE_CHECKING:
    import requests

_SYSTEMS: Final = frozenset({"darwin", "win32"})
"""Where proxies are a matter of the system's settings, too."""


def proxy_for(url: str) -> str:
    """The proxy that the environment names for a URL, empty where there is none."""
    if sys.platform not in _SYSTEMS and not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from requests.utils import get_environ_proxies, select_proxy  # costs a tenth of a second

    return select_proxy(url, get_environ_proxies(url)) or ""


class Proxied:
    """Sends requests through a proxy; safe to use from several threads."""

    def __init__(self, proxy: str, ca_bundle: Path | None = None) -> None:
        self._proxy = proxy
        self._ca_bundle = ca_bundle
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Stream | None) -> Reply:
        """The reply to one request, whatever its status; raises Trouble."""
        data: Any = body
        try:
            response = self._opened().request(
                method,
                url,
                headers=dict(headers),
                data=data,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
        except SourceError:
            raise
        except Exception as error:
            if kind := _kind(error):
                raise Trouble(kind, error) from error
            raise
        return _Response(response)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = None

    def _opened(self) -> "requests.Session":
        with self._lock:
            if self._session is None:
                self._session = _new_session()
                self._session.proxies = dict.fromkeys(("http", "https"), self._proxy)
                self._session.verify = True if self._ca_bundle is None else str(self._ca_bundle)
            return self._session


def _new_session() -> "requests.Session":
    import requests
    from requests.adapters import HTTPAdapter
    from requests.cookies import RequestsCookieJar

    session = requests.Session()
    # The proxy is chosen before; a log-in from ~/.netrc would overrule ours.
    session.trust_env = False
    session.headers.clear()
    session.cookies = RequestsCookieJar(policy=_no_cookies())
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=8, pool_maxsize=16))
    return session


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy  # comes with requests

    return DefaultCookiePolicy(allowed_domains=())


class _Response:
    """A reply of requests'."""

    def __init__(self, response: "requests.Response") -> None:
        self.status = response.status_code
        self._response = response
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def every(self, name: str) -> tuple[str, ...]:
        return tuple(self._response.raw.headers.getlist(name))

    def read1(self, size: int) -> bytes:
        try:
            # read1, not read: that would wait until all `size` bytes have come, however slowly.
            data: bytes = self._response.raw.read1(size, decode_content=False)
        except Exception as error:
            if kind := _kind(error):
                raise Trouble(kind, error) from error
            raise
        self._ended = not data
        return data

    def close(self) -> None:
        self._response.close()


def _kind(error: Exception) -> Kind | None:
    """What an exception of requests or urllib3 means; None for one that is none of theirs."""
    import requests.exceptions as above
    import urllib3.exceptions as below

    causes = [error, *_causes(error)]
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "certificate"
    kinds: tuple[tuple[Kind, tuple[type[BaseException], ...]], ...] = (
        ("tls", (above.SSLError, below.SSLError)),
        ("proxy", (above.ProxyError, below.ProxyError, above.InvalidProxyURL)),
        ("name", (below.NameResolutionError,)),
        # Before the timeouts: NewConnectionError is a ConnectTimeoutError to urllib3.
        ("refused", (below.NewConnectionError,)),
        ("no-answer", (above.ConnectTimeout, below.ConnectTimeoutError)),
        ("silence", (above.ReadTimeout, below.ReadTimeoutError, TimeoutError)),
        # Every exception of requests' is an OSError, these too.
        ("other", (above.InvalidURL, above.InvalidHeader, above.InvalidSchema)),
        ("cut", (below.HTTPError, OSError)),
    )
    found = (kind for kind, types in kinds if any(isinstance(cause, types) for cause in causes))
    return next(found, None)


def _causes(error: BaseException) -> list[BaseException]:
    """What is wrapped in an exception of requests or urllib3: arguments, reasons, causes."""
    found: list[BaseException] = []
    ahead: list[object] = [error]
    while ahead and len(found) < 20:
        item = ahead.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            ahead += [*item.args, getattr(item, "reason", None), item.__cause__]
    return found
