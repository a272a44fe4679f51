"""What feeds the consumer on one machine: order, patience with failures, an orderly stop."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.adapters.postgres.listener import Wakeup
from shared.domain.errors import Transient
from shared.runtime.queues import Handler, Poller, Precedence, consumer
from tests.fakes.queue import FakeQueue
from tests.workflows.deadlines import eventually


class Signals:
    """Whoever subscribes is woken by `tell`."""

    def __init__(self) -> None:
        self.wakeups: list[Wakeup] = []

    @contextmanager
    def subscribe(self, channel: str, key: str | None = None) -> Iterator[Wakeup]:
        assert (channel, key) == ("queues", "q")
        wakeup = Wakeup()
        self.wakeups.append(wakeup)
        yield wakeup

    def tell(self) -> None:
        for wakeup in self.wakeups:
            wakeup.wake()


class Bench:
    """A queue, its poller, and what was taken, as (group, number)."""

    def __init__(self) -> None:
        self.queue, self.signals = FakeQueue(most_receives=3), Signals()
        self.taken: list[tuple[str, int]] = []
        self.failing: set[int] = set()
        self.held = threading.Event()
        self.held.set()
        self.slow: set[str] = set()
        self.handler: Handler = consumer(self._take)
        self.poller = Poller("q", self.queue, self.handler, self.signals, threads=3)

    def _take(self, body: dict[str, Any]) -> None:
        if body["group"] in self.slow:
            assert self.held.wait(10)
        self.taken.append((body["group"], body["number"]))
        if body["number"] in self.failing:
            raise ValueError("a bug")

    def send(self, group: str, *numbers: int) -> None:
        for number in numbers:
            body = {"group": group, "number": number}
            self.queue.send(body, group=group, deduplication_id=f"{group}{number}")
        self.signals.tell()

    def numbers(self, group: str) -> list[int]:
        return [number for name, number in self.taken if name == group]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.poller.start()
    yield made
    made.held.set()
    made.poller.stop()


def seen(bench: Bench, group: str, count: int) -> Callable[[], bool]:
    return lambda: len(bench.numbers(group)) >= count


def test_groups_keep_their_order_and_a_slow_one_holds_up_no_other(bench: Bench) -> None:
    bench.slow, _ = {"slow"}, bench.held.clear()
    bench.send("slow", 1, 2)
    bench.send("a", *range(50))
    bench.send("b", *range(50))
    eventually(seen(bench, "a", 50), "all of a")
    eventually(seen(bench, "b", 50), "all of b")
    assert bench.numbers("a") == bench.numbers("b") == list(range(50))
    assert bench.numbers("slow") == []
    bench.held.set()
    eventually(seen(bench, "slow", 2), "the slow ones")
    eventually(lambda: not bench.queue.messages, "all are finished")


def test_a_failure_is_tried_again_before_the_later_ones_and_then_is_a_dead_letter(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.queues.AGAIN_SECONDS", 0)
    bench.failing = {1}
    bench.send("a", 1, 2)
    eventually(seen(bench, "a", 4), "three tries and the next")
    assert bench.numbers("a") == [1, 1, 1, 2]
    eventually(lambda: bench.queue.buried, "a dead letter")


def test_a_handler_that_breaks_is_a_failure_of_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def breaks(event: Any, context: Any) -> dict[str, Any]:
        raise MemoryError

    bench.poller = Poller("q", bench.queue, breaks, bench.signals)
    bench.poller.start()
    bench.send("a", 1)
    eventually(lambda: bench.queue.messages[0].receives == 1, "it was tried")
    bench.poller.stop()
    assert len(bench.queue.messages) == 1


def test_a_queue_that_is_away_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    receive = FakeQueue.receive

    def away(queue: FakeQueue, limit: int) -> Any:
        if len(failures) < 2:
            failures.append(1)
            raise Transient("away")
        return receive(queue, limit)

    monkeypatch.setattr(FakeQueue, "receive", away)
    bench.send("a", 1)
    eventually(seen(bench, "a", 1), "taken when it is back")
    assert len(failures) == 2


def test_stopped_it_finishes_what_it_holds_and_leaves_the_rest() -> None:
    bench = Bench()
    bench.slow = {"a"}
    bench.held.clear()
    bench.poller.start()
    bench.send("a", 1, 2)
    eventually(lambda: bench.queue.messages[0].receives == 1, "it is held")
    stopping = threading.Thread(target=bench.poller.stop)
    stopping.start()
    eventually(bench.poller._stop.is_set, "it is told")
    bench.held.set()
    stopping.join(10)
    assert bench.numbers("a") == [1]
    assert [waiting.body["number"] for waiting in bench.queue.messages] == [2]
    assert bench.queue.receive(1)[0].body["number"] == 2, "at once for whoever comes next"


def test_work_gives_way_to_whoever_asks_but_never_for_long() -> None:
    going_on, stop = Precedence(quiet=30, longest=0.05), threading.Event()
    began = time.monotonic()
    going_on.give_way(stop)
    assert time.monotonic() - began < 0.05, "nobody has asked yet"

    going_on.note()
    began = time.monotonic()
    going_on.give_way(stop)
    assert 0.05 <= time.monotonic() - began < 5

    stop.set()
    began = time.monotonic()
    Precedence(quiet=30, longest=30).give_way(stop)
    going_on.give_way(stop)
    assert time.monotonic() - began < 5
