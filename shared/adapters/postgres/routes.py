"""Routes in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, insert, select

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.services import SqlServices
from shared.adapters.postgres.tables.outside import route_hosts, routes
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import StaleGeneration
from shared.domain.routes import Route


class SqlRoutes:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, routes, Route, key=("organization_id", "service_id"))

    def next_generation(self, organization_id: UUID, service_id: UUID) -> int:
        SqlServices(self._tx).lock(organization_id, service_id)
        return (self._generation(organization_id, service_id) or 0) + 1

    def _generation(self, organization_id: UUID, service_id: UUID) -> int | None:
        mine = _of(routes, organization_id, service_id)
        found: int | None = self._tx.scalar(select(routes.c.generation).where(mine))
        return found

    def save(self, route: Route) -> None:
        owner = (route.organization_id, route.service_id)
        SqlServices(self._tx).lock(*owner)
        stored = self._generation(*owner)
        if stored is None:
            self._rows.insert(route)
        elif stored > route.generation:
            raise StaleGeneration(
                f"the service's route has generation {stored}; {route.generation} came too late"
            )
        else:
            self._rows.update(route)
        self._claim(route)

    def _claim(self, route: Route) -> None:
        mine = _of(route_hosts, route.organization_id, route.service_id)
        held = {row.host for row in self._tx.rows(select(route_hosts.c.host).where(mine))}
        wanted = set(route.hosts)
        if held - wanted:
            given_back = route_hosts.c.host.in_(sorted(held - wanted))
            self._tx.execute(delete(route_hosts).where(mine, given_back))
        for host in sorted(wanted - held):
            row = {
                "host": host,
                "organization_id": route.organization_id,
                "service_id": route.service_id,
            }
            self._tx.execute(
                insert(route_hosts).values(row),
                taken=f"the host name {host} belongs to another service: choose another name",
            )

    def get(self, organization_id: UUID, service_id: UUID) -> Route:
        return self._rows.get(organization_id, service_id)

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        self._tx.execute(delete(routes).where(_of(routes, organization_id, service_id)))

    def all_everywhere(self) -> Sequence[Route]:
        return self._rows.all(self._rows.where().order_by(routes.c.updated_at))


def _of(table: Table, organization_id: UUID, service_id: UUID) -> ColumnElement[bool]:
    return and_(table.c.organization_id == organization_id, table.c.service_id == service_id)
