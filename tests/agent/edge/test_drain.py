"""Draining: nothing in flight, or cut at the deadline."""

import socket
import threading
from collections.abc import Iterable

import pytest

from infra.agent.edge.drain import drain
from shared.domain.errors import Cancelled

A, B = "127.65.8.1:1", "127.65.8.2:1"


def wait(_seconds: float) -> bool:
    return threading.Event().wait(0.001)


class Counts:
    """Answers one prepared look after the other, the last one again and again."""

    def __init__(self, *looks: dict[str, int]) -> None:
        self._looks = list(looks)
        self.asked = 0

    def __call__(self, targets: Iterable[str]) -> dict[str, int]:
        look = self._looks[min(self.asked, len(self._looks) - 1)]
        self.asked += 1
        return {target: look[target] for target in targets}


def test_two_quiet_looks_in_a_row_are_needed() -> None:
    counts = Counts({A: 0}, {A: 1}, {A: 0}, {A: 0})
    done = drain({A: 60.0}, wait, counts)
    assert list(done.drained) == [A]
    assert not done.cut
    assert counts.asked == 4


def test_what_is_still_open_at_its_own_deadline_is_cut_with_its_count() -> None:
    done = drain({A: 0.0, B: 60.0}, wait, Counts({A: 3, B: 0}))
    assert done.cut == {A: 3}
    assert list(done.drained) == [B]


def test_a_cancelled_drain_stops_waiting() -> None:
    with pytest.raises(Cancelled):
        drain({A: 60.0}, lambda _seconds: True, Counts({A: 1}))


def test_a_real_connection_holds_the_drain_until_it_is_closed() -> None:
    with socket.create_server(("127.65.8.3", 0)) as server:
        target = f"127.65.8.3:{server.getsockname()[1]}"
        client = socket.create_connection(("127.65.8.3", server.getsockname()[1]))
        threading.Timer(0.6, client.close).start()
        done = drain({target: 20.0}, lambda seconds: threading.Event().wait(seconds))
    assert done.drained[target] >= 0.75
