"""What each sealed column is sealed for: whoever seals a value again needs to know.

A column whose name begins with `sealed` holds what a vault made, and nothing else does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Row

from shared.adapters.postgres.tables.catalogue import env_vars
from shared.adapters.postgres.tables.git import git_connections, git_hooks, oauth_states
from shared.adapters.postgres.tables.limits import idempotency_keys
from shared.adapters.postgres.tables.work import jobs, lease_waiters
from shared.domain.variables import context as variable_context
from shared.usecases.answers import token_context


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """`context` is what the value of a row is bound to; it reads the columns of `named_by`."""

    column: Column[Any]
    named_by: tuple[str, ...]
    context: Callable[[Row[Any]], str]

    def __str__(self) -> str:
        return f"{self.column.table.name}.{self.column.name}"


def _own_id(column: Column[Any]) -> SealedColumn:
    return SealedColumn(column, ("id",), lambda row: str(row.id))


def _task_token(column: Column[Any]) -> SealedColumn:
    return SealedColumn(column, ("deployment_id",), lambda row: token_context(row.deployment_id))


SEALED: Final = (
    SealedColumn(
        env_vars.c.sealed,
        ("service_id", "key"),
        lambda row: variable_context(row.service_id, row.key),
    ),
    _task_token(jobs.c.sealed_token),
    _own_id(jobs.c.sealed_values),
    _task_token(lease_waiters.c.sealed_token),
    _own_id(git_connections.c.sealed_access_token),
    _own_id(git_connections.c.sealed_refresh_token),
    _own_id(git_hooks.c.sealed_secret),
    _own_id(git_hooks.c.sealed_previous_secret),
    _own_id(oauth_states.c.sealed_verifier),
    _own_id(oauth_states.c.sealed_code),
    SealedColumn(
        idempotency_keys.c.sealed_body,
        ("organization_id", "id"),
        lambda row: f"idempotency:{row.organization_id}:{row.id}",
    ),
)
