"""The control plane as the agent sees it: five calls over HTTP, outbound only."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from shared.domain.payloads import PROTOCOL

BASE: Final = "/v1/click-deploy/agent/jobs"
_GONE: Final = frozenset({401, 404, 410})
_LATER: Final = frozenset({408, 425, 429})


class Unreachable(Exception):
    """No answer, or one that says later: try the same again."""


class JobGone(Exception):
    """The job is no longer ours: stop the work, report nothing."""


class Refused(Exception):
    """The control plane read the request and will never take it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as handed out.

    `heartbeat_seconds` and `log_seconds` are how often the control plane wants to hear from us.
    """

    id: str
    kind: str
    token: str
    spec: dict[str, Any]
    attempt: int = 1
    heartbeat_seconds: float = 2.0
    log_seconds: float = 0.25


@dataclass(frozen=True, slots=True)
class Answer:
    """To a claim. `retry_after` (seconds) is set where claims cannot wait; nobody asks sooner."""

    claim: Claim | None
    retry_after: float | None = None


class ControlPlane:
    """Safe to share between threads. Every call has a deadline and raises only what is here."""

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None):
        loopback = urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
        self._token = token
        self._http = httpx.Client(
            base_url=url + BASE,
            timeout=httpx.Timeout(10.0, pool=60.0),
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=32),
            trust_env=not loopback,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def claim(self, agent: str, roles: Sequence[str], wait: float, **about: float | str) -> Answer:
        """The next job for one of `roles`, or none after `wait` seconds without one.

        `about` is what else the control plane shows of this agent: capacity, running, version.

        Raises Refused when the registration token is not accepted, and Unreachable.
        """
        body = {"agent": agent, "roles": list(roles), "wait": wait, "protocol": PROTOCOL, **about}
        try:
            answer = self._post("/claim", self._token, body, timeout=wait + 10.0)
        except JobGone as error:
            raise Refused(str(error)) from error
        said = _object(answer)
        job, again = said.get("job"), said.get("retry_after")
        try:
            found = None if job is None else _claim(job)
            return Answer(found, None if again is None else max(0.0, float(again)))
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable(f"the control plane handed out no proper job: {error}") from error

    def give_back(self, claim: Claim) -> None:
        """Queues a job again that has not begun. Raises Refused, and Unreachable."""
        try:
            self._post(f"/{claim.id}/give-back", claim.token, {}, timeout=10.0)
        except JobGone as error:
            raise Refused(str(error)) from error

    def heartbeat(self, claim: Claim, observations: list[dict[str, Any]]) -> dict[str, Any]:
        """Says the job is alive; the answer's `cancel` says whether it should stop."""
        body = {"observations": observations}
        answer = self._post(f"/{claim.id}/heartbeat", claim.token, body, timeout=5.0)
        return _object(answer)

    def logs(self, claim: Claim, chunk: bytes) -> None:
        """Hands over one encoded chunk of log lines; the same number twice is stored once."""
        self._post(f"/{claim.id}/logs", claim.token, chunk, timeout=15.0)

    def secrets(self, claim: Claim) -> dict[str, Any]:
        """What the job may know while it runs: credentials and variables."""
        # a token of the repository may have to be renewed at its provider first
        answer = self._send("GET", f"/{claim.id}/secrets", claim.token, None, 30.0)
        return _object(answer)

    def result(self, claim: Claim, body: dict[str, Any]) -> None:
        """Reports how the job ended; repeating it changes nothing."""
        self._post(f"/{claim.id}/result", claim.token, body, timeout=15.0)

    def _post(
        self, path: str, token: str, body: bytes | dict[str, Any], timeout: float
    ) -> httpx.Response:
        return self._send("POST", path, token, body, timeout)

    def _send(
        self,
        method: str,
        path: str,
        token: str,
        body: bytes | dict[str, Any] | None,
        timeout: float,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        given: dict[str, Any] = {}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
            given["content"] = body
        elif body is not None:
            given["json"] = body
        try:
            answer = self._http.request(
                method, path, headers=headers, timeout=httpx.Timeout(timeout, pool=60.0), **given
            )
        except httpx.HTTPError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        return _checked(answer)


def _checked(answer: httpx.Response) -> httpx.Response:
    status = answer.status_code
    if status in _GONE:
        raise JobGone(f"the control plane answered {status}: {answer.text[:200]}")
    if status >= 500 or status in _LATER:
        raise Unreachable(f"the control plane answered {status}")
    if status >= 300:
        raise Refused(f"the control plane answered {status}: {answer.text[:200]}")
    return answer


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise Unreachable("the control plane did not answer with JSON") from error
    if not isinstance(found, dict):
        raise Unreachable("the control plane did not answer with a JSON object")
    return found


def _claim(job: dict[str, Any]) -> Claim:
    return Claim(
        id=str(job["id"]),
        kind=str(job["kind"]),
        token=str(job["token"]),
        spec=dict(job["spec"]),
        attempt=int(job.get("attempt", 1)),
        heartbeat_seconds=float(job.get("heartbeat_seconds", 2)),
        log_seconds=float(job.get("log_seconds", 0.25)),
    )


def backoff(first: float = 0.25, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each next try: growing, with jitter, without end."""
    pause = first
    while True:
        yield pause * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not cryptography
        pause = min(pause * 2, most)
