"""One HTTP request with one deadline for all of it, answering how it went instead of raising."""

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_HEAD_LIMIT: Final = 64 * 1024
_LINGER_SECONDS: Final = 0.2
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r|$)")


class Trouble(StrEnum):
    """Why there was no HTTP answer."""

    REFUSED = "refused"
    """Nothing accepts connections there."""
    CLOSED = "closed"
    """The connection was accepted, then closed without an answer."""
    SLOW = "slow"
    """Accepted, but no whole head of an answer within the deadline."""
    NOT_HTTP = "not_http"
    """Something answered, but not in HTTP/1."""
    UNREACHABLE = "unreachable"
    """The network did not lead there in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Either a status with its headers (names in lower case), or the trouble met."""

    status: int | None = None
    trouble: Trouble | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    """The beginning of what came instead of HTTP, printable."""


def ask(
    target: str,
    host: str,
    path: str = "/",
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """GET `path` from `target` (`ip:port`) in the name of `host`, within `seconds` in all."""
    deadline = time.monotonic() + seconds
    address, _, port = target.partition(":")
    try:
        connection = socket.create_connection((address, int(port)), timeout=seconds)
    except ConnectionRefusedError:
        return Reply(trouble=Trouble.REFUSED)
    except OSError:
        return Reply(trouble=Trouble.UNREACHABLE)
    with connection:
        try:
            connection.sendall(_request(host, path, headers or {}))
            return _answer(connection, deadline)
        except TimeoutError:
            return Reply(trouble=Trouble.SLOW)
        except OSError:
            return Reply(trouble=Trouble.CLOSED)


def _request(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: click-to-deploy-health/1"]
    lines += ["Accept: */*", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _answer(connection: socket.socket, deadline: float) -> Reply:
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > 8 and not received.startswith(b"HTTP/1."):
            return _not_http(received)
        if len(received) > _HEAD_LIMIT:
            break
        data = _receive(connection, deadline)
        if not data:
            return _not_http(received) if received else Reply(trouble=Trouble.CLOSED)
        received = _without_interim(received + data)
    head, _, rest = received.partition(b"\r\n\r\n")
    if not (found := _STATUS.match(head)):
        return _not_http(received)
    _take_body(connection, len(rest), deadline)
    return Reply(status=int(found[1]), headers=_headers(head))


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(65536)


def _without_interim(received: bytes) -> bytes:
    while received.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")) and b"\r\n\r\n" in received:
        received = received.partition(b"\r\n\r\n")[2]
    return received


def _take_body(connection: socket.socket, taken: int, deadline: float) -> None:
    # Closing on unread bytes resets the connection, which apps report as an error of theirs.
    until = min(deadline, time.monotonic() + _LINGER_SECONDS)
    try:
        while taken < _HEAD_LIMIT and (data := _receive(connection, until)):
            taken += len(data)
    except OSError:
        return


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _not_http(received: bytes) -> Reply:
    said = received[:40].decode("ascii", "replace")
    printable = "".join(c if c.isprintable() and c.isascii() else "." for c in said)
    return Reply(trouble=Trouble.NOT_HTTP, said=printable)
