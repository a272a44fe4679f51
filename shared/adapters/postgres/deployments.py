"""Deployments in the database."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.catalogue import projects, services
from shared.adapters.postgres.tables.delivery import deployments
from shared.adapters.postgres.tables.work import leases
from shared.adapters.postgres.transaction import Transaction
from shared.domain.deployments import TERMINAL, Deployment, DeploymentState, Placed
from shared.domain.errors import NotFound
from shared.ports.pages import Page

_UNFINISHED: Final = sorted(set(DeploymentState) - TERMINAL)


_OWN: Final = len(fields(Deployment))
_holder: Final = deployments.alias("holder")
_of_service: Final = (deployments.c.organization_id == leases.c.organization_id) & (
    deployments.c.service_id == leases.c.service_id
)
PLACED: Final = (
    select(
        *(deployments.c[field.name] for field in fields(Deployment)),
        services.c.slug,
        projects.c.slug.label("project_slug"),
        _holder.c.number.label("holder_number"),
        _holder.c.state.label("holder_state"),
    )
    .join_from(
        deployments,
        services,
        (services.c.organization_id == deployments.c.organization_id)
        & (services.c.id == deployments.c.service_id),
    )
    .join(
        projects,
        (projects.c.organization_id == services.c.organization_id)
        & (projects.c.id == services.c.project_id),
    )
    .outerjoin(leases, _of_service)
    .outerjoin(
        _holder,
        (_holder.c.organization_id == leases.c.organization_id) & (_holder.c.id == leases.c.holder),
    )
    .where(
        deployments.c.organization_id == bindparam("organization_id"),
        deployments.c.id == bindparam("id"),
    )
)
"""A deployment's own columns in the order of its fields, then what `Placed` adds."""


def placed_of(row: Sequence[Any]) -> Placed:
    """A row of `PLACED`, whose columns come in the order of the fields."""
    return Placed(Deployment(*row[:_OWN]), *row[_OWN:])


class SqlDeployments:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, deployments, Deployment)

    def add(self, deployment: Deployment) -> None:
        taken = f"the service has a deployment number {deployment.number} already"
        self._rows.insert(deployment, taken=taken)

    def get(self, organization_id: UUID, deployment_id: UUID) -> Deployment:
        return self._rows.get(organization_id, deployment_id)

    def placed(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        key = {"organization_id": organization_id, "id": deployment_id}
        row = self._rows.transaction.row(PLACED, key)
        if row is None:
            raise NotFound(f"there is no deployment {deployment_id}")
        return placed_of(row)

    def lock(self, organization_id: UUID, deployment_id: UUID) -> Deployment:
        return self._rows.get(organization_id, deployment_id, lock=True)

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Deployment]:
        query = self._rows.where(organization_id=organization_id, service_id=service_id)
        return self._rows.page(query, limit, cursor, newest_first=True)

    def unfinished(self, organization_id: UUID, service_id: UUID) -> Sequence[Deployment]:
        query = self._rows.where(
            deployments.c.state.in_(_UNFINISHED),
            organization_id=organization_id,
            service_id=service_id,
        )
        return self._rows.all(query.order_by(deployments.c.number))

    def save(self, deployment: Deployment) -> Deployment:
        self._rows.update(deployment, computed={"version": deployments.c.version + 1})
        return replace(deployment, version=deployment.version + 1)

    def unfinished_everywhere(self) -> Sequence[Deployment]:
        query = self._rows.where(deployments.c.state.in_(_UNFINISHED))
        return self._rows.all(query.order_by(deployments.c.created_at, deployments.c.id))
