"""One job in the agent's hands: its log, its secrets, its heartbeat, and how it is told to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from infra.agent.control import Claim, ControlPlane, JobGone, Refused, Unreachable, backoff
from infra.agent.logs import LineWriter, LogBuffer, LogShipper, cut_lines
from shared.domain.errors import Cancelled, Transient
from shared.domain.masking import Masker

SECRETS_SECONDS: Final = 600.0
HURRIED_SECONDS: Final = 2.0
"""Between two heartbeats at least, however much there is to tell."""


class Job:
    """What a handler gets. Safe to use from several threads.

    `spec` is what to do. A handler polls `cancelled`, waits with `wait`, or hands `on_stop` what
    ends its work at once; everything it says through `log` is masked.
    """

    def __init__(
        self, claim: Claim, control: ControlPlane, pace: Callable[[], float] | None = None
    ) -> None:
        """`pace` is how often to beat, asked each time; else as the control plane said."""
        self.claim: Final = claim
        self.masker: Final = Masker()
        self.gone = False
        """The control plane no longer wants this job's result."""
        self.cancel_requested = False
        """A person (or a newer deployment) asked for it to stop."""
        self.heartbeat_answer: dict[str, Any] = {}
        """What the control plane said to the last heartbeat."""
        self._control = control
        self._stop = threading.Event()
        self._stoppers: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._observations: list[dict[str, Any]] = []
        self._buffer = LogBuffer(flush_seconds=claim.log_seconds)
        self._shipper = LogShipper(self._buffer, lambda chunk: control.logs(claim, chunk))
        self._heart = Heart(self, pace or (lambda: claim.heartbeat_seconds))

    @property
    def id(self) -> str:
        return self.claim.id

    @property
    def kind(self) -> str:
        return self.claim.kind

    @property
    def spec(self) -> dict[str, Any]:
        return self.claim.spec

    @property
    def attempt(self) -> int:
        return self.claim.attempt

    @property
    def cancelled(self) -> bool:
        """Whether to stop, whatever the reason."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raises Cancelled once the job is to stop."""
        if self._stop.is_set():
            raise Cancelled("The deployment was cancelled while this step ran.")

    def wait(self, seconds: float) -> bool:
        """Sleeps up to `seconds`; True as soon as the job is to stop."""
        return self._stop.wait(seconds)

    def log(self, text: str, stream: str = "system") -> None:
        """Sends lines to the deployment's log; `stream` is stdout, stderr or system."""
        for line in cut_lines(self.masker.mask(text)):
            self._buffer.add(stream, line)

    def writer(
        self,
        stream: str,
        tap: Callable[[str], None] | None = None,
        leave_out: Callable[[str], bool] | None = None,
    ) -> LineWriter:
        """Where to write a program's raw output.

        `tap` sees each masked line as well; what `leave_out` is true for is not logged.
        """

        def emit(line: str) -> None:
            for piece in cut_lines(line):
                if leave_out is None or not leave_out(piece):
                    self._buffer.add(stream, piece)
                if tap:
                    tap(piece)

        return LineWriter(self.masker, emit)

    def observe(self, **facts: Any) -> None:
        """Tells the control plane something, with a heartbeat that does not wait its turn."""
        with self._lock:
            self._observations.append(facts)
        self._heart.hurry()

    def secrets(self) -> dict[str, Any]:
        """The job's credentials and variables. Raises Cancelled, Transient."""
        waited = 0.0
        for pause in backoff():
            try:
                return self._control.secrets(self.claim)
            except JobGone:
                self.lose()
                self.check()
            except Refused as error:
                raise Transient(f"The job's secrets could not be read: {error}.") from error
            except Unreachable as error:
                waited += pause
                if waited > SECRETS_SECONDS:
                    said = "The control plane did not hand out the job's secrets for ten minutes"
                    raise Transient(f"{said}; deploy again.") from error
                self.wait(pause)
                self.check()
        raise AssertionError("backoff never ends")

    @contextmanager
    def on_stop(self, stopper: Callable[[], None]) -> Iterator[None]:
        """Calls `stopper` at once (from another thread) if the job is to stop in this block."""
        with self._lock:
            self._stoppers.append(stopper)
        try:
            if self._stop.is_set():
                stopper()
            yield
        finally:
            with self._lock:
                self._stoppers.remove(stopper)

    def cancel(self) -> None:
        """The control plane asked for it to stop; how it ended is still reported."""
        self.cancel_requested = True
        self.stop()

    def lose(self) -> None:
        """The job is no longer ours: stop, and report nothing."""
        self.gone = True
        self._shipper.abandon()
        self.stop()

    def stop(self) -> None:
        """Makes the handler end."""
        if self._stop.is_set():
            return
        self._stop.set()
        with self._lock:
            stoppers = list(self._stoppers)
        for stopper in stoppers:
            stopper()

    def begin(self) -> None:
        """Starts the heartbeat and the log's way out."""
        self._shipper.start()
        self._heart.start()

    def end(self, result: dict[str, Any], seconds: float) -> bool:
        """Delivers the rest of the log, then `result`, trying for `seconds`; whether it arrived."""
        try:
            return not self.gone and self._deliver(result, seconds)
        finally:
            self._shipper.abandon()
            self._heart.stop()

    def _deliver(self, result: dict[str, Any], seconds: float) -> bool:
        self._shipper.finish(seconds)
        left = seconds
        for pause in backoff():
            if self.gone:
                return False
            try:
                return self._report(result)
            except Unreachable:
                left -= pause
                if left < 0:
                    return False
                self._heart.pause(pause)
        return False

    def _report(self, result: dict[str, Any]) -> bool:
        """Whether some result was taken. Raises Unreachable."""
        try:
            self._control.result(self.claim, result)
        except JobGone:
            return False
        except Refused as error:
            return result["outcome"] == "succeeded" and self._report(_unsaid(error))
        return True

    def beat(self) -> None:
        """One heartbeat. Raises Unreachable; everything else is acted on."""
        with self._lock:
            sent = list(self._observations)
        try:
            self.heartbeat_answer = self._control.heartbeat(self.claim, sent)
        except JobGone:
            return self.lose()
        except Refused:
            return None
        with self._lock:
            del self._observations[: len(sent)]
        if self.heartbeat_answer.get("cancel") and not self.cancel_requested:
            self.cancel()
        return None


