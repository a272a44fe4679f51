"""An OpenStack that answers 503 to a hundred callers: it is probed until it is back."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from sqlalchemy import Engine

from shared.adapters.openstack.breaker import BreakerPolicy
from shared.adapters.openstack.keystone import Access
from shared.adapters.openstack.services import COMPUTE
from shared.adapters.openstack.session import Session
from shared.adapters.postgres.breakers import StoredBreakers
from shared.domain.errors import Transient

pytestmark = pytest.mark.postgres

CALLERS: Final = 100
PROCESSES: Final = 4
PROBE_SECONDS: Final = 0.5
POLICY: Final = BreakerPolicy(probe_seconds=PROBE_SECONDS, refresh_seconds=0.5)


@dataclass
class Cloud:
    """One that signs in and answers 200, or 503 while it is `down`."""

    down: bool = False
    asked: list[float] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def since(self, moment: float) -> int:
        """How often Nova was called."""
        return sum(1 for at in self.asked if at >= moment)

    def token(self) -> dict[str, Any]:
        endpoint = {"interface": "public", "region_id": "RegionOne", "url": self.url}
        return {
            "issued_at": "2031-01-01T00:00:00.000000Z",
            "expires_at": "2031-01-01T01:00:00.000000Z",
            "project": {"id": "a" * 32},
            "catalog": [{"type": "compute", "endpoints": [endpoint]}],
        }


@contextmanager
def serving(cloud: Cloud) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(201, {"token": cloud.token()})

        def do_GET(self) -> None:
            cloud.asked.append(time.monotonic())
            self._answer(503 if cloud.down else 200, {})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-Subject-Token", "token")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Not into the tests' output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        cloud.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join(10)


@dataclass
class Callers:
    """A hundred threads over some processes' sessions; each calls ten times a second."""

    sessions: list[Session]
    pause: float = 0.1
    ended: threading.Event = field(default_factory=threading.Event)
    good: list[float] = field(default_factory=list)
    waits: list[int | None] = field(default_factory=list)

    def run(self, number: int) -> None:
        session = self.sessions[number % len(self.sessions)]
        while not self.ended.wait(self.pause):
            try:
                session.call(COMPUTE, "GET", "/servers", what="the servers")
                self.good.append(time.monotonic())
            except Transient as error:
                self.waits.append(error.retry_after)

    @contextmanager
    def calling(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.ended.set()
            for thread in threads:
                thread.join(10)

    def since(self, moment: float) -> int:
        return sum(1 for at in self.good if at >= moment)


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def test_a_hundred_callers_become_a_probe_now_and_then_and_recover(engine: Engine) -> None:
    cloud = Cloud()
    with serving(cloud):
        access = Access(cloud.url, "id", "secret", region="RegionOne")
        breakers = StoredBreakers(engine)
        callers = Callers([Session(access, breakers, policy=POLICY) for _ in range(PROCESSES)])
        name = "OpenStack Nova (RegionOne)"
        with callers.calling():
            begun = time.monotonic()
            until(lambda: len(callers.good) >= 10 * CALLERS)
            before = len(callers.good) / (time.monotonic() - begun)
            cloud.down = True
            until(lambda: breakers.read(name).state != "closed")
            fallen = time.monotonic() + 2 * POLICY.refresh_seconds
            until(lambda: time.monotonic() >= fallen + 3)
            seconds = time.monotonic() - fallen
            probes = cloud.since(fallen)
            assert 1 <= probes <= seconds / PROBE_SECONDS + 1
            assert callers.since(fallen) == 0
            cloud.down = False
            back = time.monotonic()
            until(lambda: callers.since(back) > 0)
            first = time.monotonic()
            until(lambda: callers.since(back) >= 10 * CALLERS)
            after = callers.since(back) / (time.monotonic() - first)
            assert breakers.read(name).state == "closed"
        assert all(wait is None or wait >= 1 for wait in callers.waits)
        for session in callers.sessions:
            session.close()
    print(
        f"{CALLERS} callers in {PROCESSES} processes: {before:.0f} calls/s before, "
        f"{probes / seconds:.1f}/s while it answers 503 (a probe per {PROBE_SECONDS} s), "
        f"good again {first - back:.1f} s after it is back, then {after:.0f}/s"
    )
