"""What providers are told about commits, in the database."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, update

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.delivery import deployments
from shared.adapters.postgres.tables.git import commit_reports
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import CommitReport

_C = commit_reports.c
_TOLD: Final = and_(
    deployments.c.organization_id == _C.organization_id,
    deployments.c.id == _C.deployment_id,
)
_NEWS: Final = or_(_C.reported_state.is_(None), _C.reported_state != deployments.c.state)
_TRIED_AT_ONCE: Final = 20
"""How many due ones are looked at: others may be claiming the first of them this moment."""


class SqlReports:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        key = ("organization_id", "deployment_id")
        self._rows = Entities(transaction, commit_reports, CommitReport, key=key)

    def add(self, report: CommitReport) -> None:
        self._tx.insert_new(commit_reports, values(report))

    def find(self, organization_id: UUID, deployment_id: UUID) -> CommitReport | None:
        return self._rows.one(
            self._rows.where(organization_id=organization_id, deployment_id=deployment_id)
        )

    def lock(self, organization_id: UUID, deployment_id: UUID) -> CommitReport:
        return self._rows.get(organization_id, deployment_id, lock=True)

    def save(self, report: CommitReport) -> None:
        self._rows.update(report)

    def claim(
        self, organization_id: UUID, deployment_id: UUID, at: datetime, until: datetime
    ) -> CommitReport | None:
        mine = and_(_C.organization_id == organization_id, _C.deployment_id == deployment_id)
        return self._claimed(self._due(at).where(mine), until)

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> CommitReport | None:
        due = self._due(at)
        due = due.where(_C.connection_id.not_in(busy)) if busy else due
        order = (_C.next_try_at, _C.deployment_id)
        return self._claimed(due.order_by(*order).limit(_TRIED_AT_ONCE), until)

    def late_everywhere(self, before: datetime) -> int:
        changed = deployments.c.updated_at <= before
        late = select(func.count()).select_from(commit_reports).join(deployments, _TOLD)
        late = late.where(_C.done.is_(False), _NEWS, changed)
        return int(self._tx.scalar(late) or 0)

    def newer(self, report: CommitReport) -> CommitReport | None:
        query = self._rows.where(
            _C.created_at > report.created_at,
            organization_id=report.organization_id,
            service_id=report.service_id,
            sha=report.sha,
        )
        return self._rows.one(query.order_by(_C.created_at.desc()).limit(1))

    def postpone(
        self, organization_id: UUID, connection_id: UUID, at: datetime, until: datetime
    ) -> None:
        waiting = and_(
            _C.organization_id == organization_id,
            _C.connection_id == connection_id,
            _C.done.is_(False),
            _C.next_try_at <= at,
        )
        self._tx.execute(update(commit_reports).where(waiting).values(next_try_at=until))

    def _due(self, at: datetime) -> Select[Any]:
        query = self._rows.where(_C.done.is_(False), _C.next_try_at <= at)
        return query.join(deployments, _TOLD).where(_NEWS)

    def _claimed(self, due: Select[Any], until: datetime) -> CommitReport | None:
        for found in self._rows.all(due):
            unclaimed = and_(
                _C.organization_id == found.organization_id,
                _C.deployment_id == found.deployment_id,
                _C.next_try_at == found.next_try_at,
                _C.done.is_(False),
            )
            claim = update(commit_reports).where(unclaimed).values(next_try_at=until)
            if self._tx.changed(claim):
                return self._rows.get(found.organization_id, found.deployment_id)
        return None
