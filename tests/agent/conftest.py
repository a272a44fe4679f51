"""What the agent's tests share."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from infra.agent.control import ControlPlane
from infra.agent.slots import Slots
from infra.agent.worker import Handler, Worker
from tests.agent.control_plane import FakeControlPlane

Working = Callable[[Mapping[str, Mapping[str, Handler]]], AbstractContextManager[Worker]]


@pytest.fixture
def plane() -> Iterator[FakeControlPlane]:
    with FakeControlPlane().serving() as serving:
        yield serving


@pytest.fixture
def working(plane: FakeControlPlane, tmp_path: Path) -> Working:
    """Runs a worker with these handlers for the length of a `with` block."""

    @contextmanager
    def start(handlers: Mapping[str, Mapping[str, Handler]], builds: int = 2) -> Iterator[Worker]:
        control = ControlPlane(plane.url, plane.token)
        slots = Slots(tmp_path / "slots", builds)
        worker = Worker(control, handlers, name="test", slots=slots, poll_seconds=0.2)
        thread = threading.Thread(target=worker.run, args=(10.0,))
        thread.start()
        try:
            yield worker
        finally:
            worker.abort()
            thread.join(20)
            control.close()
            assert not thread.is_alive()

    return start
