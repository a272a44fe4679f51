"""The world's service, built from a connected repository."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.git import CommitReport, GitConnection, GitSource, Provider
from shared.domain.ids import new_id, now
from shared.domain.routes import PublicAddresses
from shared.domain.services import Service
from shared.ports.store import UnitOfWork
from shared.usecases import reporting
from shared.usecases.addresses import Addresses
from tests.fakes.git_host import FakeHost
from tests.usecases.world import DOMAIN, ORGANIZATION, World

SHA = "a" * 40
ADDRESSES = Addresses("https://deploy.example", PublicAddresses(DOMAIN, "http", 7080))


class Connected:
    """A world with a Git host, and a connection to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.host = FakeHost()
        self.connection = self.connect("42")

    def connect(self, account: str) -> GitConnection:
        at = now()
        connection = GitConnection(
            id=new_id(),
            organization_id=ORGANIZATION,
            provider=Provider.GITHUB,
            base_url="https://github.example",
            account_id=account,
            account_name="octocat",
            connected_by="ada",
            sealed_access_token="sealed",
            created_at=at,
            updated_at=at,
        )
        with self.world.store as uow:
            uow.connections.add(connection)
        return connection

    def service(self, name: str = "web", **source: Any) -> Service:
        url = "https://github.example/acme/web.git"
        given = {"repository_url": url, "branch": "main", **source}
        service = self.world.service(name, source=given)
        self.link(service, self.connection)
        return service

    def link(self, service: Service, connection: GitConnection) -> None:
        source = GitSource(ORGANIZATION, service.id, connection.id, "1296269", "acme/web", now())
        with self.world.store as uow:
            uow.sources.put(source)

    def source(self, service: Service) -> GitSource:
        with self.world.store as uow:
            return self.source_in(uow, service)

    def source_in(self, uow: UnitOfWork, service: Service) -> GitSource:
        """The same inside a transaction."""
        found = uow.sources.find(ORGANIZATION, service.id)
        assert found is not None
        return found

    def report(self, deployment: Deployment) -> CommitReport | None:
        with self.world.store as uow:
            return uow.reports.find(ORGANIZATION, deployment.id)

    def move(self, deployment: Deployment, *states: str, **why: str) -> None:
        """Through states, without telling anybody in between."""
        with self.world.store as uow:
            for state in states:
                present = uow.deployments.lock(ORGANIZATION, deployment.id)
                uow.deployments.save(present.to(DeploymentState(state), **why))

    def send(self) -> int:
        """Everything that is due now; how much the host took."""
        sent = 0
        while claimed := reporting.claim_report(uow=self.world.store, at=now()):
            sent += reporting.send_report(
                claimed, uow=self.world.store, reach=self.host.reach, at=ADDRESSES
            )
        return sent

    def due(self, at: datetime) -> CommitReport | None:
        return reporting.claim_report(uow=self.world.store, at=at)

    def get_connection(self) -> GitConnection:
        with self.world.store as uow:
            return uow.connections.get(ORGANIZATION, self.connection.id)


@contextmanager
def later(by: timedelta, *modules: Any) -> Iterator[datetime]:
    """The same, that much later, for what the use cases of `modules` call now."""
    at = now() + by
    patches = [patch.object(module, "now", lambda: at) for module in modules]
    for each in patches:
        each.start()
    try:
        yield at
    finally:
        for each in patches:
            each.stop()


def change(world: World, deployment_id: UUID, **fields: Any) -> None:
    with world.store as uow:
        present = uow.deployments.lock(ORGANIZATION, deployment_id)
        uow.deployments.save(replace(present, **fields))
