"""The agent from its wheel alone, with a named token: builds, routes and watches a deployment."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from infra.agent_host.distribution import build_wheel
from infra.local.components import Component
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, until

pytestmark = pytest.mark.docker

NEEDED = ("PATH", "LANG", "DOCKER_HOST", "SSL_CERT_FILE")
FORBIDDEN = ("DATABASE_URL", "C2D_DATABASE_URL", "C2D_API_TOKEN", "C2D_KEYS_FILE", "AWS_")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that has the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("agent")
    wheel = build_wheel(folder)
    made = [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")]
    subprocess.run(made, check=True, timeout=120)
    python = folder / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*install, str(wheel)], check=True, timeout=240, capture_output=True)
    return python


class WithInstalledAgent(Platform):
    """Its agent runs from the wheel: another folder, another Python, the least environment."""

    def __init__(self, home: Path, python: Path) -> None:
        super().__init__(home)
        self.python = python
        self.agent: Component | None = None

    def _hooked(self, component: Component, environment: Mapping[str, str]) -> Component:
        if component.name != "agent":
            return super()._hooked(component, environment)
        given = component.environment
        own = {k: v for k, v in given.items() if k in NEEDED or k.startswith("C2D_")}
        self.agent = replace(
            component,
            argv=(str(self.python), "-m", "infra.agent"),
            folder=self.python.parent,
            environment=own,
        )
        return self.agent


@pytest.fixture(scope="module")
def platform(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WithInstalledAgent]:
    with WithInstalledAgent(short_folder(tmp_path_factory), installed) as running:
        yield running


def test_an_agent_from_its_wheel_deploys(
    platform: WithInstalledAgent, repository: Repositories
) -> None:
    client, code = platform.client, repository("wheel")
    code.app("from the wheel")
    service = client.service(client.project("wheel"), "web", code.url)
    client.live(service["id"])
    assert client.get(service).text == "from the wheel"
    environment = Path(f"/proc/{platform.pid('agent')}/environ").read_bytes().decode()
    assert str(platform.python) in Path(f"/proc/{platform.pid('agent')}/cmdline").read_text()
    assert not [name for name in FORBIDDEN if name in environment]


def test_a_second_host_with_a_token_of_its_own_only_builds(
    platform: WithInstalledAgent, repository: Repositories
) -> None:
    client, code = platform.client, repository("second")
    code.app("one")
    token = client.call("POST", "/agents/tokens", json={"name": "hosts", "roles": ["build"]})
    assert platform.agent is not None
    with tempfile.TemporaryDirectory(prefix="c2d-host-") as home:
        file = Path(home) / "token"
        file.write_text(token["token"])
        environment = {k: v for k, v in platform.agent.environment.items() if k in NEEDED}
        environment |= {
            "C2D_AGENT_URL": platform.agent.environment["C2D_AGENT_URL"],
            "C2D_AGENT_TOKEN_FILE": str(file),
            "C2D_AGENT_NAME": "host-1",
            "C2D_AGENT_ROLES": "build",
            "C2D_HOME": home,
            "C2D_DOCKER": os.environ.get("C2D_DOCKER") or "/usr/bin/docker",
            "C2D_ALLOW_PRIVATE_GIT": "true",
            "C2D_MIN_FREE_DISK_MB": "10",
        }
        argv = [str(platform.python), "-m", "infra.agent"]
        with subprocess.Popen(argv, cwd=home, env=environment, stderr=subprocess.PIPE) as host:
            try:
                until(lambda: _listed(platform).get("host-1"), "the second agent")
                assert _listed(platform) == {"local": "configured", "host-1": "hosts"}
                service = client.service(client.project("second"), "web", code.url)
                platform.client.live(service["id"])
                assert client.get(service).text == "one"
                client.call("DELETE", f"/agents/tokens/{token['id']}")
            finally:
                host.terminate()
                assert b"works for" in host.communicate(timeout=60)[1]


def _listed(platform: Platform) -> dict[str, str]:
    return {a["name"]: a["token"] for a in platform.client.call("GET", "/agents")["items"]}
