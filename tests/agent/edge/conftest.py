"""A real Caddy on a free port, and small real apps behind it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from infra.agent.edge.routing_table import RoutingTable
from infra.caddy import render
from infra.caddy.layout import EdgeLayout

ROOT = Path(__file__).parents[3]
HOST = "shop-demo.localhost"
_ADDRESSES = count(20)


@dataclass(frozen=True)
class Router:
    """A running Caddy, its table and where it listens."""

    layout: EdgeLayout
    port: int
    table: RoutingTable
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for `condition`; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(argv: list[str], log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is gone after the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            argv, stdout=out, stderr=out, cwd=ROOT, env=os.environ | environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    layout = EdgeLayout(tmp_path / "state")
    port = free_port()
    render.write(layout, f"127.0.0.1:{port}")
    log, environment = tmp_path / "caddy.log", render.environment(layout)
    with running(render.command(layout), log, **environment) as process:
        until(lambda: accepts("127.0.0.1", port))
        yield Router(layout, port, RoutingTable(layout.routes), process)


@dataclass(frozen=True)
class RunningApp:
    target: str
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[Callable[..., RunningApp]]:
    """Starts `benchmarks/upstream.py` on an address of its own and waits until it listens."""
    with ExitStack() as stack:

        def start(version: str, target: str | None = None) -> RunningApp:
            target = target or f"127.65.{os.getpid() % 250}.{next(_ADDRESSES)}:{free_port()}"
            argv = [sys.executable, "benchmarks/upstream.py", target, "--version", version]
            process = stack.enter_context(running(argv, tmp_path / "apps.log"))
            host, _, port = target.partition(":")
            until(lambda: accepts(host, int(port)))
            return RunningApp(target, process)

        yield start
