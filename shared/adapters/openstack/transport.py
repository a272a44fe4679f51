"""One HTTP exchange with a deadline for all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import httpx

CALL_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 32 << 20
_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What to send; `seconds` bounds the exchange from the first byte out to the last one in."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(default=None, repr=False)
    params: Mapping[str, str] | None = None
    seconds: float = CALL_SECONDS


def client(ca_file: str | None = None) -> httpx.Client:
    """Connections that are kept open, to servers that `ca_file` or the system trusts."""
    return httpx.Client(
        verify=_authorities(ca_file),
        limits=httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE),
    )


def exchange(
    http: httpx.Client, request: Request, clock: Callable[[], float] = monotonic
) -> httpx.Response:
    """The answer, whole. Raises httpx.HTTPError, a timeout also where it drips in too slowly."""
    deadline = clock() + request.seconds
    wait = httpx.Timeout(request.seconds, connect=min(_CONNECT_SECONDS, request.seconds))
    with http.stream(
        request.method,
        request.url,
        headers=dict(request.headers),
        json=request.json,
        params=request.params,
        timeout=wait,
        follow_redirects=False,  # a token goes where the catalogue says, nowhere else
    ) as response:
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if clock() > deadline:
                raise httpx.ReadTimeout("the answer takes too long", request=response.request)
            if len(content) > _MOST_BYTES:
                raise httpx.ReadError("the answer is too long", request=response.request)
    return httpx.Response(
        response.status_code,
        headers=_decoded(response.headers),
        content=bytes(content),
        request=response.request,
    )


def _decoded(headers: httpx.Headers) -> httpx.Headers:
    """Without what said how the content was packed: it is unpacked."""
    dropped = {"content-encoding", "content-length", "transfer-encoding"}
    return httpx.Headers([(k, v) for k, v in headers.multi_items() if k.lower() not in dropped])


def _authorities(ca_file: str | None) -> Any:
    if ca_file is None:
        return True
    return httpx.create_ssl_context(verify=ca_file)
