"""One organisation on fakes, and its deployments walked through their states by hand."""

from typing import Any
from uuid import UUID

from shared.domain.deployments import Deployment, Step, Trigger
from shared.domain.ids import now
from shared.domain.jobs import Agent, JobKind
from shared.domain.projects import Project
from shared.domain.releases import Instance, InstanceRole
from shared.domain.routes import PublicAddresses
from shared.domain.services import Service, SlotRange
from shared.ports.compute import InstanceState
from shared.usecases import (
    building,
    claiming,
    compensation,
    deployments,
    instances,
    jobs,
    leasing,
    releasing,
    retirement,
    routing,
    supervision,
)
from shared.usecases.attempts import Attempt
from shared.usecases.projects import create_project
from shared.usecases.services import create_service
from tests.fakes.compute import FakeCompute
from tests.fakes.names import FakeNames
from tests.fakes.store import FakeStore
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows

ORGANIZATION = UUID(int=1)
OTHER = UUID(int=2)
DOMAIN = "localhost"
ADDRESSES = PublicAddresses(DOMAIN, "http", 7080)
POLICY = building.BuildPolicy(2, 1024, 600, 60, 500)


class World:
    def __init__(self) -> None:
        self.store = FakeStore()
        self.workflows = FakeWorkflows()
        self.vault = FakeVault()
        self.compute = FakeCompute()
        self.compute.guard = self.store.no_transaction
        self.names = FakeNames(self.compute)
        self.project: Project = create_project(
            ORGANIZATION, name="shop", description="", uow=self.store
        )
        self._tokens = 0

    @property
    def line(self) -> dict[str, Any]:
        return {"uow": self.store, "workflows": self.workflows, "vault": self.vault}

    def service(self, name: str = "web", **settings: Any) -> Service:
        source = {"repository_url": "https://git.example/acme/web.git", "branch": "main"}
        return create_service(
            ORGANIZATION,
            self.project.id,
            name=name,
            settings={"source": source, **settings},
            domain=DOMAIN,
            uow=self.store,
        )

    def deploy(self, service: Service, **how: Any) -> Deployment:
        wanted = deployments.Wanted(**how)
        return deployments.deploy(ORGANIZATION, service.id, actor="ada", wanted=wanted, **self.line)

    def attempt(self, deployment: Deployment, **more: Any) -> Attempt:
        self._tokens += 1
        now_ = self.get(deployment)
        given = {
            "lease": now_.lease_number,
            "task_token": f"token-{deployment.number}-{self._tokens}",
            **more,
        }
        return Attempt(ORGANIZATION, deployment.service_id, deployment.id, now_.attempt, **given)

    def get(self, deployment: Deployment) -> Deployment:
        with self.store:
            return self.store.deployments.get(ORGANIZATION, deployment.id)

    def get_service(self, service: Service) -> Service:
        with self.store:
            return self.store.services.get(ORGANIZATION, service.id)

    def acquire(self, deployment: Deployment) -> str:
        """Run AcquireLease; the token it waits with."""
        attempt = self.attempt(deployment, lease=None)
        leasing.acquire(attempt, **self.line)
        assert attempt.task_token
        return attempt.task_token

    def build(self, deployment: Deployment, image: str = "sha256:one", port: int = 8000) -> None:
        """Run Build, and be the agent that builds."""
        building.request_build(self.attempt(deployment), policy=POLICY, **self.line)
        self.compute.tag(self.image(image), f"c2d/{deployment.service_id}:r{deployment.number}")
        self.work(JobKind.BUILD, {"image": image, "sha": "a" * 40, "port": port})

    def image(self, reference: str) -> str:
        self.compute.images.setdefault(reference, {reference})
        return reference

    def claim(self, role: str = "edge") -> claiming.Claim:
        """The next job that is not the standing watch."""
        seen = Agent("agent-1", ("build", "edge"), "1", 2, now())
        while True:
            claim = claiming.claim(seen, [role], uow=self.store)
            assert claim is not None, f"no job for {role}"
            if claim.job.kind is not JobKind.WATCH:
                return claim

    def work(self, kind: JobKind, output: dict[str, Any] | None = None) -> None:
        """Be the agent: take the next job, which must be of `kind`, and succeed."""
        claim = self.claim("build" if kind is JobKind.BUILD else "edge")
        assert claim.job.kind is kind
        jobs.finish(
            claim.job.id,
            claim.token,
            outcome="succeeded",
            output=output or {},
            error=None,
            reason=None,
            **self.line,
        )

    def release(self, deployment: Deployment) -> None:
        """CreateRelease to VerifyPublic."""
        attempt = self.attempt(deployment)
        create = (
            releasing.create_release_again
            if deployment.trigger is Trigger.ROLLBACK
            else releasing.create_release
        )
        create(attempt, uow=self.store, images=self.compute)
        self.start(deployment)
        for step, kind in (
            (routing.health_gate, JobKind.HEALTH_GATE),
            (routing.switch_route, JobKind.SWITCH_ROUTE),
            (routing.verify_public, JobKind.VERIFY_PUBLIC),
        ):
            step(self.attempt(deployment), domain=DOMAIN, heartbeat_limit=60, **self.line)
            self.work(kind)

    def start(self, deployment: Deployment) -> None:
        """CreateInstance and StartApp."""
        attempt = self.attempt(deployment)
        instances.create_instance(
            attempt,
            slots=SlotRange(),
            uow=self.store,
            compute=self.compute,
            vault=self.vault,
            addresses=ADDRESSES,
        )
        instances.start_app(attempt, uow=self.store, compute=self.compute)

    def go_live(self, deployment: Deployment, image: str = "sha256:one") -> None:
        """The whole workflow, to RetireOld."""
        self.acquire(deployment)
        if deployment.trigger is not Trigger.ROLLBACK:
            self.build(deployment, image)
        self.release(deployment)
        self.finish(deployment)

    def finish(self, deployment: Deployment) -> None:
        """MarkLive to RetireOld."""
        routing.mark_live(self.attempt(deployment), **self.line)
        retirement.drain(self.attempt(deployment, lease=None), heartbeat_limit=60, **self.line)
        with self.store:
            waiting = [j for j in self.store.jobs.unfinished_everywhere() if j.sealed_token]
        if waiting:
            self.work(JobKind.DRAIN)
        retirement.retire_old(
            self.attempt(deployment, lease=None), uow=self.store, compute=self.compute
        )

    def fail(self, deployment: Deployment, error: str, cause: str = "") -> None:
        """Compensate and MarkFailed."""
        attempt = self.attempt(deployment)
        routing.restore_route(attempt, domain=DOMAIN, heartbeat_limit=60, **self.line)
        compensation.undo(attempt, uow=self.store, compute=self.compute)
        failure = compensation.Failure(error, cause)
        compensation.mark_failed(attempt, failure, **self.line)

    def instances(self, service: Service) -> dict[InstanceRole, Instance]:
        with self.store:
            return self.instances_in(service)

    def instances_in(self, service: Service) -> dict[InstanceRole, Instance]:
        """The same inside a transaction."""
        found = self.store.instances.of_service(ORGANIZATION, service.id)
        return {i.role: i for i in found}

    def runs(self, instance: Instance) -> bool:
        assert instance.provider_id
        return self.compute.status(instance.provider_id).state is InstanceState.RUNNING

    def restart_due(self) -> int:
        """What the schedule does; how many were tried."""
        return supervision.restart_due(
            uow=self.store, compute=self.compute, vault=self.vault, addresses=ADDRESSES
        )

    def steps(self, deployment: Deployment) -> list[Step]:
        with self.store:
            return list(self.store.steps.list(ORGANIZATION, deployment.id))

    def route(self, service: Service) -> str | None:
        with self.store:
            return self.store.routes.get(ORGANIZATION, service.id).target
