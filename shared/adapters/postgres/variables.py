"""Environment variables in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update

from shared.adapters.postgres import cursors
from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.catalogue import env_vars, env_versions, services
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound
from shared.domain.variables import EnvVersion, Link, Variable
from shared.ports.pages import Page


class SqlVariables:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        key = ("organization_id", "service_id", "key", "version")
        self._rows = Entities(transaction, env_vars, Variable, key=key)
        number = ("organization_id", "service_id", "number")
        self._versions = Entities(transaction, env_versions, EnvVersion, key=number)

    def put(self, variable: Variable) -> None:
        owner = (variable.organization_id, variable.service_id)
        self._end(*owner, variable.key, variable.version)
        try:
            self._rows.update(variable)
        except NotFound:
            taken = f"{variable.key} has been changed in the meantime: try again"
            self._rows.insert(variable, taken=taken)

    def drop(self, organization_id: UUID, service_id: UUID, key: str, version: int) -> None:
        if not self._end(organization_id, service_id, key, version):
            raise NotFound(f"the service has no variable {key!r}")

    def _end(self, organization_id: UUID, service_id: UUID, key: str, version: int) -> int:
        return self._tx.changed(
            update(env_vars)
            .where(
                _of(organization_id, service_id),
                env_vars.c.key == key,
                env_vars.c.removed_in.is_(None),
            )
            .values(removed_in=version)
        )

    def at(self, organization_id: UUID, service_id: UUID, version: int) -> Sequence[Variable]:
        removed = env_vars.c.removed_in
        query = self._rows.where(
            _of(organization_id, service_id),
            env_vars.c.version <= version,
            or_(removed.is_(None), removed > version),
        )
        return sorted(self._rows.all(query), key=lambda variable: variable.key)

    def between(
        self, organization_id: UUID, service_id: UUID, first: int, last: int
    ) -> Sequence[Variable]:
        touched = or_(
            env_vars.c.version.between(first, last), env_vars.c.removed_in.between(first, last)
        )
        query = self._rows.where(_of(organization_id, service_id), touched)
        return sorted(self._rows.all(query), key=lambda v: (v.key, v.version))

    def record(self, version: EnvVersion) -> None:
        taken = "the variables have been changed in the meantime: try again"
        self._versions.insert(version, taken=taken)

    def version(self, organization_id: UUID, service_id: UUID, number: int) -> EnvVersion:
        try:
            return self._versions.get(organization_id, service_id, number)
        except NotFound:
            raise NotFound(f"the variables have no version {number}") from None

    def versions(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[EnvVersion]:
        number = env_versions.c.number
        query = self._versions.where(organization_id=organization_id, service_id=service_id)
        if cursor is not None:
            query = query.where(number < cursors.decode_number(cursor))
        found = self._versions.all(query.order_by(number.desc()).limit(limit + 1))
        return cursors.numbered_page(found, limit, lambda version: version.number)

    def links(self, organization_id: UUID, project_id: UUID) -> Sequence[Link]:
        columns = env_vars.c
        query = (
            select(columns.service_id, columns.key, columns.secret, columns.refers_to)
            .join(
                services,
                and_(
                    services.c.organization_id == columns.organization_id,
                    services.c.id == columns.service_id,
                ),
            )
            .where(
                services.c.organization_id == organization_id,
                services.c.project_id == project_id,
                columns.removed_in.is_(None),
            )
            .order_by(columns.service_id, columns.key)
        )
        return [Link(**row._mapping) for row in self._tx.rows(query)]


def _of(organization_id: UUID, service_id: UUID) -> ColumnElement[bool]:
    return and_(env_vars.c.organization_id == organization_id, env_vars.c.service_id == service_id)
