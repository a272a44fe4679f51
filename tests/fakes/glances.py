"""Glances at a store in memory."""

from uuid import UUID

from shared.domain.deployments import Placed
from tests.fakes.store import FakeStore


class FakeGlances:
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        with self._store as uow:
            return uow.deployments.placed(organization_id, deployment_id)
