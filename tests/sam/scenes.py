"""What there is in the database when a function is invoked, so that its sample finds it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import Engine

from shared.adapters.kms import KmsVault
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.deployments import Deployment, Trigger
from shared.domain.git import GitConnection, GitHook, Provider
from shared.domain.jobs import JobKind
from shared.domain.previews import PreviewState
from shared.domain.services import Service
from shared.usecases import building, releasing, rollbacks, routing, variables
from shared.usecases.projects import create_project
from tests.adapters.postgres.made_git import a_preview
from tests.consumers.made import a_delivery
from tests.fakes.compute import FakeCompute
from tests.fakes.names import FakeNames
from tests.fakes.workflows import FakeWorkflows
from tests.sam.rows import (
    ID,
    REPOSITORY,
    a_connection,
    a_leftover,
    a_registration,
    a_token,
    as_listed,
)
from tests.standins.github import GitHubServer
from tests.usecases import world as worlds
from tests.usecases.connections import a_hook, a_source
from tests.usecases.world import DOMAIN, POLICY, World

DEFAULT: Final = "building"
NEEDED: Final = {
    "tasks.deploy.acquire_lease": "queued",
    "tasks.deploy.build": "leased",
    "tasks.deploy.create_release": "built",
    "tasks.rollback.create_release": "rolling back",
    "tasks.release.pre_deploy_command": "released",
    "tasks.release.create_instance": "released",
    "tasks.release.start_app": "created",
    "tasks.release.health_gate": "started",
    "tasks.release.switch_route": "healthy",
    "tasks.release.verify_public": "switched",
    "tasks.deploy.mark_live": "verified",
    "tasks.deploy.post_status": "live",
    "tasks.deploy.drain": "live",
    "tasks.deploy.retire_old": "live",
    "tasks.compensate.restore_route": "switched",
    "tasks.compensate.undo": "started",
    "scheduled.retention": "live",
    "scheduled.supervise": "live",
    "api.agent_jobs.claim": "asked",
    "api.deployments.retry": "failed",
    "api.rollback.candidates": "replaced",
    "api.rollback.create": "replaced",
    "api.services.logs": "live",
    "api.services.restart": "live",
}
"""How far the deployment has come; for every other function it is being built by an agent."""

UNLINKED: Final = {"api.git.disconnect"}
"""A connected account cannot go while a service is built from it."""

Token = Callable[[str, str], str]
"""Starts an execution of a machine; the task token it waits on."""


class Scene(World):
    """A world on PostgreSQL and KMS. What an agent does is done over a cloud in memory."""

    def __init__(self, engine: Engine, vault: KmsVault, token: Token) -> None:
        self.store: Any = SqlUnitOfWork(engine)
        self.workflows = FakeWorkflows()
        self.vault: Any = vault
        self.compute = FakeCompute()
        self.names = FakeNames(self.compute)
        self._tokens = 0
        self._token = token
        self._waits_on: str | None = None
        with _ids("projects"):
            self.project = create_project(
                LOCAL_ORGANIZATION, name="shop", description="", uow=self.store
            )

    def set(self, function: str, host: GitHubServer) -> None:
        """Make all that samples name, and let the deployment come as far as this one needs."""
        stage = NEEDED.get(function, DEFAULT)
        with _ids("services"):
            service = self.service(name="site", run={"pre_deploy_command": "true"})
        self._around(service)
        self._connect(service, host, linked=function not in UNLINKED)
        if function == "webhooks.gitlab":
            self._connect_gitlab(host)
        for reached in self._stages(service, stage):
            if reached == stage:
                return
        raise AssertionError(f"there is no stage {stage}")

    def attempt(self, deployment: Deployment, **more: Any) -> Any:
        """The sample's deployment waits on a token that the engine knows."""
        made = super().attempt(deployment, **more)
        waits = deployment.id == ID and self._waits_on is not None
        return replace(made, task_token=self._waits_on) if waits else made

    def _stages(self, service: Service, wanted: str) -> Iterator[str]:
        if wanted == "rolling back":
            yield from self._rolling_back(service)
            return
        deployment = self._sample_deployment(service)
        yield "queued"
        self.acquire(deployment)
        yield "leased"
        if wanted in {"asked", "building"}:
            yield from self._building(deployment)
            return
        if wanted == "failed":
            self.fail(deployment, "BuildFailed", "it does not build")
            yield "failed"
            return
        self.build(deployment)
        yield "built"
        releasing.create_release(self.attempt(deployment), uow=self.store, images=self.compute)
        yield "released"
        yield from self._releasing(deployment)
        self.finish(deployment)
        self.go_live(self.deploy(service), "sha256:two")
        yield "replaced"

    def _sample_deployment(self, service: Service, **how: Any) -> Deployment:
        with _ids("deployments"):
            deployment = self.deploy(service, **how)
        self._waits_on = self._token("deploy", f"{deployment.id}-1")
        return deployment

    def _building(self, deployment: Deployment) -> Iterator[str]:
        with _ids("jobs"):
            building.request_build(self.attempt(deployment), policy=POLICY, **self.line)
        yield "asked"
        with patch("secrets.token_urlsafe", lambda _: "sample"):
            assert self.claim("build").job.kind is JobKind.BUILD
        yield "building"

    def _releasing(self, deployment: Deployment) -> Iterator[str]:
        self._create(deployment)
        yield "created"
        self.start(deployment)
        yield "started"
        for step, kind, reached in (
            (routing.health_gate, JobKind.HEALTH_GATE, "healthy"),
            (routing.switch_route, JobKind.SWITCH_ROUTE, "switched"),
            (routing.verify_public, JobKind.VERIFY_PUBLIC, "verified"),
        ):
            step(self.attempt(deployment), domain=DOMAIN, heartbeat_limit=60, **self.line)
            self.work(kind)
            yield reached
        routing.mark_live(self.attempt(deployment), **self.line)
        yield "live"

    def _create(self, deployment: Deployment) -> None:
        """World.start does it again, which changes nothing, and starts the app."""
        with patch.object(worlds.instances, "start_app", lambda *_, **__: None):
            self.start(deployment)

    def _rolling_back(self, service: Service) -> Iterator[str]:
        first = self.deploy(service)
        self.go_live(first)
        self.go_live(self.deploy(service), "sha256:two")
        with _ids("rollbacks"):
            back = rollbacks.rollback(
                LOCAL_ORGANIZATION, service.id, first.id, actor="ada", **self.line
            )
        assert back.trigger is Trigger.ROLLBACK
        self.acquire(back)
        with self.store:
            lease = self.store.leases.lock(LOCAL_ORGANIZATION, service.id)
            self.store.leases.save(replace(lease, number=1))  # as the sample says
        yield "rolling back"

    def _around(self, service: Service) -> None:
        """A variable, a token, something that could not be removed."""
        variables.create(
            LOCAL_ORGANIZATION,
            service.id,
            variables.Assignment("KEY", "value"),
            actor="ada",
            uow=self.store,
            vault=self.vault,
        )
        with self.store as uow:
            uow.tokens.add(a_token())
            uow.resources.plan(a_leftover(service))
            uow.registrations.add(a_registration())

    def _connect(self, service: Service, host: GitHubServer, linked: bool) -> None:
        """An account, its webhook, a fork's request; with `linked` a service is built from it."""
        repository = host.repository(REPOSITORY)
        there = host.add_hook(repository, "http://api.example/webhooks/github", "sample", {"push"})
        connection = a_connection(ID, Provider.GITHUB, host, self.vault)
        hook = self._hook(connection, host, registered_id=str(there.id))
        preview = a_preview(service, connection, id=ID, sha="0" * 40, from_fork=True)
        with self.store as uow:
            uow.connections.add(connection)
            uow.hooks.add(hook)
            uow.deliveries.record(a_delivery(hook, id=ID))
            uow.previews.add(replace(preview, state=PreviewState.AWAITING_APPROVAL))
            if linked:
                uow.sources.put(a_source(connection, service.id, as_listed(repository, host)))

    def _connect_gitlab(self, host: GitHubServer) -> None:
        """Only for its webhook: with two accounts, samples would have to say which they mean."""
        connection = a_connection(UUID(int=2), Provider.GITLAB, host, self.vault)
        with self.store as uow:
            uow.connections.add(connection)
            uow.hooks.add(self._hook(connection, host))

    def _hook(self, connection: GitConnection, host: GitHubServer, **more: Any) -> GitHook:
        sealed = self.vault.seal("sample", str(connection.id))
        known = {"repository_id": str(host.repository(REPOSITORY).id), "full_name": REPOSITORY}
        known |= {"id": connection.id, "provider_hook_id": "1", "sealed_secret": sealed}
        return a_hook(connection, self.vault, **known, **more)


@contextmanager
def _ids(module: str) -> Iterator[None]:
    """What the use cases of a module make has the id of the samples."""
    with ExitStack() as stack:
        stack.enter_context(patch(f"shared.usecases.{module}.new_id", lambda: ID))
        yield


@contextmanager
def as_owner() -> Iterator[None]:
    """World acts for the organisation that the samples' token belongs to."""
    with patch.object(worlds, "ORGANIZATION", LOCAL_ORGANIZATION):
        yield
