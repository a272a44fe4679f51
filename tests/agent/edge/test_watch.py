"""Continuous probing: changes only, deaths at once, restarts told from crashes."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.agent.edge import watch
from infra.agent.edge.exchange import Reply, Trouble
from infra.agent.edge.watch import Observation, Watched, Watcher, follow_deaths
from tests.agent.edge.conftest import until
from tests.agent.edge.fakes import FakeContainers

GOOD, BAD = Reply(status=200), Reply(status=503)


class Probes:
    """Answers by target, and how often each was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: dict[str, int] = {}

    def __call__(self, target: str, host: str, path: str, *, seconds: float) -> Reply:
        self.asked[target] = self.asked.get(target, 0) + 1
        return self.replies.get(target, Reply(trouble=Trouble.REFUSED))


class Watching:
    """A watcher that runs, with what it reported."""

    def __init__(self) -> None:
        self.probes = Probes()
        self.containers = FakeContainers()
        self.seen: list[Observation] = []
        self.watcher = Watcher(self.containers.look, self.seen.append, self.probes)
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=self.watcher.run, args=(self.stop,)),
            threading.Thread(target=follow_deaths, args=(self.containers, self.watcher, self.stop)),
        ]

    def states(self) -> list[str]:
        return [observation.state for observation in self.seen]


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    for name in ("HEALTHY_SECONDS", "FAILING_SECONDS", "DOWN_SECONDS"):
        monkeypatch.setattr(watch, name, 0.03)
    made = Watching()
    for thread in made.threads:
        thread.start()
    yield made
    made.stop.set()
    for thread in made.threads:
        thread.join(timeout=5)
        assert not thread.is_alive()


def instance(number: int = 1, **changes: Any) -> Watched:
    base = {
        "instance_id": f"i{number}",
        "target": f"127.65.6.{number}:17080",
        "host": "shop-demo.localhost",
        "container_id": f"c{number}",
        "port": 8000,
    }
    return Watched(**(base | changes))


def test_only_changes_are_told(watching: Watching) -> None:
    watching.containers.runs("c1")
    watching.probes.replies["127.65.6.1:17080"] = GOOD
    watching.watcher.replace([instance()])
    until(lambda: watching.probes.asked.get("127.65.6.1:17080", 0) > 5)
    assert watching.states() == ["healthy"]
    watching.probes.replies["127.65.6.1:17080"] = BAD
    until(lambda: len(watching.seen) == 2)
    assert watching.states() == ["healthy", "unhealthy"]
    assert "answered 503" in (watching.seen[1].reason or "")
    watching.probes.replies["127.65.6.1:17080"] = GOOD
    until(lambda: len(watching.seen) == 3)
    assert watching.states()[-1] == "healthy"
    assert watching.seen[-1].since >= watching.seen[0].since


def test_a_single_failed_probe_says_nothing(watching: Watching) -> None:
    watching.containers.runs("c1")
    replies = iter([GOOD, BAD, BAD])
    calls: list[Reply] = []

    def probe(*_: object, **__: object) -> Reply:
        calls.append(next(replies, GOOD))
        return calls[-1]

    watching.watcher._probe = probe
    watching.watcher.replace([instance()])
    until(lambda: len(calls) > 6)
    assert watching.states() == ["healthy"]


