"""Answers to waiting states, sent after the transaction that decided them has committed."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.domain.errors import TokenExpired
from shared.ports.secrets import Vault
from shared.ports.workflows import Workflows


def token_context(deployment_id: UUID | None) -> str:
    """What a sealed task token is bound to."""
    return f"task-token:{deployment_id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Success with `output`, or a failure by `error` name and `reason`."""

    sealed_token: str
    deployment_id: UUID | None
    output: dict[str, Any] | None = None
    error: str | None = None
    reason: str = ""


def send(answers: Iterable[Answer], *, workflows: Workflows, vault: Vault) -> None:
    """Send them all; a state that no longer waits has been answered before, which is fine.

    Raises Transient when the engine is away: whoever retries, or reconcile, sends them again.
    """
    for answer in answers:
        token = vault.open(answer.sealed_token, token_context(answer.deployment_id))
        with suppress(TokenExpired):
            if answer.error is None:
                workflows.succeed(token, answer.output or {})
            else:
                workflows.fail(token, answer.error, answer.reason)
