"""Deployments in the database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables import deployments
from shared.adapters.postgres.transaction import Transaction
from shared.domain.deployments import TERMINAL, Deployment, DeploymentState
from shared.ports.pages import Page

_UNFINISHED: Final = sorted(set(DeploymentState) - TERMINAL)


class SqlDeployments:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, deployments, Deployment)

    def add(self, deployment: Deployment) -> None:
        taken = f"the service has a deployment number {deployment.number} already"
        self._rows.insert(deployment, taken=taken)

    def get(self, organization_id: UUID, deployment_id: UUID) -> Deployment:
        return self._rows.get(organization_id, deployment_id)

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
