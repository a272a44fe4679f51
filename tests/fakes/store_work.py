"""Leases, jobs, agents and logs in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.agents import EVERYBODY, Depth, Reach, Registration
from shared.domain.errors import StaleFence
from shared.domain.ids import now
from shared.domain.jobs import ENDED, ROUTE_WRITERS, Agent, Job, JobKind, JobState
from shared.domain.leases import Lease, Waiter
from shared.domain.logs import LogChunk, LogLine
from shared.domain.releases import ReleaseState
from tests.fakes.store_entities import position
from tests.fakes.store_rows import Rows, drop, require


class FakeLeases:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def lock(self, organization_id: UUID, service_id: UUID) -> Lease:
        tables = self._rows.tables
        require(tables.services, (organization_id, service_id))
        fresh = Lease(organization_id, service_id, number=0)
        return tables.leases.setdefault((organization_id, service_id), fresh)

    def save(self, lease: Lease) -> None:
        require(self._rows.tables.leases, (lease.organization_id, lease.service_id))
        self._rows.tables.leases[lease.organization_id, lease.service_id] = lease

    def check(self, organization_id: UUID, service_id: UUID, number: int) -> None:
        lease = self._rows.tables.leases.get((organization_id, service_id))
        if lease is None or lease.holder is None or lease.number != number:
            raise StaleFence("a newer deployment of the service took over")

    def enqueue(self, waiter: Waiter) -> None:
        tables = self._rows.tables
        owner = (waiter.organization_id, waiter.service_id)
        require(tables.deployments, (waiter.organization_id, waiter.deployment_id))
        tables.waiters[*owner, waiter.deployment_id] = waiter

    def waiters(self, organization_id: UUID, service_id: UUID) -> Sequence[Waiter]:
        owner = (organization_id, service_id)
        line = [w for key, w in self._rows.tables.waiters.items() if key[:2] == owner]
        return sorted(line, key=lambda waiter: waiter.deployment_number)

    def leave(self, organization_id: UUID, service_id: UUID, deployment_id: UUID) -> None:
        self._rows.tables.waiters.pop((organization_id, service_id, deployment_id), None)

    def held_everywhere(self) -> Sequence[Lease]:
        return [lease for lease in self._rows.tables.leases.values() if lease.holder is not None]


class FakeJobs:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, job: Job) -> Job:
        jobs = self._rows.tables.jobs
        for kept in jobs.values():
            if (kept.organization_id, kept.key) == (job.organization_id, job.key):
                jobs[kept.id] = replace(kept, sealed_token=job.sealed_token)
                return jobs[kept.id]
        jobs[job.id] = job
        return job

    def get(self, job_id: UUID) -> Job:
        return require(self._rows.tables.jobs, job_id)

    lock = get

    def claim(
        self, kinds: Sequence[JobKind], agent: str, token_hash: str, reach: Reach = EVERYBODY
    ) -> Job | None:
        jobs = self._rows.tables.jobs
        busy = {
            (job.organization_id, job.service_id)
            for job in jobs.values()
            if job.state is JobState.RUNNING and job.kind in ROUTE_WRITERS and job.service_id
        }
        for job in sorted(jobs.values(), key=position):
            blocked = job.kind in ROUTE_WRITERS and (job.organization_id, job.service_id) in busy
            blocked = blocked or not _within(job, reach)
            if job.state is JobState.QUEUED and job.kind in kinds and not blocked:
                at = now()
                jobs[job.id] = replace(
                    job,
                    state=JobState.RUNNING,
                    agent=agent,
                    token_hash=token_hash,
                    claimed_at=at,
                    heartbeat_at=at,
                )
                return jobs[job.id]
        return None

    def save(self, job: Job) -> None:
        self.get(job.id)
        self._rows.tables.jobs[job.id] = job

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Job]:
        owner = (organization_id, deployment_id)
        rows = self._rows.tables.jobs.values()
        found = (job for job in rows if (job.organization_id, job.deployment_id) == owner)
        return sorted(found, key=position)

    def unfinished_everywhere(self) -> Sequence[Job]:
        rows = self._rows.tables.jobs.values()
        return sorted((job for job in rows if job.state not in ENDED), key=position)

    def depth_everywhere(self) -> Sequence[Depth]:
        found: dict[tuple[str, str], list[Job]] = {}
        for job in self.unfinished_everywhere():
            found.setdefault((job.kind, job.state), []).append(job)
        return [
            Depth(*place, len(jobs), min(job.created_at for job in jobs))
            for place, jobs in sorted(found.items())
        ]

    def remove(self, job_id: UUID) -> None:
        self._rows.tables.jobs.pop(job_id, None)

    def prune_everywhere(self, kind: JobKind, before: datetime) -> int:
        jobs = self._rows.tables.jobs
        old = [job.id for job in jobs.values() if job.kind is kind and job.created_at < before]
        for job_id in old:
            del jobs[job_id]
        return len(old)


def _within(job: Job, reach: Reach) -> bool:
    theirs = job.kind is JobKind.BUILD and job.organization_id in reach.never
    return not theirs and (not reach.only or job.organization_id in reach.only)


class FakeAgents:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def seen(self, agent: Agent) -> None:
        self._rows.tables.agents[agent.name] = agent

    def list(self) -> Sequence[Agent]:
        return sorted(self._rows.tables.agents.values(), key=lambda agent: agent.name)

    def forget(self, name: str) -> None:
        self._rows.tables.agents.pop(name, None)


class FakeRegistrations:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, token: Registration) -> None:
        self._rows.tables.registrations[token.id] = token

    def get(self, token_id: UUID) -> Registration:
        return require(self._rows.tables.registrations, token_id)

    def list(self) -> Sequence[Registration]:
        rows = self._rows.tables.registrations.values()
        return sorted(rows, key=lambda token: (token.created_at, token.id), reverse=True)

    def save(self, token: Registration) -> None:
        self.get(token.id)
        self.add(token)

    def used(self, token_id: UUID, at: datetime) -> None:
        self.add(replace(self.get(token_id), last_used_at=at))


class FakeLogs:
    """Keeps whole logs: the limit of the real store is the real store's to prove."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def append(self, chunk: LogChunk) -> bool:
        tables = self._rows.tables
        owner = (chunk.organization_id, chunk.deployment_id)
        require(tables.deployments, owner)
        key = (*owner, chunk.source, chunk.number)
        if key in tables.log_chunks:
            return False
        tables.log_chunks[key] = True
        kept = tables.log_lines.get(owner, ())
        tables.log_lines[owner] = kept + tuple(
            LogLine(sequence, at, chunk.source, stream, text)
            for sequence, (at, stream, text) in enumerate(chunk.lines, len(kept) + 1)
        )
        return True

    def read(
        self, organization_id: UUID, deployment_id: UUID, after: int, limit: int
    ) -> Sequence[LogLine]:
        lines = self._rows.tables.log_lines.get((organization_id, deployment_id), ())
        return lines[max(after, 0) :][:limit]

    def prune_everywhere(self, before: datetime) -> int:
        tables = self._rows.tables
        live = {
            (release.organization_id, release.deployment_id)
            for release in tables.releases.values()
            if release.state is ReleaseState.LIVE
        }
        old = {
            key
            for key, deployment in tables.deployments.items()
            if deployment.ended_at is not None and deployment.ended_at < before and key not in live
        }
        gone = [key for key in tables.log_lines if key in old]
        drop(tables.log_lines, gone)
        drop(tables.log_chunks, [key for key in tables.log_chunks if key[:2] in old])
        return len(gone)
