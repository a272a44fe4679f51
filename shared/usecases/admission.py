"""Whether an agent may ask for work: its registration token, its roles, and whose its name is."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.domain.access import token_hash
from shared.domain.agents import CONFIGURED, EVERYBODY, Pace, Reach, Registration
from shared.domain.errors import Conflict, Forbidden, Gone, Unauthenticated
from shared.domain.ids import now
from shared.domain.jobs import ENDED, Agent, JobState
from shared.ports.store import UnitOfWork
from shared.usecases.claiming import Claim, claim
from shared.usecases.jobs import authenticated

USE_NOTED: Final = timedelta(minutes=1)
"""How much older the noted last use must be before it is written again."""


def admitted_claim(
    token: str,
    agent: Agent,
    roles: Sequence[str],
    *,
    configured: str | None,
    pace: Pace,
    uow: UnitOfWork,
) -> Claim | None:
    """The oldest job that whoever holds `token` may have, or None.

    Nothing of the token is cached: one that is revoked gets nothing more. Raises Unauthenticated,
    Forbidden for a role that is not the token's, Conflict for a name that is another token's.
    """
    with uow:
        everything = uow.registrations.list()
        mine = _known(token, configured, everything)
        _check_roles(mine, roles)
        _check_name(agent.name, mine, configured, everything, uow)
        if mine and (mine.last_used_at is None or now() - mine.last_used_at >= USE_NOTED):
            uow.registrations.used(mine.id, now())
    seen = replace(agent, token_id=mine.id if mine else None)
    return claim(seen, roles, reach=_reach(mine, everything), pace=pace, uow=uow)


def _known(
    token: str, configured: str | None, everything: Sequence[Registration]
) -> Registration | None:
    """Which token it is; None for the configured one. Raises Unauthenticated."""
    if configured and secrets.compare_digest(token.encode(), configured.encode()):
        return None
    digest = token_hash(token)
    found = next((each for each in everything if each.token_hash == digest), None)
    if found is None:
        raise Unauthenticated("this agent registration token is not known here")
    if found.revoked_at is not None:
        raise Unauthenticated(f"the agent registration token {found.name!r} has been revoked")
    return found


def _check_roles(mine: Registration | None, roles: Sequence[str]) -> None:
    if mine and (foreign := sorted(set(roles) - set(mine.roles))):
        allowed = " and ".join(mine.roles)
        raise Forbidden(f"the token {mine.name!r} is for the role {allowed}, not {foreign[0]}")


def _check_name(
    name: str,
    mine: Registration | None,
    configured: str | None,
    everything: Sequence[Registration],
    uow: UnitOfWork,
) -> None:
    """A name belongs to the token it came with first, until that is revoked or forgotten."""
    known = next((each for each in uow.agents.list() if each.name == name), None)
    if known is None or known.token_id == (mine.id if mine else None):
        return
    in_use: dict[UUID | None, str] = {t.id: t.name for t in everything if t.revoked_at is None}
    if configured:
        in_use[None] = CONFIGURED
    if owner := in_use.get(known.token_id):
        said = f"the agent name {name} belongs to the registration token {owner!r}"
        raise Conflict(f"{said}: use another name, or free it with c2d agents forget {name}")


def _reach(mine: Registration | None, everything: Sequence[Registration]) -> Reach:
    """Organisations with builders of their own build nowhere else."""
    if mine and mine.organizations:
        return Reach(only=tuple(map(UUID, mine.organizations)))
    taken = {each for t in everything if t.revoked_at is None for each in t.organizations}
    return Reach(never=tuple(sorted(map(UUID, taken)))) if taken else EVERYBODY


def give_back(job_id: UUID, token: str, *, uow: UnitOfWork) -> None:
    """Queue a job again that its agent has not begun: it was told to stop while it claimed.

    Raises Unauthenticated, Gone for a job that has ended, Conflict for one that has begun.
    """
    with uow:
        job = authenticated(job_id, token, uow=uow)
        if job.state in ENDED:
            raise Gone("this job has ended: stop working on it")
        if job.heartbeat_at != job.claimed_at:
            raise Conflict("this job has begun: report how it ended")
        free = replace(
            job,
            state=JobState.QUEUED,
            agent=None,
            token_hash=None,
            claimed_at=None,
            heartbeat_at=None,
        )
        uow.jobs.save(free)
        uow.notify("jobs", job.role)
