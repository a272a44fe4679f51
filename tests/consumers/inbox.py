"""A repository whose pushes reach us, and everything that happens to them, on a test clock."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from shared.adapters.postgres.arrivals import PostgresArrivals
from shared.adapters.postgres.queues import PostgresQueue
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.deployments import Deployment
from shared.domain.git import GitConnection, GitHook, GitSource, Provider
from shared.domain.ids import new_id, now
from shared.domain.projects import Project
from shared.domain.services import Service
from shared.domain.signatures import signature
from shared.domain.webhooks import Delivery
from shared.ports.queues import Arrivals, Consumable, Message
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases import deliveries
from shared.usecases.arrivals import StoredThenQueued
from shared.usecases.deciding import decide, failed
from shared.usecases.intake import Incoming, Receipt, receive
from shared.usecases.known_hooks import KnownHooks
from shared.usecases.previews import on_request
from shared.usecases.projects import create_project
from shared.usecases.pushes import Tools
from shared.usecases.services import create_service
from shared.usecases.sweeping import Sweep, sweep
from tests.consumers.made import Host, a_sha
from tests.fakes.queue import FakeQueue
from tests.fakes.store import FakeStore
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows
from tests.usecases.world import DOMAIN, ORGANIZATION

SECRET = "secret"
_NUMBERS = count(1)


class Inbox:
    """One hook of one organisation. `at` is the clock; `fails` is raised by every decision."""

    def __init__(
        self,
        store: UnitOfWork | None = None,
        queue: Consumable | None = None,
        organization_id: UUID = ORGANIZATION,
        *,
        provider: Provider = Provider.GITHUB,
        workflows: FakeWorkflows | None = None,
        **hook: Any,
    ) -> None:
        self.at = now()
        self.org = organization_id
        self.provider = provider
        self.vault: Vault = FakeVault()
        self.workflows = workflows or FakeWorkflows()
        self.store: UnitOfWork = store or FakeStore()
        self.queue = queue or FakeQueue(clock=lambda: self.at.timestamp())
        self.host = Host()
        self.repository = self.host.add("acme/web")
        self.connection = self._connection()
        self.hook = replace(self._hook(), **hook)
        self.fails: Exception | None = None
        self.known = KnownHooks()
        with self.store as uow:
            uow.connections.add(self.connection)
            uow.hooks.add(self.hook)
        self.project: Project = create_project(
            organization_id, name=f"shop{next(_NUMBERS)}", description="", uow=self.store
        )

    def _connection(self) -> GitConnection:
        id_ = new_id()
        token = self.host.grant().access_token
        return GitConnection(
            id=id_,
            organization_id=self.org,
            provider=self.provider,
            base_url=self.host.base_url,
            account_id=self.host.user.id,
            account_name=self.host.user.name,
            connected_by="ada",
            sealed_access_token=self.vault.seal(token, str(id_)),
            created_at=self.at,
            updated_at=self.at,
        )

    def _hook(self) -> GitHook:
        id_ = new_id()
        return GitHook(
            id=id_,
            organization_id=self.org,
            connection_id=self.connection.id,
            provider=self.provider,
            repository_id=self.repository.id,
            full_name=self.repository.full_name,
            sealed_secret=self.vault.seal(SECRET, str(id_)),
            created_at=self.at,
            provider_hook_id=str(uuid4()),
            registered_id="77",
        )

    def service(self, name: str = "web", **source: Any) -> Service:
        settings = {"repository_url": self.repository.clone_url, "branch": "main", **source}
        made = create_service(
            self.org,
            self.project.id,
            name=name,
            settings={"source": settings},
            domain=DOMAIN,
            uow=self.store,
        )
        with self.store as uow:
            uow.sources.put(
                GitSource(
                    organization_id=self.org,
                    service_id=made.id,
                    connection_id=self.connection.id,
                    repository_id=self.repository.id,
                    full_name=self.repository.full_name,
                    created_at=self.at,
                )
            )
        return made

    def change(self, service: Service, **fields: Any) -> None:
        with self.store as uow:
            present = uow.services.lock(self.org, service.id)
            uow.services.save(replace(present, **fields))

    def tools(self) -> Tools:
        def reach(connection: GitConnection) -> tuple[Host, str]:
            return self.host, self.vault.open(connection.sealed_access_token, str(connection.id))

        return Tools(self.store, self.workflows, self.vault, reach, on_request, DOMAIN)

    def incoming(self, body: bytes, event: str = "push", **headers: str) -> Incoming:
        given = {
            "x-github-hook-id": self.hook.provider_hook_id or "",
            "x-github-delivery": str(uuid4()),
            "x-github-event": event,
            "x-hub-signature-256": signature(SECRET, body),
            "content-type": "application/json",
        }
        if self.provider is Provider.GITLAB:
            given = {
                "x-gitlab-webhook-uuid": self.hook.provider_hook_id or "",
                "idempotency-key": str(uuid4()),
                "x-gitlab-event": event,
                "x-gitlab-token": SECRET,
            }
        return Incoming(self.provider, {**given, **headers}, body)

    def take(self, incoming: Incoming) -> Receipt:
        """A millisecond after the one before."""
        self.later(milliseconds=1)
        return receive(
            incoming,
            known=self.known,
            arrivals=self.arrivals(),
            uow=self.store,
            vault=self.vault,
            at=self.at,
        )

    def arrivals(self) -> Arrivals:
        """As bootstrap would choose them."""
        anyhow = StoredThenQueued(lambda: self.store, self.queue)
        if isinstance(self.queue, PostgresQueue) and isinstance(self.store, SqlUnitOfWork):
            return PostgresArrivals(self.store._engine, "webhooks", anyhow)
        return anyhow

    def deliver(self, payload: dict[str, Any], event: str = "push", **headers: str) -> Receipt:
        return self.take(self.incoming(json.dumps(payload).encode(), event, **headers))

    def push(self, after: str = "one", **fields: Any) -> dict[str, Any]:
        """GitHub's payload of a push; `after` and `before` are made into SHAs."""
        files = fields.pop("files", ["app.py"])
        sha, message = a_sha(after), fields.pop("message", f"commit {after}")
        return {
            "ref": "refs/heads/main",
            "before": a_sha(fields.pop("before", "zero")),
            "after": sha,
            "created": False,
            "deleted": False,
            "forced": False,
            "commits": [{"id": sha, "added": [], "modified": files, "removed": []}],
            "head_commit": {"id": sha, "message": message, "author": {"name": "Ada"}},
            "pusher": {"name": "ada"},
            "repository": {
                "id": int(self.repository.id),
                "full_name": "acme/web",
                "default_branch": "main",
            },
            **fields,
        }

    def consume(self, most: int | None = None) -> int:
        """Be the consumer until the queue is empty, or `most` messages are taken."""
        taken = 0
        while (most is None or taken < most) and (found := self.queue.receive(1)):
            self._consume(found[0])
            taken += 1
        return taken

    def _consume(self, message: Message) -> None:
        org, id_ = (UUID(message.body[k]) for k in ("organization_id", "delivery_id"))
        try:
            self._decide(org, id_)
        except Exception as error:  # noqa: BLE001 - as the consumer's process does
            failed(org, id_, error, uow=self.store)
            self.queue.release(message.handle, 0)
        else:
            self.queue.finish(message.handle)

    def _decide(self, organization_id: UUID, delivery_id: UUID) -> None:
        if self.fails is not None:
            raise self.fails
        decide(organization_id, delivery_id, tools=self.tools(), at=self.at)

    def later(self, **time: float) -> None:
        self.at += timedelta(**time)

    def queue_again(self) -> int:
        return deliveries.queue_again(uow=self.store, queue=self.queue, at=self.at)

    def sweep(self) -> int:
        tools = Sweep(self.store, self.queue, self.tools().reach)
        return sweep(tools=tools, at=self.at)

    def replay(self, delivery: Delivery) -> Delivery:
        return deliveries.replay(
            self.org, delivery.id, uow=self.store, queue=self.queue, at=self.at
        )

    def all(self) -> list[Delivery]:
        """Oldest first."""
        with self.store as uow:
            return list(reversed(uow.deliveries.newest(self.org, self.hook.id, 10_000)))

    def get(self, delivery: Delivery) -> Delivery:
        with self.store as uow:
            return uow.deliveries.get(self.org, delivery.id)

    def deployments(self, service: Service) -> list[Deployment]:
        """Oldest first."""
        found: list[Deployment] = []
        cursor = None
        with self.store as uow:
            while True:
                page = uow.deployments.list(self.org, service.id, 100, cursor)
                found += page.items
                cursor = page.next_cursor
                if cursor is None:
                    return found[::-1]

    def decided(self, payload: dict[str, Any], event: str = "push", **headers: str) -> Delivery:
        """Delivered, and its verdict."""
        receipt = self.deliver(payload, event, **headers)
        self.consume()
        return self.get(receipt.delivery)
