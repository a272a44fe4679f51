"""The edge's kinds of job: each handler may run twice and stops soon after it is told to."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, Protocol

from infra.agent.edge.calls import EngineCalls
from infra.agent.edge.container import DockerContainers
from infra.agent.edge.drain import drain
from infra.agent.edge.pre_deploy import OneOff, Output, RawWriter
from infra.agent.edge.probe import HealthGate
from infra.agent.edge.public import PublicRoute
from infra.agent.edge.routing_table import RoutingTable
from infra.agent.edge.watch import Observation, Watched, Watcher, follow_deaths
from shared.domain.errors import RouteFailed, StaleGeneration
from shared.domain.masking import Masker

Spec = dict[str, Any]
WATCH_TICK_SECONDS: Final = 0.5
DEFAULT_DRAIN_SECONDS: Final = 30


class EdgeJob(Protocol):
    """What a handler needs of the job in its hands; infra.agent.job.Job offers it."""

    @property
    def masker(self) -> Masker: ...

    @property
    def heartbeat_answer(self) -> Mapping[str, Any]:
        """What the control plane said to the last heartbeat."""

    def check(self) -> None:
        """Raises Cancelled once the job is to stop."""

    def wait(self, seconds: float) -> bool:
        """Sleeps up to `seconds`; true as soon as the job is to stop."""

    def log(self, text: str, stream: str = "system") -> None: ...

    def writer(self, stream: str, tap: Callable[[str], None] | None = None) -> RawWriter: ...

    def observe(self, **facts: Any) -> None: ...

    def secrets(self) -> dict[str, Any]: ...

    def on_stop(self, stopper: Callable[[], None]) -> AbstractContextManager[None]: ...


Handler = Callable[[Spec, Any], Spec]


class EdgeJobs:
    """The handlers, over one routing table, one router and one engine."""

    def __init__(
        self,
        table: RoutingTable,
        public: PublicRoute,
        containers: DockerContainers,
        calls: EngineCalls,
    ) -> None:
        self._table = table
        self._public = public
        self._containers = containers
        self._calls = calls
        self._closing = threading.Event()

    def handlers(self) -> dict[str, Handler]:
        """By kind of job."""
        return {
            "health_gate": self.health_gate,
            "switch_route": self.switch_route,
            "verify_public": self.verify_public,
            "drain": self.drain,
            "remove_route": self.remove_route,
            "pre_deploy": self.pre_deploy,
            "watch": self.watch,
            "compute": self.compute,
        }

    def close(self) -> None:
        """Ends the standing watch, so that the agent can stop; other jobs finish by themselves."""
        self._closing.set()

    def health_gate(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises HealthCheckFailed, Cancelled."""
        container_id = str(spec["container_id"])
        gate = HealthGate(
            target=spec["target"],
            host=spec["host"],
            port=int(spec["port"]),
            look=lambda: self._containers.look(container_id),
            path=spec.get("path"),
            timeout_seconds=float(spec["timeout_seconds"]),
            memory_mb=spec.get("memory_mb"),
            healthy_threshold=int(spec.get("healthy_threshold", 1)),
        )
        job.check()
        passed = gate.pass_or_fail(job.wait, job.log)
        return {"healthy_after_ms": passed.healthy_after_ms, "status_code": passed.status_code}

    def switch_route(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises StaleGeneration, Invalid, Cancelled."""
        job.check()
        target, generation = spec["target"], int(spec["generation"])
        previous = {host: self._table.point(host, target, generation) for host in spec["hosts"]}
        return {"previous": previous}

    def verify_public(self, spec: Spec, job: EdgeJob) -> Spec:
        """Points back to `previous` when the public answer does not come from the target.

        Raises RouteFailed, Cancelled (then the route stays: undoing is the caller's).
        """
        job.check()
        host, target = spec["host"], spec["target"]
        try:
            status = self._public.verify(
                host,
                spec.get("path"),
                target,
                timeout_seconds=float(spec["timeout_seconds"]),
                wait=job.wait,
            )
        except RouteFailed:
            self._point_back(host, target, spec.get("previous"), int(spec["generation"]))
            raise
        return {"status_code": status}

    def _point_back(self, host: str, target: str, previous: str | None, generation: int) -> None:
        # Whoever has pointed the host elsewhere since knows better than this job.
        if self._table.target(host) != target:
            return
        if previous and previous != target:
            with suppress(StaleGeneration):
                self._table.point(host, previous, generation)
        elif not previous:
            self._table.remove(host)

    def drain(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises Cancelled."""
        job.check()
        deadlines = {
            wanted["target"]: float(wanted.get("deadline_seconds", DEFAULT_DRAIN_SECONDS))
            for wanted in spec["targets"]
        }
        done = drain(deadlines, job.wait)
        for target, connections in done.cut.items():
            job.log(f"{connections} connections to {target} were still open at the drain's end")
        return {
            "drained": sorted(done.drained),
            "cut": [{"target": key, "connections": n} for key, n in sorted(done.cut.items())],
        }

    def remove_route(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises StaleGeneration (only where a generation is given), Cancelled."""
        job.check()
        for host in spec["hosts"]:
            self._table.remove(host, spec.get("generation"))
        return {}

    def pre_deploy(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises PreDeployFailed, Cancelled; both leave the container killed."""
        job.check()
        container_id = str(spec["container_id"])
        job.masker.add(self._containers.secrets(container_id))
        one_off = OneOff(self._containers, container_id)
        one_off.run(Output(job.writer), float(spec["timeout_seconds"]), job.wait)
        return {"exit_code": 0}

    def compute(self, spec: Spec, job: EdgeJob) -> Spec:
        """Raises what the port it calls raises, Cancelled."""
        return self._calls.serve(spec, job)

    def watch(self, _spec: Spec, job: EdgeJob) -> Spec:
        """Watches what the heartbeat's answers name, until the job or the agent is to stop."""
        stop = threading.Event()

        def report(seen: Observation) -> None:
            job.observe(**seen.facts())

        watcher = Watcher(self._containers.look, report)
        threads = [
            threading.Thread(target=watcher.run, args=(stop,), name="watch"),
            threading.Thread(
                target=follow_deaths,
                args=(self._containers, watcher, stop),
                name="watch-deaths",
                daemon=True,
            ),
        ]
        with job.on_stop(stop.set):
            for thread in threads:
                thread.start()
            known: object = None
            while not self._closing.is_set() and not job.wait(WATCH_TICK_SECONDS):
                given = job.heartbeat_answer.get("watch")
                if given is not None and given != known:
                    known = given
                    watcher.replace(Watched.parse(instance) for instance in given)
        stop.set()
        threads[0].join(5.0)
        job.check()
        return {}
