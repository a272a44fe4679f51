"""Agents ask for work: who gets which job, and what a claim says of its agent."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.domain.agents import EVERYBODY, Pace, Reach
from shared.domain.ids import new_id, now
from shared.domain.jobs import ROLE, Agent, Job, JobKind, JobState
from shared.ports.store import UnitOfWork
from shared.usecases.jobs import BEAT_SECONDS, PLATFORM, silent, token_hash

_ROLES_HOLD: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in an agent's hands, with the token that opens only this job."""

    job: Job
    token: str


def claim(
    agent: Agent,
    roles: Sequence[str],
    *,
    uow: UnitOfWork,
    reach: Reach = EVERYBODY,
    pace: Pace | None = None,
) -> Claim | None:
    """The oldest job one of `roles` may take, or None. Seeing an agent also records it."""
    token = f"c2dj_{secrets.token_urlsafe(32)}"
    kinds = [kind for kind in JobKind if ROLE[kind] in roles]
    with uow:
        _seen(uow, agent)
        if "edge" in roles:
            _ensure_watch(uow, agent.name, 2.5 * pace.watch if pace else 0)
        job = uow.jobs.claim(kinds, agent.name, token_hash(token), reach)
        while job is not None and overdue(job):
            uow.jobs.remove(job.id)
            job = uow.jobs.claim(kinds, agent.name, token_hash(token), reach)
    return Claim(job, token) if job else None


def overdue(job: Job) -> bool:
    """Whether nobody waits any more: a call made late would meet another state of things."""
    return job.kind is JobKind.COMPUTE and now().isoformat() > job.spec["until"]


def _seen(uow: UnitOfWork, agent: Agent) -> None:
    """An agent asks for each role apart: what it asked for a moment ago still holds."""
    for known in uow.agents.list():
        lately = agent.last_seen_at - known.last_seen_at < _ROLES_HOLD
        if known.name == agent.name and lately:
            roles = tuple(sorted({*known.roles, *agent.roles}))
            agent = replace(agent, roles=roles)
    uow.agents.seen(agent)


def _ensure_watch(uow: UnitOfWork, agent: str, patience: float) -> None:
    """One standing watch per edge; a silent one is given up so that a restarted agent gets it."""
    key = f"watch:{agent}"
    for job in uow.jobs.unfinished_everywhere():
        if job.kind is not JobKind.WATCH or not job.key.startswith(key):
            continue
        if job.state is JobState.QUEUED or not silent(job, max(5 * BEAT_SECONDS, patience)):
            return
        uow.jobs.save(replace(job, state=JobState.FAILED, ended_at=now(), error="AgentLost"))
    uow.jobs.add(
        Job(
            id=new_id(),
            organization_id=PLATFORM,
            deployment_id=None,
            service_id=None,
            key=f"{key}:{new_id()}",
            kind=JobKind.WATCH,
            step="Watch",
            attempt=1,
            state=JobState.QUEUED,
            spec={},
            sealed_token=None,
            created_at=now(),
        )
    )
