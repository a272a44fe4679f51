"""What providers are told about commits, in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables import commit_reports, deployments
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import CommitReport

_C = commit_reports.c


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

    def due_everywhere(self, at: datetime, limit: int) -> Sequence[CommitReport]:
        told = and_(
            deployments.c.organization_id == _C.organization_id,
            deployments.c.id == _C.deployment_id,
        )
        news = or_(_C.reported_state.is_(None), _C.reported_state != deployments.c.state)
        query = self._rows.where(_C.given_up.is_(False), _C.next_try_at <= at)
        query = query.join(deployments, told).where(news)
        return self._rows.all(query.order_by(_C.next_try_at).limit(limit))

    def save(self, report: CommitReport) -> None:
        self._rows.update(report)
