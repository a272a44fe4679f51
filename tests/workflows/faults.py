"""The platform's own functions inside the machines, one of which fails or never answers."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

import pytest

from shared import bootstrap, machines
from shared.adapters.asl.loading import load_folder
from shared.adapters.local_lambda import LocalContext, invoke
from shared.domain.deployments import Deployment
from shared.domain.errors import PlatformError
from shared.domain.ids import now
from shared.domain.jobs import Agent, JobKind
from shared.domain.releases import InstanceRole
from shared.domain.resources import ResourceState
from shared.domain.services import Service
from shared.ports.workflows import Workflows
from shared.settings import Settings, Timeouts
from shared.usecases import claiming, jobs, rollbacks
from shared.usecases.naming import SettledNames
from tests.usecases.world import ORGANIZATION, POLICY, World
from tests.workflows.deadlines import ended
from tests.workflows.fault_cases import AT_AN_AGENT, CASES, GIVES_UP, NAMES, UNDOING, Case, Fault
from tests.workflows.homes import Home

SHORT_SECONDS: Final = 2
WORKERS: Final = 16


@dataclass
class Ending:
    """What is left of a case: the deployment, its ledger, and everything outside."""

    state: str
    reason: str | None
    ledger: list[tuple[str, str | None]]
    running: list[str]
    route_leads_to: str | None
    unfinished: list[str]
    lease_is_free: bool
    resources: list[tuple[str, str]]
    attention: list[str]


@dataclass
class Run:
    """One service with a version that serves, and the deployment that meets the fault."""

    case: Case
    world: World = field(default_factory=World)
    over: threading.Event = field(default_factory=threading.Event)
    lifted: bool = False

    def begin(self, workflows: Workflows) -> Deployment:
        world = self.world
        self.service = world.service(run={"pre_deploy_command": "migrate"})
        first = world.deploy(self.service)
        world.go_live(first)
        if self.case.machine == "rollback":
            world.go_live(world.deploy(self.service), image="sha256:two")
        world.workflows = workflows  # type: ignore[assignment]
        if self.case.machine == "rollback":
            self.deployment = rollbacks.rollback(
                ORGANIZATION, self.service.id, first.id, actor="ada", **world.line
            )
        else:
            self.deployment = world.deploy(self.service)
        return self.deployment

    def call(self, function: str, payload: dict[str, Any]) -> Any:
        hit = not self.lifted and self.case.hits(function)
        if hit and function == "deploy.acquire_lease":
            return self._lease(payload)
        answer = invoke(function, payload)
        if function in AT_AN_AGENT:
            if not hit or self.case.fault is Fault.FAILURE or function != self.case.function:
                self._work(failing=hit)
            else:
                threading.Thread(target=self._beat, args=(payload["task_token"],)).start()
        elif hit:
            self._break(function)
        return answer

    def _lease(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self.case.fault is Fault.FAILURE:
            self.world.workflows.fail(payload["task_token"], "PlatformError", "injected")
        return {}

    def _break(self, function: str) -> None:
        if self.case.fault is Fault.TIMEOUT and function == self.case.function:
            self.over.wait(4 * SHORT_SECONDS)
            return
        raise PlatformError("injected")

    def _beat(self, token: str) -> None:
        """An agent that is alive and does not come to an end: only the state's time ends it."""
        with suppress(PlatformError):
            while not self.over.wait(0.3):
                self.world.workflows.heartbeat(token)

    def _work(self, *, failing: bool) -> None:
        """Be the agent for every job there is."""
        while (claim := self._claim()) is not None:
            output: dict[str, Any] = {}
            if claim.job.kind is JobKind.BUILD:
                image = self.world.image("sha256:new")
                tag = f"c2d/{self.service.id}:r{self.deployment.number}"
                self.world.compute.tag(image, tag)
                output = {"image": image, "sha": "a" * 40, "port": 8000}
            self._finish(claim, output, failing=failing)

    def _claim(self) -> claiming.Claim | None:
        seen = Agent("agent-1", ("build", "edge"), "1", 2, now())
        while (claim := claiming.claim(seen, seen.roles, uow=self.world.store)) is not None:
            if claim.job.kind is not JobKind.WATCH:
                return claim
        return None

    def _finish(self, claim: claiming.Claim, output: dict[str, Any], *, failing: bool) -> None:
        jobs.finish(
            claim.job.id,
            claim.token,
            outcome="failed" if failing else "succeeded",
            output={} if failing else output,
            error="PlatformError" if failing else None,
            reason="injected" if failing else None,
            **self.world.line,
        )

    def ending(self) -> Ending:
        """After the platform has looked once at what nobody looks after."""
        import_module("functions.scheduled.reconcile").handler({}, LocalContext("reconcile"))
        deployment = self.world.get(self.deployment)
        service, store = self.world.get_service(self.service), self.world.store
        roles = self.world.instances(service)
        with store:
            unfinished = store.jobs.unfinished_everywhere()
            lease = store.leases.lock(ORGANIZATION, service.id)
            resources = store.resources.of_deployment(ORGANIZATION, deployment.id)
        return Ending(
            state=deployment.state,
            reason=deployment.reason,
            ledger=[(s.name, s.outcome) for s in self.world.steps(deployment)],
            running=sorted(spec.image for spec in self.world.compute.running),
            route_leads_to=self._serving(service, roles),
            unfinished=[j.step for j in unfinished if j.kind is not JobKind.WATCH],
            lease_is_free=lease.holder is None,
            resources=sorted((r.kind, r.state) for r in resources),
            attention=[r.kind for r in resources if r.state is ResourceState.NEEDS_ATTENTION],
        )

    def _serving(self, service: Service, roles: Mapping[InstanceRole, Any]) -> str | None:
        serving = roles.get(InstanceRole.SERVING)
        if serving is None or serving.target != self.world.route(service):
            return None
        return str(self.world.compute.instances[serving.provider_id].spec.image)


