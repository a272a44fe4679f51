"""Jobs for agents. Handing them out needs PostgreSQL."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, delete, exists, func, not_, or_, select, update

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.work import jobs
from shared.adapters.postgres.transaction import Transaction
from shared.domain.agents import EVERYBODY, Depth, Reach
from shared.domain.ids import now
from shared.domain.jobs import ROUTE_WRITERS, Job, JobKind, JobState

_ROUTE_WRITERS: Final = sorted(ROUTE_WRITERS)
_TURNS: Final = 0x726F757465
"""Names the advisory locks of services whose route is being written."""


class SqlJobs:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, jobs, Job, key=("id",))

    def add(self, job: Job) -> Job:
        if self._tx.insert_new(jobs, values(job)):
            return job
        mine = and_(jobs.c.organization_id == job.organization_id, jobs.c.key == job.key)
        self._tx.execute(update(jobs).where(mine).values(sealed_token=job.sealed_token))
        query = self._rows.where(organization_id=job.organization_id, key=job.key)
        kept = self._rows.one(query)
        return job if kept is None else kept

    def get(self, job_id: UUID) -> Job:
        return self._rows.get(job_id)

    def lock(self, job_id: UUID) -> Job:
        return self._rows.get(job_id, lock=True)

    def claim(
        self, kinds: Sequence[JobKind], agent: str, token_hash: str, reach: Reach = EVERYBODY
    ) -> Job | None:
        taken_in_between: list[UUID] = []
        while (job := self._oldest(kinds, taken_in_between, reach)) is not None:
            if job.kind in ROUTE_WRITERS and not self._route_is_free(job):
                taken_in_between.append(job.id)
                continue
            at = now()
            claimed = replace(
                job,
                state=JobState.RUNNING,
                agent=agent,
                token_hash=token_hash,
                claimed_at=at,
                heartbeat_at=at,
            )
            self._rows.update(claimed)
            return claimed
        return None

    def _oldest(
        self, kinds: Sequence[JobKind], without: Sequence[UUID], reach: Reach
    ) -> Job | None:
        query = _queued(tuple(kinds))
        if without:
            query = query.where(jobs.c.id.not_in(without))
        if reach.only:
            query = query.where(jobs.c.organization_id.in_(reach.only))
        if reach.never:
            theirs = and_(jobs.c.kind == JobKind.BUILD, jobs.c.organization_id.in_(reach.never))
            query = query.where(not_(theirs))
        return self._rows.one(query)

    def _route_is_free(self, job: Job) -> bool:
        """Whether no other caller has handed out a writer of that route; holds its turn."""
        if job.service_id is None:
            return True
        turn = func.pg_advisory_xact_lock(_TURNS ^ (job.service_id.int >> 65))
        self._tx.execute(select(turn))
        running = exists().where(
            jobs.c.organization_id == job.organization_id,
            jobs.c.service_id == job.service_id,
            jobs.c.state == JobState.RUNNING,
            jobs.c.kind.in_(_ROUTE_WRITERS),
        )
        return not self._tx.scalar(select(running))

    def save(self, job: Job) -> None:
        self._rows.update(job)

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Job]:
        query = self._rows.where(organization_id=organization_id, deployment_id=deployment_id)
        return self._rows.all(query.order_by(jobs.c.created_at, jobs.c.id))

    def unfinished_everywhere(self) -> Sequence[Job]:
        query = self._rows.where(
            or_(jobs.c.state == JobState.QUEUED, jobs.c.state == JobState.RUNNING)
        )
        return self._rows.all(query.order_by(jobs.c.created_at, jobs.c.id))

    def remove(self, job_id: UUID) -> None:
        self._tx.execute(delete(jobs).where(jobs.c.id == job_id))

    def prune_everywhere(self, kind: JobKind, before: datetime) -> int:
        old = delete(jobs).where(jobs.c.kind == kind, jobs.c.created_at < before)
        return int(self._tx.execute(old).rowcount)

    def depth_everywhere(self) -> Sequence[Depth]:
        places = (jobs.c.kind, jobs.c.state)
        unfinished = jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING))
        oldest = func.min(jobs.c.created_at).label("oldest_at")
        query = select(*places, func.count().label("jobs"), oldest)
        rows = self._tx.rows(query.where(unfinished).group_by(*places).order_by(*places))
        return [Depth(**row._mapping) for row in rows]


@cache
def _queued(kinds: tuple[JobKind, ...]) -> Select[Any]:
    """The oldest job of those kinds that may run now and that nobody else is looking at."""
    other = jobs.alias("other")
    route_is_busy = exists().where(
        other.c.organization_id == jobs.c.organization_id,
        other.c.service_id == jobs.c.service_id,
        other.c.state == JobState.RUNNING,
        other.c.kind.in_(_ROUTE_WRITERS),
    )
    return (
        select(*(jobs.c[field.name] for field in fields(Job)))
        .where(
            jobs.c.state == JobState.QUEUED,
            jobs.c.kind.in_(kinds),
            not_(and_(jobs.c.kind.in_(_ROUTE_WRITERS), route_is_busy)),
        )
        .order_by(jobs.c.created_at, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
    )