def _unsaid(error: Refused) -> dict[str, Any]:
    """In place of a result that was refused: the job must end all the same."""
    reason = f"The control plane did not take the job's result: {error}"[:500]
    return {
        "outcome": "failed",
        "output": {},
        "error": {"type": "PlatformError", "reason": reason},
    }


class Heart:
    """A thread that beats for one job, whatever the job's own threads do."""

    def __init__(self, job: Job, pace: Callable[[], float]) -> None:
        self._job = job
        self._pace = pace
        self._ended = threading.Event()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._hurried.set()

    def hurry(self) -> None:
        """Beats again as soon as may be: there is something to tell."""
        self._hurried.set()

    def pause(self, seconds: float) -> None:
        """Waits while the heart goes on."""
        self._ended.wait(seconds)

    def _run(self) -> None:
        while not self._rest(self._pace()) and not self._job.gone:
            try:
                self._job.beat()
            except Unreachable:
                self._retry()

    def _rest(self, seconds: float) -> bool:
        """Waits for the next beat, not so long if there is something to tell; whether it ended."""
        least = min(seconds, HURRIED_SECONDS)
        if self._ended.wait(least):
            return True
        self._hurried.wait(seconds - least)
        self._hurried.clear()
        return self._ended.is_set()

    def _retry(self) -> None:
        every = self._pace()
        for pause in backoff(first=min(0.5, every), most=every):
            if self._ended.wait(pause) or self._job.gone:
                return None
            try:
                return self._job.beat()
            except Unreachable:
                continue
        return None
