"""Fixtures of the use cases' tests."""

import pytest

from tests.usecases.connected import Connected
from tests.usecases.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def git(world: World) -> Connected:
    """The same world with a Git host."""
    return Connected(world)
