"""What reports and comments have in common: claims, when to try again, access that is lost."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from shared.domain.errors import AccessLost, NotFound, PlatformError
from shared.domain.git import ConnectionState, GitConnection
from shared.domain.ids import now
from shared.ports.git import Account, Reports
from shared.ports.store import UnitOfWork

CLAIM: Final = timedelta(minutes=2)
"""Longer than all the calls of one report may take: after that its teller is taken for dead."""
PATIENCE: Final = timedelta(hours=24)
_FIRST: Final = timedelta(seconds=2)
_LONGEST: Final = timedelta(hours=1)


class Host(Reports, Protocol):
    """What telling something takes of a Git provider."""

    def account(self, token: str) -> Account: ...


Reach = Callable[[GitConnection], tuple[Host, str]]
"""A connection's provider, and an access token for it. Raises AccessLost and Transient."""


def next_try(at: datetime, tries: int, wished: int | None = None) -> datetime:
    """When to try again after `tries` failures in a row: twice as late each time, up to an hour.

    Not before the seconds the provider `wished`. Jitter keeps many from coming back together.
    """
    longest = min(_FIRST.total_seconds() * 2 ** min(tries, 12), _LONGEST.total_seconds())
    seconds = longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    return at + timedelta(seconds=max(seconds, wished or 0))


@contextmanager
def losing_access(
    connection: GitConnection,
    service_id: UUID,
    host: Host,
    token: str,
    *,
    uow: UnitOfWork,
) -> Iterator[None]:
    """Show access that the block finds lost where people look for it, and raise on.

    The service's repository has lost it; so has the connection when its own account is closed to
    the token too.
    """
    try:
        yield
    except AccessLost as error:
        with uow:
            source = uow.sources.find(connection.organization_id, service_id)
            if source is not None and source.connection_id == connection.id:
                uow.sources.put(replace(source, lost_reason=error.reason, checked_at=now()))
        if not _opens(host, token):
            _lose(connection, error, uow=uow)
        raise


def _opens(host: Host, token: str) -> bool:
    try:
        host.account(token)
    except AccessLost:
        return False
    except PlatformError:  # it cannot be said now
        return True
    return True


def _lose(connection: GitConnection, error: AccessLost, *, uow: UnitOfWork) -> None:
    at = now()
    with uow:
        try:
            present = uow.connections.lock(connection.organization_id, connection.id)
        except NotFound:
            return
        if present.state is ConnectionState.ACTIVE:
            lost = replace(present, state=ConnectionState.LOST, reason=error.reason)
            uow.connections.save(replace(lost, checked_at=at, updated_at=at))
