"""Claims jobs, runs their handlers, reports how they ended, and stops without losing any."""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.agent.activity import Activity
from infra.agent.claims import Claims
from infra.agent.control import Claim, ControlPlane
from infra.agent.job import Job
from infra.agent.slots import Slots
from shared.domain.errors import Cancelled, PlatformError

Handler = Callable[[dict[str, Any], Job], dict[str, Any]]
RESULT_SECONDS: Final = 3600.0
REASON_CHARACTERS: Final = 1000


class Worker:
    """Claims jobs and does each in a thread of its own."""

    def __init__(
        self,
        control: ControlPlane,
        handlers: Mapping[str, Mapping[str, Handler]],
        *,
        name: str,
        slots: Slots,
        poll_seconds: float = 5.0,
    ) -> None:
        """`handlers` by role, then by kind of job."""
        self._control = control
        self._handlers = handlers
        self._stopping = threading.Event()
        self._activity = Activity()
        self._running: dict[Job, threading.Thread] = {}
        self._lock = threading.Lock()
        self._claims = Claims(
            control,
            self._start,
            name=name,
            slots=slots,
            kinds={role: frozenset(kinds) for role, kinds in handlers.items()},
            poll_seconds=poll_seconds,
            stopping=self._stopping,
            activity=self._activity,
            running=lambda: len(self._running),
        )

    def run(self, drain_seconds: float) -> None:
        """Works until `stop`, then lets running jobs finish for up to `drain_seconds`."""
        claiming = threading.Thread(target=self._claims.run, name="claims")
        claiming.start()
        self._stopping.wait()
        self._drain(drain_seconds)
        claiming.join()
        self._drain(0)

    def stop(self) -> None:
        """Claims nothing more."""
        self._stopping.set()

    def abort(self) -> None:
        """Ends the running jobs now; they are reported as failed."""
        self._stopping.set()
        with self._lock:
            running = list(self._running)
        for job in running:
            job.stop()

    def _drain(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and (threads := self._threads()):
            threads[0].join(left)
        self.abort()
        for thread in self._threads():
            thread.join(15.0)

    def _threads(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._running.values())

    def _start(self, claim: Claim, role: str, release: Callable[[], None]) -> None:
        told = claim.heartbeat_seconds
        job = Job(claim, self._control, lambda: self._activity.pace(claim.kind, told))
        handler = self._handlers[role].get(claim.kind)

        def work() -> None:
            try:
                with self._activity.job(claim.kind):
                    perform(job, handler, release)
            finally:
                with self._lock:
                    self._running.pop(job, None)

        thread = threading.Thread(target=work, name=f"{claim.kind}-{claim.id[:8]}", daemon=True)
        with self._lock:
            self._running[job] = thread
        thread.start()


def perform(
    job: Job, handler: Handler | None, release: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Runs one job to its reported end. `release` is called as soon as the work itself is over."""
    job.begin()
    try:
        result = _outcome(job, handler)
    finally:
        release()
    masked: dict[str, Any] = _masked(job, result)
    if not job.end(masked, RESULT_SECONDS) and not job.gone:
        _say(f"the result of job {job.id} was not taken: {masked['outcome']}")
    return masked


def _outcome(job: Job, handler: Handler | None) -> dict[str, Any]:
    if handler is None:
        return _failed("PlatformError", f"This agent does not know jobs of kind {job.kind!r}.")
    try:
        return {"outcome": "succeeded", "output": handler(job.spec, job), "error": None}
    except Cancelled as error:
        if job.cancel_requested or job.gone:
            return {"outcome": "cancelled", "output": {}, "error": _error("Cancelled", str(error))}
        return _failed("AgentLost", "The agent was stopped while this ran; deploy again.")
    except PlatformError as error:
        return _failed(type(error).__name__, error.reason)
    except Exception as error:  # noqa: BLE001 - a job's thread is a process boundary
        sys.excepthook(type(error), error, error.__traceback__)
        said = f"The agent met an error it did not expect ({type(error).__name__})"
        return _failed("PlatformError", f"{said}; its own log has the details.")


def _failed(kind: str, reason: str) -> dict[str, Any]:
    return {"outcome": "failed", "output": {}, "error": _error(kind, reason)}


def _error(kind: str, reason: str) -> dict[str, str]:
    return {"type": kind, "reason": reason[:REASON_CHARACTERS]}


def _masked(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    """No secret leaves in a result either, whatever put it there."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return job.masker.mask(value)
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        return value

    cleaned: dict[str, Any] = clean(json.loads(json.dumps(result)))
    return cleaned


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
