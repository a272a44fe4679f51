"""Agents: the tokens that let them in, whose name is whose, and how much work waits for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.access import Actor, token_hash
from shared.domain.agents import AGENT_TOKEN_PREFIX, Registration, new_agent_token
from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.ids import new_id, now
from shared.domain.jobs import ROLE, Agent, JobKind, JobState
from shared.domain.names import checked_name
from shared.ports.store import UnitOfWork

ROLES: Final = ("build", "edge")
_HINT: Final = len(AGENT_TOKEN_PREFIX) + 6
_STANDING: Final = frozenset({JobKind.WATCH})
"""Kinds that never end and are no load."""


def create_token(
    actor: Actor,
    *,
    name: str,
    roles: Iterable[str],
    organizations: Iterable[UUID],
    operator: UUID | None,
    uow: UnitOfWork,
) -> tuple[Registration, str]:
    """A new registration token and its text, which is shown now and never again.

    Raises Forbidden for anybody but the platform's operator, Invalid, and Conflict when a token
    in use has that name.
    """
    require_operator(actor, operator)
    given, only = tuple(sorted(set(roles))), tuple(sorted(str(each) for each in organizations))
    if not given or not set(given) <= set(ROLES):
        raise Invalid(f"a registration token is for one or more of these roles: {_and(ROLES)}")
    if only and given != ("build",):
        raise Invalid("only builds can be kept to organisations: the edge serves everybody")
    text = new_agent_token()
    token = Registration(
        id=new_id(),
        name=checked_name(name),
        hint=text[:_HINT],
        token_hash=token_hash(text),
        roles=given,
        organizations=only,
        created_by=actor.name,
        created_at=now(),
    )
    with uow:
        names = {each.name for each in uow.registrations.list() if each.revoked_at is None}
        if token.name in names:
            raise Conflict(f"there is a registration token {token.name!r}: revoke it first")
        uow.registrations.add(token)
        detail = {"roles": list(given), "organizations": list(only)}
        uow.audit.about("agent_token", token.id, token.name, **detail)
    return token, text


def list_tokens(actor: Actor, *, operator: UUID | None, uow: UnitOfWork) -> Sequence[Registration]:
    """Every registration token, newest first. Raises Forbidden."""
    require_operator(actor, operator)
    with uow:
        return uow.registrations.list()


def revoke_token(
    actor: Actor, token_id: UUID, *, dry_run: bool, operator: UUID | None, uow: UnitOfWork
) -> Registration:
    """Revoke a token, or with `dry_run` only find it; revoking twice is fine.

    Its agents get nothing from their next claim on, and their names are free. Jobs in their
    hands go on: each has a token of its own. Raises Forbidden, NotFound.
    """
    require_operator(actor, operator)
    with uow:
        token = uow.registrations.get(token_id)
        if token.revoked_at is None and not dry_run:
            token = token.revoked(now())
            uow.registrations.save(token)
            uow.audit.about("agent_token", token.id, token.name)
    return token


def forget_agent(
    actor: Actor, name: str, *, dry_run: bool, operator: UUID | None, uow: UnitOfWork
) -> Agent:
    """Take an agent off the list, so that its name is free for another token; or only find it.

    Raises Forbidden, NotFound.
    """
    require_operator(actor, operator)
    with uow:
        found = next((each for each in uow.agents.list() if each.name == name), None)
        if found is None:
            raise NotFound(f"there is no agent {name}")
        if not dry_run:
            uow.agents.forget(name)
            uow.audit.about("agent", name, name)
    return found


def token_names(uow: UnitOfWork) -> dict[UUID | None, str]:
    """What registration tokens are called, by id, inside the caller's transaction."""
    return {token.id: token.name for token in uow.registrations.list()}


@dataclass(frozen=True, slots=True)
class Queue:
    """The work of one role: waiting, in hand, and what its living agents can do at once."""

    role: str
    queued: int
    oldest_at: datetime | None
    running: int
    agents: int
    capacity: int

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest queued job has waited."""
        return 0.0 if self.oldest_at is None else (now() - self.oldest_at).total_seconds()


def queues(patience: timedelta, *, uow: UnitOfWork) -> list[Queue]:
    """Both roles' queues; an agent counts when it was heard of within `patience`."""
    with uow:
        alive = [each for each in uow.agents.list() if now() - each.last_seen_at < patience]
        depths = uow.jobs.depth_everywhere()
    found = []
    for role in ROLES:
        mine = [d for d in depths if ROLE[JobKind(d.kind)] == role and d.kind not in _STANDING]
        queued = [each for each in mine if each.state == JobState.QUEUED]
        able = [agent for agent in alive if role in agent.roles]
        found.append(
            Queue(
                role=role,
                queued=sum(each.jobs for each in queued),
                oldest_at=min((each.oldest_at for each in queued), default=None),
                running=sum(each.jobs for each in mine if each.state == JobState.RUNNING),
                agents=len(able),
                capacity=sum(agent.capacity for agent in able),
            )
        )
    return found


def require_operator(actor: Actor, operator: UUID | None) -> None:
    """Raises Forbidden: agents build and route for everybody, not for one organisation."""
    if operator is None:
        raise Forbidden(
            "this platform has no operator who may let agents in: set C2D_OPERATOR_ORGANIZATION"
        )
    if actor.organization_id != operator:
        raise Forbidden("agents work for every organisation: only the platform's operator may")


def _and(words: Sequence[str]) -> str:
    return " and ".join(words)
