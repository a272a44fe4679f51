"""An agent in a thread: it claims calls from a store and serves them on a cloud."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from infra.agent.edge.calls import EngineCalls
from shared.adapters.agents.calls import AgentCalls
from shared.adapters.docker.pulling import PullPolicy
from shared.domain.errors import PlatformError
from shared.domain.ids import now
from shared.domain.jobs import Agent, JobKind
from shared.ports.compute import Cloud
from shared.ports.workflows import Workflows
from shared.usecases.building import BuildPolicy
from shared.usecases.claiming import Claim, claim
from shared.usecases.connections import Access
from shared.usecases.job_secrets import secrets_of
from shared.usecases.jobs import finish
from tests.fakes.compute import FakeCompute
from tests.fakes.store import FakeStore
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows

POLICY = BuildPolicy(
    cpus=1,
    memory_mb=512,
    timeout_seconds=60,
    clone_timeout_seconds=60,
    source_mb=64,
    registry="registry.example",
    registry_username="robot",
    registry_password="robots-password",
)


def fake_cloud(compute: FakeCompute) -> Cloud:
    return Cloud(compute, compute, cast(Any, None), compute, compute)


@dataclass
class Served:
    """A store, the calls made over it, and what the agent saw."""

    store: FakeStore = field(default_factory=FakeStore)
    vault: FakeVault = field(default_factory=FakeVault)
    specs: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[PullPolicy] = field(default_factory=list)

    def calls(self, seconds: float = 5) -> AgentCalls:
        return AgentCalls(lambda: self.store, self.vault, seconds=seconds)

    def claim(self) -> Claim | None:
        """The next call there is; the standing watch is left alone."""
        agent = Agent("edge-1", ("edge",), "1", 1, now())
        while (got := claim(agent, ["edge"], uow=self.store)) is not None:
            if got.job.kind is JobKind.COMPUTE:
                return got
        return None

    def serve_one(self, cloud: Cloud) -> bool:
        got = self.claim()
        if got is None:
            return False
        self.specs.append(got.job.spec)
        self.end(got, lambda: self._work(got, cloud))
        return True

    def _work(self, got: Claim, cloud: Cloud) -> dict[str, Any]:
        def made(pulls: PullPolicy) -> Cloud:
            self.pulls.append(pulls)
            return cloud

        return EngineCalls(made).serve(got.job.spec, Held(self, got.job.id, got.token))

    def end(self, got: Claim, work: Callable[[], dict[str, Any]]) -> None:
        told: dict[str, Any] = {"outcome": "failed", "output": {}, "error": None, "reason": None}
        try:
            told |= {"outcome": "succeeded", "output": work()}
        except PlatformError as error:
            told |= {"error": type(error).__name__, "reason": error.reason}
        workflows = cast(Workflows, FakeWorkflows())
        finish(got.job.id, got.token, **told, uow=self.store, workflows=workflows, vault=self.vault)

    @contextmanager
    def serving(self, cloud: Cloud, threads: int = 6) -> Iterator["Served"]:
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                if not self.serve_one(cloud):
                    stop.wait(0.01)

        pool = [threading.Thread(target=loop) for _ in range(threads)]
        for thread in pool:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in pool:
                thread.join(10)


@dataclass(frozen=True)
class Held:
    """The job as the agent has it in its hands."""

    served: Served
    job_id: UUID
    token: str

    def check(self) -> None:
        return

    def secrets(self) -> dict[str, Any]:
        return secrets_of(
            self.job_id,
            self.token,
            policy=POLICY,
            uow=self.served.store,
            vault=self.served.vault,
            access=cast(Access, None),
        )
