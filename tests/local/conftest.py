"""State folders the database's user can reach, and a supervisor with stand-in components."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.state import State, create_state
from tests.local.harness import Platform


@pytest.fixture
def state() -> Iterator[State]:
    """A state folder outside pytest's own, which is closed to the database's user."""
    home = Path(tempfile.mkdtemp(prefix="c2d-"))
    state = State(home)
    create_state(state, "http://127.0.0.1:1")
    yield state
    shutil.rmtree(home)


@pytest.fixture
def platform(state: State) -> Iterator[Platform]:
    """A supervisor in a process of its own; whatever it started is gone afterwards."""
    platform = Platform(state)
    yield platform
    platform.destroy()
