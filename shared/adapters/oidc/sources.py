"""Where keys come from: an issuer over HTTP, or the file of the issuer on this machine."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from shared.domain.errors import Transient

DISCOVERY: Final = "/.well-known/openid-configuration"
MOST_BYTES: Final = 1 << 20


class HttpKeys:
    """The keys of an issuer, by its discovery document or at an address that is given.

    `seconds` is the deadline of a call. Nothing is fetched over plain HTTP but from loopback,
    unless `insecure`: whoever changes the keys on the way signs in as anybody.
    """

    def __init__(
        self,
        issuer: str,
        *,
        jwks_url: str | None = None,
        seconds: float = 5.0,
        insecure: bool = False,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._seconds = seconds
        self._insecure = insecure

    def fetch(self) -> Mapping[str, Any]:
        with _translated():
            return self._read(self._jwks_url or self._discovered())

    def _discovered(self) -> str:
        found = self._read(self._issuer.rstrip("/") + DISCOVERY)
        if str(found.get("issuer", "")).rstrip("/") != self._issuer.rstrip("/"):
            raise Transient(f"{self._issuer} calls itself {found.get('issuer')!r}")
        return str(found.get("jwks_uri", ""))

    def _read(self, url: str) -> Mapping[str, Any]:
        deadline = monotonic() + self._seconds
        where = urlsplit(url)
        local = _is_loopback(where.hostname or "")
        if where.scheme != "https" and not (where.scheme == "http" and (local or self._insecure)):
            raise Transient(f"{url} is not an https address (see C2D_OIDC_INSECURE)")
        request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked above
        with _opener(local).open(request, timeout=self._seconds) as response:
            document = json.loads(_bounded(response, deadline))
        if not isinstance(document, dict):
            raise Transient(f"{url} does not answer a JSON object")
        return document


class FileKeys:
    """The keys that the issuer of this machine has written down."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self) -> Mapping[str, Any]:
        with _translated():
            document = json.loads(self._path.read_text())
        return document if isinstance(document, dict) else {}


class _NoRedirect(HTTPRedirectHandler):
    """The address of keys is configured or signed for by TLS; it does not lead elsewhere."""

    def redirect_request(self, *refused: Any, **_: Any) -> None:
        raise Transient(f"it redirects to {refused[-1]}: configure that address")


def _opener(local: bool) -> OpenerDirector:
    # a proxy for the outside is no way to a server on this machine
    proxies = ProxyHandler({}) if local else ProxyHandler()
    return build_opener(_NoRedirect, proxies)


def _bounded(response: HTTPResponse, deadline: float) -> bytes:
    content = b""
    while piece := response.read1(65536):
        content += piece
        if len(content) > MOST_BYTES or monotonic() > deadline:
            raise Transient("the answer is too long or takes too long")
    return content


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _translated() -> Iterator[None]:
    """What the standard library raises, as Transient."""
    try:
        yield
    except HTTPError as error:
        error.close()
        raise Transient(f"{error.url} answered {error.code}") from error
    except (OSError, HTTPException, ssl.SSLError) as error:
        raise Transient(f"no answer ({error})") from error
    except (ValueError, RecursionError) as error:
        raise Transient("the answer is not JSON") from error
