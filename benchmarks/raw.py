"""The floor: the same repository live by raw commands, without any platform.

clone, docker build with the same Dockerfile, docker run with the same limits, wait for an answer,
point the route, and the first answer through the same router.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from infra.agent.build.engine import find_docker
from infra.agent.edge.routing_table import RoutingTable
from shared.domain.detection import BuildSettings, DirectoryTree, Generation, detect

LIMITS = ("--memory=512m", "--memory-swap=512m", "--cpus=1", "--pids-limit=512", "--init")
HARDENING = ("--cap-drop=ALL", "--security-opt=no-new-privileges", "--restart=no")


@dataclass(slots=True)
class Raw:
    """Runs the raw commands for one app; `took` holds the seconds of each step of the last run."""

    name: str
    repository: str
    table: RoutingTable
    http_port: int
    address: str
    docker: str = field(default_factory=lambda: find_docker(None).path)
    took: dict[str, float] = field(default_factory=dict)
    generation: int = 0
    running: str | None = None

    def deploy(self, expected: str, *, no_cache: bool) -> float:
        """Seconds from nothing to the first answer of this version through the router."""
        self.took.clear()
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            self._timed("clone", lambda: self._run("git", "clone", "-q", "--depth=1",
                                                   self.repository, str(work / "app")))  # fmt: skip
            plan = detect(
                DirectoryTree(work / "app"), BuildSettings(), Generation(cache_scope="bench-raw")
            )
            self._prepare(work, plan.dockerfile, plan.dockerignore)
            self._timed("build", lambda: self._build(work, no_cache))
        self.generation += 1
        target = f"{self._slot()}:17080"
        old, self.running = self.running, f"bench-{self.name}-{self.generation}"
        self._timed("run", lambda: self._start(target, plan.port))
        answer = f"{expected} release {self.generation};"
        self._timed("health", lambda: wait_for(f"http://{target}/", {}, answer))
        host = f"bench-{self.name}.localhost"
        self._timed("route", lambda: self.table.point(host, target, self.generation))
        public = f"http://127.0.0.1:{self.http_port}/"
        self._timed("live", lambda: wait_for(public, {"Host": host}, answer))
        seconds = time.monotonic() - began
        if old:
            self._run(self.docker, "rm", "-f", old)
        return seconds

    def remove(self) -> None:
        if self.running:
            self._run(self.docker, "rm", "-f", self.running)
        self.table.remove(f"bench-{self.name}.localhost")

    def _slot(self) -> str:
        head, _, last = self.address.rpartition(".")
        return f"{head}.{int(last) + self.generation % 2}"

    def _timed(self, step: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        self.took[step] = time.monotonic() - began

    def _prepare(self, work: Path, dockerfile: str | None, ignore: str | None) -> None:
        (work / "Dockerfile").write_text(dockerfile or (work / "app/Dockerfile").read_text())
        if ignore is not None:
            (work / "Dockerfile.dockerignore").write_text(ignore)
        (work / "env").write_text("\n")

    def _build(self, work: Path, no_cache: bool) -> None:
        self._run(
            self.docker, "build", "--quiet", "-f", str(work / "Dockerfile"),
            "-t", f"bench/{self.name}", "--secret", f"id=c2d_env,src={work / 'env'}",
            *(["--no-cache"] if no_cache else []), str(work / "app"),
        )  # fmt: skip

    def _start(self, target: str, port: int) -> None:
        self._run(
            self.docker, "run", "-d", "--name", str(self.running), *LIMITS, *HARDENING,
            "-e", f"PORT={port}", "-e", f"C2D_RELEASE={self.generation}",
            "-p", f"{target}:{port}", f"bench/{self.name}",
        )  # fmt: skip

    def _run(self, *argv: str) -> None:
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        subprocess.run(argv, check=True, capture_output=True, timeout=600, env=environment)


def wait_for(url: str, headers: dict[str, str], expected: str, seconds: float = 120) -> None:
    """Ask until the answer holds `expected`; the first look is at once, then every 5 ms.

    Plain HTTP on one connection: on few cores a heavier client slows down what it measures.
    """
    deadline = time.monotonic() + seconds
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        while True:
            try:
                connection.request("GET", parts.path, headers=headers)
                if expected in connection.getresponse().read().decode():
                    return
            except (OSError, HTTPException):
                connection.close()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not answer {expected!r} within {seconds:.0f} s")
            time.sleep(0.005)
    finally:
        connection.close()


def wait_until(reached: Callable[[], bool], seconds: float = 600) -> None:
    """Look every millisecond."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened within {seconds:.0f} s")
        time.sleep(0.001)
