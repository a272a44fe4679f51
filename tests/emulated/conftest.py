"""One deployment on an emulated AWS for the whole session, and a machine that works for it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.client import Client
from tests.e2e.platform import free_port, slot_base, until
from tests.emulated.clock import clock
from tests.emulated.cloud import Cloud, emulated
from tests.emulated.edge import Machine, machine
from tests.emulated.home import Home, Plan, home
from tests.standins.github import GitHubServer


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Its parents are open to the database's user, whatever other test runs do to theirs."""
    made = Path(tempfile.mkdtemp(prefix="c2d-aws-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def cloud(folder: Path) -> Iterator[Cloud]:
    with emulated(folder) as made:
        yield made


@pytest.fixture(scope="session")
def github(cloud: Cloud, folder: Path) -> Iterator[GitHubServer]:
    """Where both the functions and the agent reach it."""

    class Reachable(GitHubServer):
        host = cloud.address

    with Reachable(folder / "github") as server:
        server.add_account("ada")
        yield server


@pytest.fixture(scope="session")
def aws(cloud: Cloud, folder: Path, github: GitHubServer) -> Iterator[Home]:
    plan = Plan(free_port(), slot_base(), github.url, github.app)
    with home(cloud, folder, plan) as made:
        github.app.callbacks = [f"{made.url}/git/callback/github"]
        yield made


@pytest.fixture(scope="session")
def outside(aws: Home, folder: Path) -> Iterator[Machine]:
    """The agent's machine: outside AWS, with a registration token alone."""
    with machine(folder / "machine", aws.url, aws.agent_token, aws.http_port) as made:
        yield made


@pytest.fixture(scope="session")
def client(aws: Home, outside: Machine) -> Iterator[Client]:
    """The owner's, once the agent is at work: so not all functions start at the same time."""
    made = Client(aws.url, outside.http_port, aws.api_token)
    made.http.timeout = httpx.Timeout(120)
    try:
        until(made.has_agent, "an agent with both roles", 240)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def ticking(aws: Home, client: Client) -> Iterator[None]:
    with clock(aws.cloud):
        yield