def test_a_death_is_told_at_once_with_its_code_even_if_the_address_answers(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HEALTHY_SECONDS", 600)
    watching.containers.runs("c1")
    watching.probes.replies["127.65.6.1:17080"] = GOOD
    watching.watcher.replace([instance()])
    until(lambda: watching.states() == ["healthy"])
    watching.containers.dies("c1", 1, last_lines=("KeyError: 'DB'",))
    until(lambda: len(watching.seen) == 2, seconds=2)
    facts = watching.seen[1].facts()
    assert (facts["state"], facts["exit_code"], facts["oom"]) == ("exited", 1, False)
    assert "KeyError: 'DB'" in facts["reason"]


def test_a_memory_kill_is_told_as_one(watching: Watching) -> None:
    watching.watcher.replace([instance(memory_mb=64)])
    watching.containers.dies("c1", 137, oom=True)
    until(lambda: watching.seen)
    assert watching.seen[0].oom
    assert "64 MB" in (watching.seen[0].reason or "")


def test_a_restart_is_not_told_as_an_exit(watching: Watching) -> None:
    watching.containers.runs("c1")
    watching.probes.replies["127.65.6.1:17080"] = GOOD
    watching.watcher.replace([instance()])
    until(lambda: watching.states() == ["healthy"])
    looks = watching.containers.looks
    watching.containers.dies("c1", 143)
    until(lambda: watching.containers.looks > looks)
    watching.containers.runs("c1")
    asked = watching.probes.asked["127.65.6.1:17080"]
    until(lambda: watching.probes.asked["127.65.6.1:17080"] > asked + 3)
    assert watching.states() == ["healthy"]


def test_a_stop_from_outside_that_lasts_is_told(watching: Watching) -> None:
    watching.containers.runs("c1")
    watching.watcher.replace([instance()])
    watching.containers.dies("c1", 143)
    until(lambda: watching.states() == ["exited"])


def test_each_crash_of_a_crash_loop_is_told(watching: Watching) -> None:
    watching.watcher.replace([instance()])
    for number in range(3):
        watching.containers.dies("c1", 1, ended_at=str(number))
        until(lambda expected=number + 1: len(watching.seen) == expected)
    assert watching.states() == ["exited"] * 3


def test_an_engine_that_is_down_makes_nothing_unhealthy(watching: Watching) -> None:
    from infra.agent.edge.state import ContainerState, RunState

    watching.containers.states["c1"] = ContainerState(RunState.UNKNOWN)
    watching.watcher.replace([instance()])
    until(lambda: watching.probes.asked.get("127.65.6.1:17080", 0) > 6)
    assert watching.seen == []


def test_what_leaves_the_list_is_left_alone(watching: Watching) -> None:
    for number in (1, 2):
        watching.containers.runs(f"c{number}")
        watching.probes.replies[instance(number).target] = GOOD
    watching.watcher.replace([instance(1), instance(2)])
    until(lambda: len(watching.seen) == 2)
    watching.watcher.replace([instance(2)])
    asked = watching.probes.asked[instance(2).target]
    watching.containers.dies("c1", 1)
    until(lambda: watching.probes.asked[instance(2).target] > asked + 5)
    assert watching.states() == ["healthy", "healthy"]
    assert watching.probes.asked[instance(1).target] <= asked + 2


def test_slow_instances_do_not_hold_up_the_others(watching: Watching) -> None:
    release = threading.Event()

    def probe(target: str, *_: object, **__: object) -> Reply:
        if target != instance(99).target:
            release.wait(5)
            return Reply(trouble=Trouble.SLOW)
        return GOOD

    watching.watcher._probe = probe
    slow = [instance(number) for number in range(1, 25)]
    watching.watcher.replace([*slow, instance(99)])
    try:
        until(lambda: "i99" in {seen.instance_id for seen in watching.seen}, seconds=3)
    finally:
        release.set()


def test_unknown_words_of_a_newer_control_plane_are_passed_over() -> None:
    given = {"instance_id": "i", "target": "t", "host": "h", "container_id": "c", "new": 1}
    assert Watched.parse(given) == Watched("i", "t", "h", "c")


def test_sixty_instances_cost_little_and_are_spread() -> None:
    times: dict[str, list[float]] = {}

    def probe(target: str, *_: object, **__: object) -> Reply:
        times.setdefault(target, []).append(time.monotonic())
        return GOOD

    containers, stop = FakeContainers(), threading.Event()
    watcher = Watcher(containers.look, lambda _seen: None, probe)
    watcher.replace([instance(number) for number in range(1, 61)])
    thread = threading.Thread(target=watcher.run, args=(stop,))
    began, cpu = time.monotonic(), time.process_time()
    thread.start()
    until(lambda: len(times) == 60 and min(map(len, times.values())) >= 2, seconds=10)
    stop.set()
    thread.join(timeout=5)
    elapsed = time.monotonic() - began
    firsts = sorted(stamps[0] - began for stamps in times.values())
    assert firsts[40] - firsts[20] > 0.2
    assert (time.process_time() - cpu) / elapsed < 0.25
