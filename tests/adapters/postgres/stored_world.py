"""A world on a real database: its deployments go on while agents of their own work for all."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import vault_of
from shared.domain.deployments import Deployment
from shared.domain.ids import now
from shared.domain.jobs import ENDED, Agent, JobKind
from shared.domain.services import Service
from shared.usecases import claiming, jobs
from shared.usecases.attempts import Attempt
from shared.usecases.projects import create_project
from tests.fakes.compute import FakeCompute
from tests.fakes.names import FakeNames
from tests.fakes.workflows import FakeWorkflows
from tests.usecases.world import ORGANIZATION, World
from tests.workflows.deadlines import eventually

BUILT = {"image": "sha256:one", "sha": "a" * 40, "port": 8000}


class StoredWorld(World):
    """Everything in memory but the store; the vault is one process's view of a folder of keys."""

    def __init__(self, engine: Engine, keys: Path, name: str) -> None:
        self.store: Any = SqlUnitOfWork(engine)
        self.workflows = FakeWorkflows()
        self.vault: Any = vault_of(keys)
        self.compute = FakeCompute()
        self.names = FakeNames(self.compute)
        self.project = create_project(ORGANIZATION, name=name, description="", uow=self.store)
        self._tokens = 0

    def go_live_again(self, service: Service) -> None:
        """One more deployment, from its request to its end."""
        self.served = service
        self.go_live(self.deploy(service))

    def attempt(self, deployment: Deployment, **more: Any) -> Attempt:
        """With a task token that no other world has."""
        made = super().attempt(deployment, **more)
        return replace(made, task_token=f"{made.task_token} of {self.project.slug}")

    def work(self, kind: JobKind, output: dict[str, Any] | None = None) -> None:
        """Wait for the agent."""
        eventually(self._has_worked, f"an agent did its {kind}", 20)

    def _has_worked(self) -> bool:
        with self.store as uow:
            found = uow.jobs.unfinished_everywhere()
        return not [j for j in found if j.service_id == self.served.id and j.sealed_token]


def work_for_all(engine: Engine, keys: Path, stop: threading.Event) -> int:
    """Be an agent: take job after job, beat, succeed. How many it did."""
    uow, vault, workflows = SqlUnitOfWork(engine), vault_of(keys), FakeWorkflows()
    line: dict[str, Any] = {"uow": uow, "workflows": workflows, "vault": vault}
    done = 0
    while not stop.is_set():
        claim = claiming.claim(
            Agent("a", ("build", "edge"), "1", 2, now()), ["build", "edge"], uow=uow
        )
        if claim is None or claim.job.kind is JobKind.WATCH:
            stop.wait(0.01)
            continue
        job = jobs.heartbeat(claim.job.id, claim.token, **line)
        assert job.state not in ENDED
        jobs.finish(
            job.id,
            claim.token,
            outcome="succeeded",
            output=BUILT if job.kind is JobKind.BUILD else {},
            error=None,
            reason=None,
            **line,
        )
        done += 1
    return done
