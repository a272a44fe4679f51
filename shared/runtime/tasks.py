"""The one place a Step Functions task meets Lambda."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final, TypeVar, get_type_hints
from uuid import UUID

from pydantic import BaseModel

from shared.domain.errors import PlatformError
from shared.domain.payloads import check_version
from shared.observing import metrics
from shared.observing.fields import note
from shared.observing.invocations import observed
from shared.observing.lines import Log
from shared.usecases.attempts import Attempt

log = Log(__name__)
In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel | None)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_IDS: Final = ("correlation_id", "organization_id", "service_id", "deployment_id", "attempt")


class AttemptInput(BaseModel):
    """What the state machines hand to a task: ids and numbers."""

    organization_id: UUID
    service_id: UUID
    deployment_id: UUID
    attempt: int
    lease: int | None = None
    retry: int = 0
    task_token: str | None = None
    execution: str | None = None
    correlation_id: str | None = None

    @property
    def attempt_ref(self) -> Attempt:
        return Attempt(
            self.organization_id,
            self.service_id,
            self.deployment_id,
            self.attempt,
            self.lease,
            self.retry,
            self.task_token,
            self.execution,
            self.correlation_id,
        )


def task(step: Callable[[In], Out]) -> Handler:
    """Validate the state's input, run `step`, return its output as JSON.

    An input of a newer release is Transient: the state machine tries again.

    Errors leave as they are: the state machine reads their class names.
    """
    accepts: type[In] = get_type_hints(step)[step.__code__.co_varnames[0]]

    name = _step_name(step.__module__)

    def run(event: Mapping[str, Any]) -> dict[str, Any]:
        check_version(event)
        result = step(accepts.model_validate(event))
        return {} if result is None else result.model_dump(mode="json")

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        _note_ids(event, name)
        began = monotonic()
        try:
            output = run(event)
        except Exception as error:  # every error leaves as it is: the line says which
            reason = error.reason if isinstance(error, PlatformError) else None
            ms = round((monotonic() - began) * 1000)
            log.warning("step failed", error=type(error).__name__, reason=reason, duration_ms=ms)
            raise
        took = monotonic() - began
        log.info("step done", duration_ms=round(took * 1000), waits="task_token" in event)
        if "task_token" not in event:  # else an agent or the line in front of a lease is waited for
            metrics.seconds("StepSeconds", took, Step=name)
        return output

    return handler


def _note_ids(event: Mapping[str, Any], step: str) -> None:
    """Before anything is validated: a refused input has its ids on its line too."""
    ids = {name: event.get(name) for name in _IDS}
    attempt = f"{ids['deployment_id']}-{ids['attempt']}"
    note(**ids, step=step, execution=event.get("execution") or attempt)
    if not ids["correlation_id"]:  # one that was begun before there was such an id
        note(correlation_id=ids["deployment_id"])


def _step_name(module: str) -> str:
    """`functions.tasks.deploy.mark_live` is `MarkLive`, as the state is called."""
    return "".join(part.title() for part in module.rpartition(".")[2].split("_"))
