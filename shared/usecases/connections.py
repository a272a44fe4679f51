"""Connected accounts: tokens that are always fresh, and access that is lost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.errors import AccessLost, Conflict, NotFound, PlatformError
from shared.domain.git import ConnectionState, GitConnection, GitHook, GitSource
from shared.domain.ids import now
from shared.ports.git import GitProvider, Providers
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.connecting import sealed_tokens

EARLY: Final = timedelta(minutes=5)
"""How long before its end a token is replaced: longer than any call or clone begins with it."""
CHECK_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Access:
    """The way to the accounts of connections: their providers, and tokens that last.

    Its transactions are its own: a token that is replaced is no change a request has asked for,
    and is kept whatever becomes of the request.
    """

    uow: UnitOfWork
    vault: Vault
    providers: Providers

    def __call__(self, connection: GitConnection) -> tuple[GitProvider, str]:
        """The connection's provider and an access token that lasts a while.

        Raises AccessLost when the connection is lost, Transient, Invalid when the provider is no
        longer set up here.
        """
        if connection.state is ConnectionState.LOST:
            raise AccessLost(_lost(connection))
        return self.again(connection)

    def again(self, connection: GitConnection) -> tuple[GitProvider, str]:
        """The same for one that may be lost: it is tried again."""
        provider = self.providers(connection.provider)
        if provider.base_url != connection.base_url:
            raise AccessLost(
                f"{connection.account_name} was connected at {connection.base_url}, and this "
                f"platform is now set to {provider.base_url}"
            )
        return provider, self._token(connection, provider)

    def of(self, organization_id: UUID, connection_id: UUID) -> tuple[GitProvider, str]:
        """The same, by id. Raises NotFound."""
        with self.uow as uow:
            connection = uow.connections.get(organization_id, connection_id)
        return self(connection)

    def _token(self, connection: GitConnection, provider: GitProvider) -> str:
        if _lasts(connection, now()):
            return self._open(connection)
        fresh = self._refreshed(connection, provider)
        if fresh.state is ConnectionState.LOST:
            raise AccessLost(_lost(fresh))
        return self._open(fresh)

    def _refreshed(self, connection: GitConnection, provider: GitProvider) -> GitConnection:
        """Replace the tokens while holding the row: whoever waits for it finds them replaced.

        The provider is asked inside the transaction on purpose: a refresh token works once, and
        two at a time would end the connection.
        """
        with self.uow as uow:
            present = uow.connections.lock(connection.organization_id, connection.id)
            if _lasts(present, now()) or present.sealed_refresh_token is None:
                return present
            refresh_token = self.vault.open(present.sealed_refresh_token, str(present.id))
            try:
                grant = provider.refresh(refresh_token)
            except AccessLost as error:
                return uow.connections.save(_losing(present, error.reason))
            tokens = sealed_tokens(grant, str(present.id), self.vault)
            if grant.refresh_token is None:
                del tokens["sealed_refresh_token"]
            tokens |= {"state": ConnectionState.ACTIVE, "reason": None, "updated_at": now()}
            return uow.connections.save(replace(present, **tokens))

    def _open(self, connection: GitConnection) -> str:
        return self.vault.open(connection.sealed_access_token, str(connection.id))


def _lasts(connection: GitConnection, at: datetime) -> bool:
    ends = connection.token_expires_at
    return ends is None or at < ends - EARLY


def _lost(connection: GitConnection) -> str:
    why = connection.reason or "the provider no longer accepts its token"
    return (
        f"the connection to {connection.account_name} at {connection.base_url} is lost ({why}): "
        f"connect it again with c2d git connect {connection.provider}"
    )


def _losing(connection: GitConnection, reason: str) -> GitConnection:
    at = now()
    return replace(
        connection, state=ConnectionState.LOST, reason=reason, checked_at=at, updated_at=at
    )


def check_connections(*, access: Access, at: datetime, limit: int) -> int:
    """Ask the providers whether they still let us in: the connections whose turn it is.

    What is lost is shown on the connection and its services before a push would find out, and
    what is back again too. Answers how many were asked.
    """
    with access.uow as uow:
        due = [
            connection
            for connection in uow.connections.all_everywhere()
            if connection.checked_at is None or at - connection.checked_at >= CHECK_EVERY
        ]
    due.sort(key=lambda connection: connection.checked_at or connection.created_at)
    for connection in due[:limit]:
        check(connection, access=access)
    return len(due[:limit])


def check(connection: GitConnection, *, access: Access) -> None:
    """Ask whether the account and each of its repositories in use are still open to us."""
    try:
        provider, token = access.again(connection)
        with access.uow as uow:
            connection = uow.connections.get(connection.organization_id, connection.id)
        provider.account(token)
    except (AccessLost, NotFound) as error:
        _note(connection, error.reason, access.uow)
        return
    except PlatformError:
        return  # nobody knows; the next turn tells
    _note(connection, None, access.uow)
    with access.uow as uow:
        sources = uow.sources.of_connection(connection.organization_id, connection.id)
    for source in sources:
        _check_source(source, provider, token, access.uow)


def _note(connection: GitConnection, lost: str | None, uow: UnitOfWork) -> None:
    with uow:
        try:
            present = uow.connections.lock(connection.organization_id, connection.id)
        except NotFound:
            return
        if present.version != connection.version:
            return  # it has other tokens by now: what the old ones open says nothing of it
        state = ConnectionState.ACTIVE if lost is None else ConnectionState.LOST
        at = now()
        changed = replace(present, state=state, reason=lost, checked_at=at)
        if present.state is not state:
            changed = replace(changed, updated_at=at)
        uow.connections.save(changed)


def _check_source(source: GitSource, provider: GitProvider, token: str, uow: UnitOfWork) -> None:
    changed = replace(source, checked_at=now(), lost_reason=None)
    try:
        found = provider.get(token, source.full_name)
    except (AccessLost, NotFound):
        changed = replace(
            changed, lost_reason=f"the account no longer sees the repository {source.full_name}"
        )
    except PlatformError:
        return
    else:
        if found.id != source.repository_id:
            reason = f"{source.full_name} is another repository now: choose it again"
            changed = replace(changed, lost_reason=reason)
        else:
            changed = replace(changed, full_name=found.full_name, clone_url=found.clone_url)
    with uow:
        _save_source(source, changed, uow)


def _save_source(before: GitSource, after: GitSource, uow: UnitOfWork) -> None:
    """Unless the service has another source by now. A rename reaches the service's URL too."""
    org = before.organization_id
    try:
        service = uow.services.lock(org, before.service_id)
    except NotFound:
        return
    if uow.sources.find(org, service.id) != before:
        return
    uow.sources.put(after)
    hook = uow.hooks.find(org, after.connection_id, after.repository_id)
    if hook is not None and hook.full_name != after.full_name:
        uow.hooks.save(replace(hook, full_name=after.full_name))
    source = service.source
    if source and source.repository_url == before.clone_url != after.clone_url:
        renamed = replace(source, repository_url=after.clone_url)
        uow.services.save(replace(service, source=renamed, updated_at=now()))


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What went with a connection, and what its provider could not be told."""

    connection: GitConnection
    hooks: Sequence[GitHook]
    services: Sequence[tuple[UUID, str]]
    failures: Sequence[str] = ()


def disconnect(
    organization_id: UUID,
    connection_id: UUID,
    *,
    force: bool,
    dry_run: bool,
    uow: UnitOfWork,
    access: Access,
) -> Disconnected:
    """Remove our hooks and give the token back at the provider, then forget the connection.

    Services keep their repository's URL, but no push reaches them any more; with services that
    use it, it raises Conflict unless `force`. A provider that cannot be told hinders nothing.
    """
    with uow:
        connection = uow.connections.get(organization_id, connection_id)
        hooks = uow.hooks.of_connection(organization_id, connection_id)
        sources = uow.sources.of_connection(organization_id, connection_id)
        used = [uow.services.get(organization_id, source.service_id) for source in sources]
    gone = Disconnected(connection, hooks, [(service.id, service.name) for service in used])
    if dry_run:
        return gone
    if used and not force:
        names = ", ".join(service.name for service in used)
        raise Conflict(
            f"{names} would no longer deploy on a push: give them another source, or use force"
        )
    failures = _told(connection, hooks, access)
    with uow:
        uow.audit.about("git_connection", connection.id, connection.account_name, force=force)
        uow.connections.remove(organization_id, connection_id)
    return replace(gone, failures=failures)


def _told(connection: GitConnection, hooks: Sequence[GitHook], access: Access) -> list[str]:
    try:
        provider, token = access.again(connection)
    except PlatformError as error:
        return [error.reason]
    failures = []
    for hook in hooks:
        if hook.registered_id is None:
            continue
        try:
            provider.remove(token, hook.full_name, hook.registered_id)
        except PlatformError as error:
            failures.append(f"the webhook on {hook.full_name} is still there: {error.reason}")
    try:
        provider.revoke(token)
    except PlatformError as error:
        failures.append(f"the token was not given back: {error.reason}")
    return failures
