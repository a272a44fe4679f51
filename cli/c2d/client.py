"""The HTTP client: a deadline on every call, patience where the platform may be restarting."""

import json
import random
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from c2d import __version__, config
from c2d.config import Connection
from c2d.errors import ApiError, Busy, CliError, NotSignedIn, Unreachable
from c2d.sign_in import EARLY_SECONDS, is_loopback

BASE: Final = "/v1/click-deploy"
CALL_SECONDS: Final = 30.0
"""How long one call may take, apart from what a long poll asks for."""
REFUSED_SECONDS: Final = 2.0
"""How long a request keeps trying when nobody answers at all."""
BUSY_SECONDS: Final = 30.0
"""How long a request keeps trying while the platform says 503, or that it still runs."""
RESTART_SECONDS: Final = 60.0
"""How long a long poll survives a control plane that is away, and a write whose answer was lost."""
_BUSY: Final = {429, 502, 503, 504}
_CONFLICT: Final = 409

T = TypeVar("T")
Notice = Callable[[CliError], None]


class Client:
    """One connection to the control plane. Answers are the API's documents, unchanged."""

    def __init__(self, connection: Connection, notice: Notice | None = None) -> None:
        self.api_url = connection.api_url
        self.source = connection.source
        self._expires_at = connection.expires_at
        self._notice = notice
        if not (connection.token.isascii() and connection.token.isprintable()):
            raise NotSignedIn(
                f"the token from {connection.source} holds characters that no token has",
                "Copy it again: c2d login",
            )
        try:
            self._http = httpx.Client(
                base_url=connection.api_url + BASE,
                headers={
                    "Authorization": f"Bearer {connection.token}",
                    "User-Agent": f"c2d/{__version__}",
                },
                # A proxy for the outside is no way to a platform on this machine.
                trust_env=not _loopback(connection.api_url),
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise CliError(f"{connection.api_url!r} is not an address") from error

    def close(self) -> None:
        self._http.close()

    def get(
        self, path: str, *, wait: float = 0, patience: float = REFUSED_SECONDS, **query: Any
    ) -> Any:
        """One document. `wait` is a long poll's seconds, sent along and added to the deadline."""
        if wait:
            query["wait"] = int(wait)
        return self._patient(lambda: self._send("GET", path, wait, params=query), patience)

    def health(self, path: str) -> Any:
        """A health document; 503 is an answer here, not an error."""
        return self._patient(lambda: self._send("GET", path, accept={503}), REFUSED_SECONDS)

    def pages(self, path: str, most: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page, at most `most`."""
        taken = 0
        cursor: str | None = None
        while most is None or taken < most:
            limit = 100 if most is None else min(100, most - taken)
            page = self.get(path, limit=limit, cursor=cursor, **query)
            yield from page["items"]
            taken += len(page["items"])
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._write("POST", path, json=body if body is not None else {}, params=query)

    def patch(self, path: str, body: Any) -> Any:
        return self._write("PATCH", path, json=body)

    def put(self, path: str, body: Any, **query: Any) -> Any:
        return self._write("PUT", path, json=body, params=query)

    def delete(self, path: str, **query: Any) -> Any:
        return self._write("DELETE", path, params=query)

    def text(self, path: str, accept: str = "*/*", **query: Any) -> Iterator[str]:
        """A text answer in pieces, as they arrive."""
        self._renew()
        request: dict[str, Any] = {
            "headers": {"Accept": accept},
            "params": {name: value for name, value in query.items() if value is not None},
            "timeout": 60,
        }
        with _translated(self.api_url), self._http.stream("GET", path, **request) as response:
            if response.is_error:
                raise _refusal(response, response.read())
            yield from response.iter_text()

    def _write(self, method: str, path: str, **content: Any) -> Any:
        """Sent with a key of its own: however often it arrives, it is carried out once."""
        headers = {"Idempotency-Key": uuid4().hex}
        return self._patient(
            lambda: self._send(method, path, headers=headers, **content),
            REFUSED_SECONDS,
            lost=RESTART_SECONDS,
        )

    def _send(
        self,
        method: str,
        path: str,
        wait: float = 0,
        accept: set[int] | None = None,
        **content: Any,
    ) -> Any:
        if "params" in content:
            given = content["params"].items()
            content["params"] = {key: value for key, value in given if value is not None}
        deadline = time.monotonic() + CALL_SECONDS + wait
        timeout = httpx.Timeout(CALL_SECONDS / 2 + wait, connect=5)
        self._renew()
        request = self._http.build_request(method, path, timeout=timeout, **content)
        with _translated(self.api_url):
            response = self._http.send(request, stream=True)
            try:
                body = _read(response, deadline)
            finally:
                response.close()
        if response.is_error and response.status_code not in (accept or ()):
            raise _refusal(response, body)
        return _document(response, body)

    def _renew(self) -> None:
        """Go on with the next access token where a command outlives one."""
        if self._expires_at is None or time.time() < self._expires_at - EARLY_SECONDS / 2:
            return
        connection = config.load()
        self._expires_at = connection.expires_at
        self._http.headers["Authorization"] = f"Bearer {connection.token}"

    def _patient(self, call: Callable[[], T], patience: float, lost: float = 0) -> T:
        """Call until it is answered, for `patience` seconds; for `lost` seconds at least once a
        request has gone out whose answer did not come back: somebody has to know what became of
        it."""
        started = time.monotonic()
        pause = 0.1
        while True:
            try:
                return call()
            except Busy as error:
                self._pause(error, error.retry_after or pause, started, max(patience, BUSY_SECONDS))
            except Unreachable as error:
                if not isinstance(error.__cause__, httpx.ConnectError):
                    patience = max(patience, lost)
                self._pause(error, pause, started, patience)
            pause = min(pause * 2, 2.0)

    def _pause(self, error: CliError, seconds: float, started: float, patience: float) -> None:
        left = started + patience - time.monotonic()
        if left <= 0:
            raise error
        if self._notice and patience > REFUSED_SECONDS:
            self._notice(error)
        # Jitter: many clients of one restarting platform should not come back together.
        time.sleep(min(seconds * random.uniform(0.8, 1.2), left))  # noqa: S311 - not a secret


def rest(began: float, seconds: float) -> None:
    """Wait until `seconds` have passed since `began`: not every home of the platform can hold a
    long poll open, and asking again at once would only keep it busy."""
    time.sleep(max(0.0, began + seconds - time.monotonic()))


@contextmanager
def _translated(api_url: str) -> Iterator[None]:
    """Turns what httpx raises into our own errors, in one place."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise CliError(f"{api_url!r} is not an http address") from error
    except httpx.ConnectError as error:
        if isinstance(error.__context__, ssl.SSLError) or "CERTIFICATE" in str(error):
            raise CliError(
                f"{api_url} is not trusted: {error}",
                "For a certificate authority of your own set SSL_CERT_FILE.",
            ) from error
        raise Unreachable(f"nothing answers at {api_url} ({error})", _start(api_url)) from error
    except httpx.TransportError as error:
        raise Unreachable(
            f"{api_url} did not answer in time or hung up", "Is it restarting? Try again."
        ) from error


def _start(api_url: str) -> str:
    if _loopback(api_url):
        return "Start the platform: `make up` in its folder, or `c2d platform up`"
    return "Is the address right, and is the platform running there? `make up` starts it."


def _loopback(api_url: str) -> bool:
    return is_loopback(urlsplit(api_url).hostname or "")


def _read(response: httpx.Response, deadline: float) -> bytes:
    pieces = []
    for piece in response.iter_bytes():
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long", request=response.request)
    return b"".join(pieces)


def _document(response: httpx.Response, body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise CliError(
            f"{response.request.url.host} answered with something else than JSON",
            "Is this address the platform's? `c2d whoami` shows it.",
        ) from error


def _refusal(response: httpx.Response, body: bytes) -> CliError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    if response.status_code == 500 and not problem:
        # What a web server says for an application that it cut off while stopping.
        return Unreachable(
            "the platform broke off its answer",
            "Is it restarting? Try again; the reason may be in its log: c2d platform logs",
        )
    after = response.headers.get("Retry-After", "")
    # a conflict that says when to come back: the first try of the same request still runs
    if response.status_code in _BUSY or (response.status_code == _CONFLICT and after):
        text = problem.get("detail") or f"the platform answered {response.status_code}"
        return Busy(str(text), float(after) if after.isdigit() else None)
    return ApiError(response.status_code, problem)
