"""Deployments driven by the real definitions and functions over fakes; what is sent is noted."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from shared import bootstrap
from shared.adapters.asl.loading import load_folder
from shared.adapters.dbos.engine import DbosWorkflows, EngineSettings
from shared.adapters.dbos.steps import DurableSteps
from shared.adapters.local_lambda import invoke, no_queue
from shared.domain.deployments import Deployment
from shared.domain.errors import PlatformError, Transient
from shared.domain.jobs import JobKind
from shared.domain.services import Service
from shared.machines import FOLDER, substitutions
from shared.settings import Settings, Timeouts
from shared.usecases import jobs, rollbacks
from shared.usecases.naming import SettledNames
from tests.fakes.queue import FakeQueue
from tests.usecases.world import ORGANIZATION, POLICY, World
from tests.workflows.deadlines import ended

PACE = 0.001
BUILT = {"image": "sha256:one", "sha": "a" * 40, "port": 8000}
UNHEALTHY = {"outcome": "failed", "error": "HealthCheckFailed", "reason": "it answers 500"}
Entry = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """One thing somebody asks for. `agent` says how jobs of a kind end, else they succeed;
    `broken` is a method of the cloud and how often it fails."""

    ask: str
    agent: Mapping[str, Entry] = field(default_factory=dict)
    broken: tuple[str, int] | None = None


STORIES: Mapping[str, tuple[Scene, ...]] = {
    "life": (Scene("deploy"), Scene("deploy"), Scene("rollback")),
    "failing": (
        Scene("deploy"),
        Scene("deploy", agent={JobKind.HEALTH_GATE: UNHEALTHY}, broken=("remove", 12)),
    ),
}
"""Together they call every function of every machine."""


class Stage(World):
    """A world whose agent works as the scene says, as soon as there is a job."""

    def __init__(self) -> None:
        super().__init__()
        self.played = self.service(run={"pre_deploy_command": "migrate"})
        self.deployments: list[Deployment] = []

    def asked(self, scene: Scene) -> Deployment:
        if scene.broken:
            method, times = scene.broken
            self.compute.fail(method, Transient("the cloud is away"), times=times)
        if scene.ask == "deploy":
            made = self.deploy(self.played)
        else:
            first = self.deployments[0].id
            made = rollbacks.rollback(ORGANIZATION, self.played.id, first, actor="ada", **self.line)
        self.deployments.append(made)
        return made

    def end_jobs(self, scene: Scene) -> list[Entry]:
        """Be the agent for whatever is queued; what it was told to do."""
        done = []
        while kind := self._queued():
            claim = self.claim("build" if kind is JobKind.BUILD else "edge")
            given = {"outcome": "succeeded", "error": None, "reason": None}
            given |= scene.agent.get(kind, {})
            output = BUILT if kind is JobKind.BUILD else {}
            self.image(BUILT["image"])
            jobs.finish(claim.job.id, claim.token, output=output, **given, **self.line)
            done.append({"kind": kind.value, "spec": claim.job.spec})
        return done

    def _queued(self) -> JobKind | None:
        with self.store:
            found = self.store.jobs.unfinished_everywhere()
        return next((j.kind for j in found if j.sealed_token and j.claimed_at is None), None)


@contextmanager
def over(world: World) -> Iterator[None]:
    """The functions find this world where they look for their ports."""
    providers = {
        "unit_of_work": world.store,
        "workflows": world.workflows,
        "vault": world.vault,
        "compute": world.compute,
        "images": world.compute,
        "networks": world.compute,
        "names": world.names,
        "settled_names": SettledNames(),
        "webhook_queue": FakeQueue(),
        "build_policy": POLICY,
        "settings": Settings(workflows="step_functions", queues="sqs"),
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, provider in providers.items():
            patched.setattr(bootstrap, name, lambda p=provider: p, raising=False)
        yield


class Playing:
    """One story on the engine. `entries` is what happened, in order, as it is recorded."""

    def __init__(self, database: str, inputs: Iterator[Entry] | None = None) -> None:
        self.entries: list[Entry] = []
        self.world = Stage()
        machines = load_folder(FOLDER, substitutions(Timeouts()))
        self.engine = DbosWorkflows(
            database, machines, self._invoke, no_queue, EngineSettings(close_seconds=1)
        )
        self.world.workflows = Starting(self.engine, self._started)  # type: ignore[assignment]
        self._inputs = inputs
        self._scene = Scene("deploy")
        self._turn = threading.Lock()

    def play(self, story: str) -> list[str]:
        """How its deployments ended."""
        pause = DurableSteps.pause

        def shorter(
            self: DurableSteps, state: str, seconds: float, *, jitter: bool = False
        ) -> None:
            pause(self, state, seconds * PACE, jitter=jitter)

        with over(self.world), pytest.MonkeyPatch.context() as patched:
            patched.setattr(DurableSteps, "pause", shorter)
            self.engine.launch()
            try:
                for scene in STORIES[story]:
                    self._scene = scene
                    made = self.world.asked(scene)
                    ended(self.engine, made.execution, 30)
            finally:
                self.engine.close()
        return [self.world.get(made).state.value for made in self.world.deployments]

    def _started(self, machine: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        sent = dict(payload)
        if self._inputs is not None:
            sent = mapped(next(self._inputs), payload)
        self.entries.append({"start": machine, "input": sent})
        return sent

    def _invoke(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            entry: Entry = {"call": name, "payload": payload}
            self.entries.append(entry)
            try:
                entry["output"] = invoke(name, payload)
            except PlatformError as error:
                entry["raises"] = type(error).__name__
                raise
            entry["jobs"] = self.world.end_jobs(self._scene)
            return dict(entry["output"])


@dataclass
class Starting:
    """The engine, and somebody who sees what is started."""

    engine: DbosWorkflows
    started: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

    def start(self, machine: str, execution: str, payload: Mapping[str, Any]) -> None:
        if self.engine.describe(execution) is None:
            payload = self.started(machine, payload)
        self.engine.start(machine, execution, payload)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def mapped(recorded: Entry, now: Mapping[str, Any]) -> Entry:
    """What was recorded, of today's service and deployment."""
    text = json.dumps(recorded)
    for key in ("organization_id", "service_id", "deployment_id"):
        text = text.replace(str(recorded[key]), str(now[key]))
    return dict(json.loads(text))


def ids(service: Service, deployment: Deployment) -> dict[str, UUID]:
    return {
        "organization_id": service.organization_id,
        "service_id": service.id,
        "deployment_id": deployment.id,
    }
