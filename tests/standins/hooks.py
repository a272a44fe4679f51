"""Webhooks of a provider: sent in order per hook, recorded with their answers, sent again."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

SECONDS = 10


@dataclass
class Hook:
    """`uuid` is the name GitLab's deliveries carry; `settings` are the vendor's other fields."""

    id: int
    uuid: str
    repository_id: int
    url: str
    secret: str | None
    events: set[str]
    created_at: datetime
    active: bool = True
    settings: dict[str, object] = field(default_factory=dict)
    updated_at: datetime | None = None


@dataclass
class Attempt:
    """One sending of one delivery; `status` is None until answered and 0 when nobody did."""

    id: int
    guid: str
    hook: Hook
    event: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    redelivery: bool = False
    status: int | None = None
    error: str = ""
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    seconds: float = 0.0
    action: str | None = None
    payload: bytes = b""
    url: str = ""


class Dispatcher:
    """Sends what it is given, one after the other per hook.

    While `dropping`, deliveries are recorded as failed and sent to nobody.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.dropping = False
        self.attempts: list[Attempt] = []
        self.clock = clock
        self._ids = itertools.count(71_000_001)
        self._lanes: dict[int, ThreadPoolExecutor] = {}
        self._waiting = 0
        self._changed = threading.Condition()
        self._client = httpx.Client(timeout=SECONDS, trust_env=False)

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def send(
        self,
        hook: Hook,
        event: str,
        body: bytes,
        headers: Mapping[str, str],
        guid: str,
        *,
        payload: bytes = b"",
        redelivery: bool = False,
        action: str | None = None,
    ) -> Attempt:
        """Put a delivery into the hook's lane; answers at once."""
        at = datetime.fromtimestamp(self.clock(), UTC)
        with self._changed:
            attempt = Attempt(next(self._ids), guid, hook, event, headers, body, at, redelivery)
            attempt.action, attempt.payload, attempt.url = action, payload or body, hook.url
            self.attempts.append(attempt)
            self._waiting += 1
            lane = self._lanes.setdefault(hook.id, ThreadPoolExecutor(1, f"hook-{hook.id}"))
        lane.submit(self._send, attempt)
        return attempt

    def _send(self, attempt: Attempt) -> None:
        began = time.monotonic()
        try:
            self._post(attempt)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            attempt.status, attempt.error = 0, type(error).__name__
        finally:
            attempt.seconds = time.monotonic() - began
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()

    def _post(self, attempt: Attempt) -> None:
        if self.dropping:
            attempt.status, attempt.error = 0, "dropped"
            return
        answer = self._client.post(attempt.hook.url, content=attempt.body, headers=attempt.headers)
        attempt.response_headers = dict(answer.headers)
        attempt.response_body = answer.text
        attempt.status = answer.status_code

    def settle(self, seconds: float = 60) -> None:
        """Wait until everything sent so far was answered or failed."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._waiting == 0, seconds), "still sending"

    def wait(self, attempt: Attempt, seconds: float = 60) -> None:
        """Wait until this one was answered or failed."""
        with self._changed:
            assert self._changed.wait_for(lambda: attempt.status is not None, seconds), "unanswered"

    def of(self, hook: int) -> list[Attempt]:
        """A hook's attempts, newest first."""
        return [attempt for attempt in reversed(self.attempts) if attempt.hook.id == hook]