@contextmanager
def platform(here: threading.local) -> Iterator[None]:
    """Bootstrap's providers answer with the world of the thread that asks."""
    settings = Settings(workflows="step_functions", queues="sqs")
    providers: dict[str, Callable[[World], Any]] = {
        "unit_of_work": lambda w: w.store,
        "workflows": lambda w: w.workflows,
        "vault": lambda w: w.vault,
        "compute": lambda w: w.compute,
        "images": lambda w: w.compute,
        "networks": lambda w: w.compute,
        "names": lambda w: w.names,
        "settled_names": lambda _: SettledNames(),
        "build_policy": lambda _: POLICY,
        "settings": lambda _: settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, of in providers.items():
            patch.setattr(bootstrap, name, lambda *_, of=of: of(here.world))
        yield


def documents(fault: Fault) -> dict[str, Mapping[str, Any]]:
    """The machines with functions named by their substitution, and times fit for the fault."""

    seconds = SHORT_SECONDS if fault is Fault.TIMEOUT else 60
    whole = dict.fromkeys(("deploy", "release", "compensate"), 120)
    whole["heartbeat"] = seconds - 1
    limits = Timeouts(**{name: whole.get(name, seconds) for name in Timeouts.model_fields})
    named = {**machines.substitutions(limits), **{key: key for key in NAMES}}
    return {n: d.document for n, d in load_folder(machines.FOLDER, named).items()}


def play(home: Home, fault: Fault) -> dict[Case, Ending]:
    """Every case of that fault, several beside each other."""
    here, runs = threading.local(), dict[str, Run]()

    def call(function: str, payload: dict[str, Any]) -> Any:
        run = runs[payload["deployment_id"]]
        here.world = run.world
        return run.call(NAMES[function], payload)

    def one(case: Case, workflows: Workflows) -> Ending:
        run = Run(case)
        here.world = run.world
        deployment = run.begin(_Registering(workflows, runs, run))
        ended(workflows, f"{deployment.id}-{deployment.attempt}", 90)
        run.over.set()
        run.lifted = True
        run._work(failing=False)
        return run.ending()

    with platform(here), ThreadPoolExecutor(WORKERS) as pool:
        workflows = home.load(documents(fault), call)
        cases = [case for case in CASES if case.fault is fault]
        cases.sort(key=lambda case: case.function not in {*UNDOING, GIVES_UP})  # tried for longest
        return dict(zip(cases, pool.map(lambda c: one(c, workflows), cases), strict=True))


class _Registering:
    """The engine, told whose deployment it starts before it does."""

    def __init__(self, workflows: Workflows, runs: dict[str, Run], run: Run) -> None:
        self._workflows, self._runs, self._run = workflows, runs, run

    def start(self, machine: str, execution: str, payload: Mapping[str, Any]) -> None:
        self._runs[str(payload["deployment_id"])] = self._run
        self._workflows.start(machine, execution, payload)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workflows, name)
