"""Releases in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.services import SqlServices
from shared.adapters.postgres.tables.delivery import releases
from shared.adapters.postgres.transaction import Transaction
from shared.domain.releases import Release, ReleaseState


class SqlReleases:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, releases, Release)

    def add(self, release: Release) -> None:
        taken = f"the service has a release number {release.number} already"
        self._rows.insert(release, taken=taken)

    def get(self, organization_id: UUID, release_id: UUID) -> Release:
        return self._rows.get(organization_id, release_id)

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Release | None:
        query = self._rows.where(organization_id=organization_id, deployment_id=deployment_id)
        return self._rows.one(query.order_by(releases.c.number.desc()).limit(1))

    def next_number(self, organization_id: UUID, service_id: UUID) -> int:
        """Holds the service, so that nobody else gets the same number."""
        SqlServices(self._tx).lock(organization_id, service_id)
        last = self._tx.scalar(
            select(func.max(releases.c.number)).where(
                releases.c.organization_id == organization_id,
                releases.c.service_id == service_id,
            )
        )
        return int(last or 0) + 1

    def served(self, organization_id: UUID, service_id: UUID, limit: int) -> Sequence[Release]:
        query = self._rows.where(
            releases.c.state.in_([ReleaseState.LIVE, ReleaseState.RETIRED]),
            organization_id=organization_id,
            service_id=service_id,
        )
        return self._rows.all(query.order_by(releases.c.number.desc()).limit(limit))

    def save(self, release: Release) -> None:
        self._rows.update(release)

    def all_everywhere(self) -> Sequence[Release]:
        return self._rows.all(self._rows.where().order_by(releases.c.created_at, releases.c.id))
