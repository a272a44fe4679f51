"""Continuous probing of what serves: gentle while healthy, quick when not, deaths at once."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from infra.agent.edge.container import DockerContainers
from infra.agent.edge.exchange import Reply, ask
from infra.agent.edge.explain import explain, explain_exit, healthy
from infra.agent.edge.state import ContainerState, RunState

HEALTHY_SECONDS: Final = 2.0
FAILING_SECONDS: Final = 0.5
DOWN_SECONDS: Final = 2.0
PROBE_SECONDS: Final = 5.0
UNHEALTHY_AFTER: Final = 3
"""Failed probes in a row before an instance that runs is called unhealthy."""
PROBES_AT_ONCE: Final = 32
_STOPPED: Final = frozenset({0, 137, 143})


@dataclass(frozen=True, slots=True)
class Watched:
    """One serving instance. `port` and `memory_mb`, where given, make reasons more precise."""

    instance_id: str
    target: str
    host: str
    container_id: str
    path: str | None = None
    port: int | None = None
    memory_mb: int | None = None

    @classmethod
    def parse(cls, given: dict[str, Any]) -> "Watched":
        """From the control plane's words; unknown keys are passed over."""
        keys = ("instance_id", "target", "host", "container_id", "path", "port", "memory_mb")
        return cls(**{key: given[key] for key in keys if key in given})


@dataclass(frozen=True, slots=True)
class Observation:
    """What changed. `state` is healthy, unhealthy or exited; `since` is in UTC."""

    instance_id: str
    state: str
    since: datetime
    reason: str | None = None
    exit_code: int | None = None
    oom: bool = False

    def facts(self) -> dict[str, Any]:
        """As it is sent to the control plane."""
        return {
            "instance_id": self.instance_id,
            "state": self.state,
            "since": self.since.isoformat(timespec="milliseconds"),
            "reason": self.reason,
            "exit_code": self.exit_code,
            "oom": self.oom,
        }


@dataclass(slots=True)
class _Track:
    watched: Watched
    state: str | None = None
    failures: int = 0
    due: float = 0.0
    busy: bool = False
    notices: int = 0
    seen_notices: int = 0
    failing_since: float = 0.0
    stopped: str = ""
    ended: str = ""


@dataclass(slots=True)
class _Schedule:
    tracks: dict[str, _Track] = field(default_factory=dict)
    heap: list[tuple[float, str]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)


