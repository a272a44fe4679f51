"""Fixtures of the use cases' tests."""

import pytest

from tests.usecases.git_world import Connected
from tests.usecases.requests import Requests
from tests.usecases.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def git(world: World) -> Connected:
    """The same world with a Git host."""
    return Connected(world)


@pytest.fixture
def requests(git: Connected) -> Requests:
    """Pull requests of a service that has previews."""
    return Requests(git)
