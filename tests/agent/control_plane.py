"""A control plane in one thread: real HTTP, state in memory, switchable bad luck."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

BASE = "/v1/click-deploy/agent/jobs"


class FakeControlPlane:
    """`down` closes every connection unanswered; `gone` and `cancel` hold job ids.

    With `polled` no claim waits: it says when to ask again, from how long the agent was idle.
    `before_answer` runs when a job is about to be handed out.
    """

    def __init__(self) -> None:
        self.token = "c2da_test"
        self.queues: dict[str, deque[dict[str, Any]]] = {"build": deque(), "edge": deque()}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}
        self.claimed: list[str] = []
        self.claims: list[tuple[float, dict[str, Any]]] = []
        self.given_back: list[str] = []
        self.polled: Callable[[float], float] | None = None
        self.before_answer: Callable[[], None] | None = None
        self.heartbeats: dict[str, list[float]] = {}
        self.observations: dict[str, list[dict[str, Any]]] = {}
        self.chunks: dict[str, dict[int, list[dict[str, str]]]] = {}
        self.posts_of_chunks: dict[str, list[int]] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.cancel: set[str] = set()
        self.gone: set[str] = set()
        self.refuse_outputs: set[str] = set()
        self.down = False
        self.lost_chunk_answers: set[int] = set()
        self.changed = threading.Condition()
        handler = type("Handler", (_Handler,), {"plane": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @contextmanager
    def serving(self) -> Iterator["FakeControlPlane"]:
        self._thread.start()
        try:
            yield self
        finally:
            with self.changed:
                self.changed.notify_all()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def put(
        self,
        kind: str,
        spec: dict[str, Any],
        *,
        role: str = "build",
        secrets: dict[str, Any] | None = None,
        heartbeat: float = 0.2,
    ) -> str:
        job_id = str(uuid4())
        self.tokens[job_id] = f"c2dj_{uuid4().hex}"
        self.secrets[job_id] = secrets or {"git": None, "registry": None, "env": {}}
        with self.changed:
            self.queues[role].append(
                {
                    "id": job_id,
                    "kind": kind,
                    "token": self.tokens[job_id],
                    "attempt": 1,
                    "spec": spec,
                    "heartbeat_seconds": heartbeat,
                }
            )
            self.changed.notify_all()
        return job_id

    def log(self, job_id: str) -> list[str]:
        """The job's log as stored: in chunk order, each number once."""
        chunks = self.chunks.get(job_id, {})
        return [line["text"] for number in sorted(chunks) for line in chunks[number]]

    def text(self, job_id: str) -> str:
        return "\n".join(self.log(job_id))

    def wait_for(self, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        """What `condition` gives once it is true; fails when that takes too long."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not (found := condition()):
                left = deadline - time.monotonic()
                assert left > 0, f"still waiting for {condition}"
                self.changed.wait(min(left, 0.05))
            return found

    def result(self, job_id: str, seconds: float = 20.0) -> dict[str, Any]:
        return self.wait_for(lambda: self.results.get(job_id), seconds)


class _Handler(BaseHTTPRequestHandler):
    plane: FakeControlPlane
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.plane.down:
            self.close_connection = True
            return
        given = json.loads(body) if body else {}
        assert self.path.startswith(BASE)
        what = self.path.removeprefix(BASE).strip("/").split("/")
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, answer = (
            self._claim(bearer, given) if what == ["claim"] else self._job(bearer, what, given)
        )
        if self.plane.down or status == 0:
            self.close_connection = True
            return
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _claim(self, bearer: str, given: dict[str, Any]) -> tuple[int, Any]:
        plane = self.plane
        if bearer != plane.token:
            return 401, {"type": "unauthenticated"}
        assert given["agent"]
        deadline = time.monotonic() + (0 if plane.polled else given["wait"])
        with plane.changed:
            plane.claims.append((time.monotonic(), given))
            queues = [plane.queues[role] for role in given["roles"]]
            while not any(queues) and (left := deadline - time.monotonic()) > 0:
                plane.changed.wait(min(left, 0.1))
            if plane.before_answer and any(queues):
                plane.before_answer()
            job = next((queue.popleft() for queue in queues if queue), None)
            if job:
                plane.claimed.append(job["id"])
                plane.changed.notify_all()
        if not plane.polled:
            return 200, {"job": job}
        return 200, {"job": job, "retry_after": 0 if job else plane.polled(given["idle_seconds"])}

    def _job(self, bearer: str, what: list[str], given: dict[str, Any]) -> tuple[int, Any]:
        job_id, action = what
        plane = self.plane
        if plane.tokens.get(job_id) != bearer:
            return 401, {"type": "unauthenticated"}
        if job_id in plane.gone:
            return 410, {"type": "gone"}
        with plane.changed:
            answer = getattr(self, f"_{action.replace('-', '_')}")(job_id, given)
            plane.changed.notify_all()
        return answer

    def _heartbeat(self, job_id: str, given: dict[str, Any]) -> tuple[int, Any]:
        self.plane.heartbeats.setdefault(job_id, []).append(time.monotonic())
        self.plane.observations.setdefault(job_id, []).extend(given["observations"])
        return 200, {"cancel": job_id in self.plane.cancel}

    def _logs(self, job_id: str, given: dict[str, Any]) -> tuple[int, Any]:
        number = given["chunk"]
        self.plane.posts_of_chunks.setdefault(job_id, []).append(number)
        stored = self.plane.chunks.setdefault(job_id, {})
        assert stored.setdefault(number, given["lines"]) == given["lines"]
        if number in self.plane.lost_chunk_answers:
            self.plane.lost_chunk_answers.discard(number)
            return 0, None
        return 204, None

    def _give_back(self, job_id: str, given: dict[str, Any]) -> tuple[int, Any]:
        self.plane.given_back.append(job_id)
        return 204, None

    def _secrets(self, job_id: str, given: dict[str, Any]) -> tuple[int, Any]:
        return 200, self.plane.secrets[job_id]

    def _result(self, job_id: str, given: dict[str, Any]) -> tuple[int, Any]:
        assert set(given) == {"outcome", "output", "error"}
        if job_id in self.plane.refuse_outputs and given["output"]:
            return 422, {"type": "invalid"}
        self.plane.results.setdefault(job_id, given)
        return 204, None