class Watcher:
    """Probes a replaceable set of instances; tells `report` of every change of state, once."""

    def __init__(
        self,
        look: Callable[[str], ContainerState],
        report: Callable[[Observation], None],
        probe: Callable[..., Reply] = ask,
    ) -> None:
        self._look = look
        self._report = report
        self._probe = probe
        self._plan = _Schedule()
        self._pool = ThreadPoolExecutor(PROBES_AT_ONCE, thread_name_prefix="watch")

    def replace(self, instances: Iterable[Watched]) -> None:
        """Watch exactly these from now on; what stays keeps its state."""
        wanted = {watched.instance_id: watched for watched in instances}
        with self._plan.changed:
            for gone in self._plan.tracks.keys() - wanted.keys():
                del self._plan.tracks[gone]
            for key, watched in wanted.items():
                known = self._plan.tracks.get(key)
                if known is None or known.watched != watched:
                    self._plan.tracks[key] = _Track(watched)
                    # The first probes of a long list are spread over one interval.
                    spread = random.random() * HEALTHY_SECONDS  # noqa: S311 - jitter
                    self._schedule(key, spread if len(wanted) > 4 else 0.0)

    def notice(self, container_id: str) -> None:
        """A container has ended: look at it now."""
        with self._plan.changed:
            for key, track in self._plan.tracks.items():
                if track.watched.container_id == container_id:
                    track.notices += 1
                    self._schedule(key, 0.0)

    def look_at_all(self) -> None:
        """Something may have been missed: look at every instance now."""
        with self._plan.changed:
            for key, track in self._plan.tracks.items():
                track.notices += 1
                self._schedule(key, 0.0)

    def run(self, stop: threading.Event) -> None:
        """Probes until `stop`."""
        try:
            while not stop.is_set():
                for key in self._take_due(stop):
                    self._pool.submit(self._check, key)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _schedule(self, key: str, seconds: float) -> None:
        track = self._plan.tracks[key]
        track.due = time.monotonic() + seconds
        heapq.heappush(self._plan.heap, (track.due, key))
        self._plan.changed.notify_all()

    def _take_due(self, stop: threading.Event) -> list[str]:
        with self._plan.changed:
            heap, now = self._plan.heap, time.monotonic()
            if not heap or heap[0][0] > now:
                self._plan.changed.wait(min(heap[0][0] - now, 0.5) if heap else 0.5)
            due = []
            now = time.monotonic()
            while heap and heap[0][0] <= now and not stop.is_set():
                at, key = heapq.heappop(heap)
                track = self._plan.tracks.get(key)
                if track and track.due == at and not track.busy:
                    track.busy = True
                    due.append(key)
            return due

    def _check(self, key: str) -> None:
        with self._plan.changed:
            track = self._plan.tracks.get(key)
            if track is None:
                return
            notices = track.notices
            noticed = notices != track.seen_notices
            track.seen_notices = notices
        try:
            pause = self._probed(track, noticed)
        except Exception as error:  # noqa: BLE001 - a pool's thread: one probe must not end them
            self._change(track, "unhealthy", f"The probe itself failed ({type(error).__name__}).")
            pause = DOWN_SECONDS
        with self._plan.changed:
            track.busy = False
            if self._plan.tracks.get(key) is track:
                self._schedule(key, 0.0 if track.notices != notices else pause)

    def _probed(self, track: _Track, noticed: bool) -> float:
        watched = track.watched
        # Its address may already serve a successor: a death is looked at, not asked about.
        if noticed and (state := self._look(watched.container_id)).over:
            return self._exited(track, state)
        path = watched.path or "/"
        reply = self._probe(watched.target, watched.host, path, seconds=PROBE_SECONDS)
        if healthy(reply, watched.path):
            track.failures = 0
            self._change(track, "healthy")
            # Spread again each time, or instances that started together stay together.
            return HEALTHY_SECONDS * random.uniform(0.85, 1.15)  # noqa: S311 - jitter
        track.failures += 1
        if track.failures == 1:
            track.failing_since = time.monotonic()
        state = self._look(watched.container_id)
        if state.over:
            return self._exited(track, state)
        if track.failures >= UNHEALTHY_AFTER and state.state is not RunState.UNKNOWN:
            self._change(track, "unhealthy", self._why(track, reply, state))
            return DOWN_SECONDS
        return FAILING_SECONDS

    def _exited(self, track: _Track, state: ContainerState) -> float:
        # A restart looks like this for a moment: an end by a signal is believed at second sight.
        if state.exit_code in _STOPPED and not state.oom and track.stopped != state.ended_at:
            track.stopped = state.ended_at
            return FAILING_SECONDS
        reason = explain_exit(state, track.watched.memory_mb)
        self._change(track, "exited", reason, state)
        return DOWN_SECONDS

    def _why(self, track: _Track, reply: Reply, state: ContainerState) -> str:
        watched = track.watched
        return explain(
            reply,
            state,
            port=watched.port or state.port or int(watched.target.partition(":")[2]),
            path=watched.path,
            memory_mb=watched.memory_mb,
            seconds=time.monotonic() - track.failing_since,
            probe_seconds=PROBE_SECONDS,
        )

    def _change(
        self,
        track: _Track,
        state: str,
        reason: str | None = None,
        seen: ContainerState | None = None,
    ) -> None:
        with self._plan.changed:
            ended = seen.ended_at if seen else ""
            known = (track.state, track.ended) == (state, ended)
            if known or self._plan.tracks.get(track.watched.instance_id) is not track:
                return
            track.state, track.ended = state, ended
        self._report(
            Observation(
                instance_id=track.watched.instance_id,
                state=state,
                since=datetime.now(UTC),
                reason=reason,
                exit_code=seen.exit_code if seen else None,
                oom=seen.oom if seen else False,
            )
        )


def follow_deaths(containers: DockerContainers, watcher: Watcher, stop: threading.Event) -> None:
    """Hands the engine's deaths to `watcher` until `stop`."""
    for container_id in containers.deaths(stop, watcher.look_at_all):
        watcher.notice(container_id)
