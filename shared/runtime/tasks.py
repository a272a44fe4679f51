"""The one place a Step Functions task meets Lambda."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints
from uuid import UUID

from aws_lambda_powertools import Logger
from pydantic import BaseModel

from shared.usecases.attempts import Attempt

logger = Logger(service="tasks")
In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel | None)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


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
        )


def task(step: Callable[[In], Out]) -> Handler:
    """Validate the state's input, run `step`, return its output as JSON.

    Errors leave as they are: the state machine reads their class names.
    """
    accepts: type[In] = get_type_hints(step)[step.__code__.co_varnames[0]]

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        logger.append_keys(step=step.__module__, deployment_id=event.get("deployment_id"))
        result = step(accepts.model_validate(event))
        return {} if result is None else result.model_dump(mode="json")

    return handler
