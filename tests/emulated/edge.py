"""A machine outside AWS: a router, and an agent that knows a URL and a token and nothing else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.caddy import render
from infra.caddy.layout import EdgeLayout
from infra.local.assembly import caddy_program
from infra.local.engine import docker_program
from tests.e2e.platform import docker, until
from tests.emulated.cloud import ROOT

DRAIN_SECONDS = 60
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "DOCKER_HOST", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Machine:
    """`platform_id` marks what the agent made on this machine's engine."""

    home: Path
    http_port: int
    platform_id: str

    def containers(self) -> list[str]:
        return docker("ps", "-q", "--filter", f"label=c2d.platform={self.platform_id}").split()


@contextmanager
def machine(home: Path, url: str, token: str, http_port: int) -> Iterator[Machine]:
    """Works for the control plane at `url` until the block ends; leaves no container."""
    home.mkdir()
    with ExitStack() as stack:
        made = Machine(home, http_port, f"emulated-{os.getpid()}")
        stack.callback(_remove, made.platform_id)
        stack.enter_context(_router(made))
        stack.enter_context(_agent(made, url, token))
        yield made


@contextmanager
def _router(made: Machine) -> Iterator[None]:
    layout = EdgeLayout(made.home)
    render.write(layout, f":{made.http_port}")
    argv = render.command(layout, caddy_program())
    with _process(argv, render.environment(layout), made.home / "caddy.log"):
        address = f"http://127.0.0.1:{made.http_port}/"
        until(lambda: _answers(address), "the router", 30)
        yield


@contextmanager
def _agent(made: Machine, url: str, token: str) -> Iterator[None]:
    settings = {
        "C2D_AGENT_URL": url,
        "C2D_AGENT_TOKEN": token,
        "C2D_AGENT_NAME": made.platform_id,
        "C2D_AGENT_DRAIN_SECONDS": "5",
        "C2D_HOME": str(made.home),
        "C2D_HTTP_PORT": str(made.http_port),
        "C2D_PLATFORM_ID": made.platform_id,
        "C2D_ALLOW_PRIVATE_GIT": "true",
        "C2D_DOCKER": docker_program(),
        "PYTHONUNBUFFERED": "1",
    }
    with _process([sys.executable, "-m", "infra.agent"], settings, made.home / "agent.log"):
        yield


@contextmanager
def _process(argv: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    with log.open("w") as output:
        process = subprocess.Popen(
            argv, cwd=ROOT, env={**inherited, **environment}, stdout=output, stderr=output
        )
    try:
        yield
        assert process.poll() is None, log.read_text()[-4000:]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1, trust_env=False).status_code in {200, 404}
    except httpx.TransportError:
        return False


def _remove(platform_id: str) -> None:
    label = f"label=c2d.platform={platform_id}"
    containers = docker("ps", "-aq", "--filter", label).split()
    if containers:
        docker("rm", "-f", *containers)
    networks = docker("network", "ls", "-q", "--filter", label).split()
    if networks:
        docker("network", "rm", *networks)
