"""Environment variables in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, update

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables import env_vars
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound
from shared.domain.variables import Variable


class SqlVariables:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        key = ("organization_id", "service_id", "key", "version")
        self._rows = Entities(transaction, env_vars, Variable, key=key)

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


def _of(organization_id: UUID, service_id: UUID) -> ColumnElement[bool]:
    return and_(env_vars.c.organization_id == organization_id, env_vars.c.service_id == service_id)
