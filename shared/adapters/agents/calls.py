"""Calls that an edge's agent makes for this process: a job each, awaited here."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from shared.adapters.agents.wire import call_of
from shared.domain import errors
from shared.domain.errors import PlatformError, Transient
from shared.domain.ids import new_id, now
from shared.domain.jobs import ENDED, Job, JobKind, JobState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.jobs import PLATFORM

FIRST_LOOK_SECONDS: Final = 0.05
LONGEST_LOOK_SECONDS: Final = 0.5
"""Between two looks for the answer: no session of the store waits for it meanwhile."""


class AgentCalls:
    """Makes calls within `seconds` each; `unit_of_work` gives transactions of their own.

    A call that nobody answered in time raises Transient and is not made later either: its job is
    gone, and an agent that has it in its hands hears so and stops.
    """

    def __init__(
        self, unit_of_work: Callable[[], UnitOfWork], vault: Vault, *, seconds: float
    ) -> None:
        self._unit_of_work = unit_of_work
        self._vault = vault
        self._seconds = seconds

    def make(self, port: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """The value the method returned there, or the error it raised."""
        call = call_of(port, method)
        job = self._job(port, method, call.dump_arguments(*args, **kwargs))
        try:
            ended = self._ended(job)
        finally:
            self._forget(job)
        if ended.state is JobState.SUCCEEDED:
            return call.load_value((ended.output or {}).get("value"))
        raise _error(ended)

    def _job(self, port: str, method: str, arguments: dict[str, Any]) -> Job:
        """Values of variables stay sealed until the agent asks for them."""
        job_id, sealed = new_id(), None
        env = (arguments.get("spec") or {}).pop("env", None)
        if env:
            sealed = self._vault.seal(json.dumps(env), str(job_id))
        job = Job(
            id=job_id,
            organization_id=PLATFORM,
            deployment_id=None,
            service_id=None,
            key=f"{port}.{method}:{job_id}",
            kind=JobKind.COMPUTE,
            step=f"{port}.{method}",
            attempt=1,
            state=JobState.QUEUED,
            spec={
                "port": port,
                "method": method,
                "arguments": arguments,
                "until": (now() + timedelta(seconds=self._seconds)).isoformat(),
            },
            sealed_token=None,
            created_at=now(),
            sealed_values=sealed,
        )
        with self._unit_of_work() as uow:
            uow.jobs.add(job)
            uow.notify("jobs", job.role)
        return job

    def _ended(self, job: Job) -> Job:
        deadline = time.monotonic() + self._seconds
        pause = FIRST_LOOK_SECONDS
        while True:
            with self._unit_of_work() as uow:
                found = uow.jobs.get(job.id)
            if found.state in ENDED:
                return found
            if time.monotonic() + pause > deadline:
                raise Transient(_silence(found, self._seconds))
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)

    def _forget(self, job: Job) -> None:
        with self._unit_of_work() as uow:
            uow.jobs.remove(job.id)


def _silence(job: Job, seconds: float) -> str:
    if job.state is JobState.QUEUED:
        return f"no agent took {job.step} within {seconds:g} s: is one with the role edge running?"
    return f"the agent {job.agent} did not finish {job.step} within {seconds:g} s"


def _error(job: Job) -> PlatformError:
    reason = job.reason or f"{job.step} ended as {job.state}"
    if job.state is JobState.CANCELLED:
        return Transient(reason)
    named = getattr(errors, job.error or "", None)
    if isinstance(named, type) and issubclass(named, PlatformError):
        return named(reason)
    return PlatformError(reason)
