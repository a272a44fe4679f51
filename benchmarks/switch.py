"""Switches a service from version to version under load, and counts what a visitor would notice.

    python benchmarks/switch.py --rates 50 500 --switches 20

Everything is real: Caddy, the routing table, the health gate, the public proof, the drain. The
load is open-loop, half GET and half POST, half on kept connections and half on new ones, half
answered at once and half after 500 ms. Old versions get SIGKILL, no grace, once they are drained.
A request fails if it gets no answer, a wrong one, or one of a version that did not serve at any
time between its first byte and its last.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.load import Load, Outcome  # noqa: E402 - after the project is on the path
from infra.agent.edge.drain import drain  # noqa: E402
from infra.agent.edge.probe import HealthGate  # noqa: E402
from infra.agent.edge.public import PublicRoute  # noqa: E402
from infra.agent.edge.routing_table import RoutingTable  # noqa: E402
from infra.agent.edge.state import ContainerState, RunState  # noqa: E402
from infra.caddy import render, versions  # noqa: E402
from infra.caddy.layout import EdgeLayout  # noqa: E402

HOST = "bench-switch.localhost"
_RUNNING = ContainerState(RunState.RUNNING)


@dataclass
class Serving:
    """When each version began to serve for the first, and ended to serve for the last visitor."""

    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def allowed(self, version: str, started: float, finished: float) -> bool:
        """Whether `version` served at some time between the two."""
        began = self.began.get(version)
        return began is not None and began <= finished and self.ended.get(version, 1e18) >= started


@dataclass(frozen=True)
class Report:
    """What a run showed. Times are milliseconds."""

    rate: int
    switches: int
    outcomes: list[Outcome]
    failures: list[str]
    switch_ms: list[float]
    drain_ms: list[float]

    def line(self) -> str:
        """One row for a person."""
        times = sorted((o.finished - o.started) * 1000 for o in self.outcomes if not o.slow)
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        versions_seen = len({o.version for o in self.outcomes})
        return (
            f"{self.rate:>5}/s {len(self.outcomes):>7} requests {self.switches:>3} switches "
            f"{versions_seen:>3} versions {len(self.failures):>3} FAILED  "
            f"fast p50 {p50:.1f} p99 {p99:.1f} ms  switch {_median(self.switch_ms):.1f} ms  "
            f"drain {_median(self.drain_ms):.0f} ms"
        )


class Bench:
    """A Caddy of its own with one service behind it."""

    def __init__(self, folder: Path, caddy: str) -> None:
        self._stack = ExitStack()
        self._layout = EdgeLayout(folder)
        self._caddy = caddy
        self.port = _free_port("127.0.0.1")
        self._apps: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Bench":
        render.write(self._layout, f"127.0.0.1:{self.port}")
        command = render.command(self._layout, self._caddy)
        self._stack.enter_context(_process(command, **render.environment(self._layout)))
        self.table = RoutingTable(self._layout.routes)
        self.public = PublicRoute(self.port, self._layout.secret())
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, number: int) -> str:
        """Start version `number` in its slot; answers its target once it is healthy."""
        target = f"127.66.{os.getpid() % 250}.{number % 3 + 1}:17080"
        argv = [sys.executable, "benchmarks/upstream.py", target, "--version", f"v{number}"]
        self._apps[target] = self._stack.enter_context(_process(argv))
        gate = HealthGate(target, HOST, 17080, lambda: _RUNNING, timeout_seconds=15)
        gate.pass_or_fail(_wait)
        return target

    def kill(self, target: str) -> None:
        """End an old version without grace."""
        app = self._apps.pop(target)
        app.kill()
        app.wait(timeout=10)


def measure(
    rate: int, switches: int, folder: Path, caddy: str = "caddy", *, drained: bool = True
) -> Report:
    """Run `switches` switches under `rate` requests a second; old versions die `drained` or not."""
    serving, switch_ms, drain_ms = Serving(), [], []
    with Bench(folder, caddy) as bench:
        target = bench.start(0)
        serving.began["v0"] = time.monotonic()
        bench.table.point(HOST, target, 0)
        bench.public.verify(HOST, None, target, timeout_seconds=15, wait=_wait)
        load = Load(bench.port, HOST, rate)
        with load.running():
            for number in range(1, switches + 1):
                target, took = _switch(bench, number, target, serving, drained)
                switch_ms.append(took[0])
                drain_ms.append(took[1])
    failures = [why for o in load.outcomes if (why := _failure(o, serving))]
    return Report(rate, switches, load.outcomes, failures, switch_ms, drain_ms)


def _switch(
    bench: Bench, number: int, old: str, serving: Serving, drained: bool
) -> tuple[str, tuple[float, float]]:
    new = bench.start(number)
    began = time.monotonic()
    serving.began[f"v{number}"] = began
    bench.table.point(HOST, new, number)
    pointed = time.monotonic()
    serving.ended[f"v{number - 1}"] = pointed
    bench.public.verify(HOST, None, new, timeout_seconds=15, wait=_wait)
    verified = time.monotonic()
    if drained and (cut := drain({old: 20.0}, _wait).cut):
        raise SystemExit(f"{old} was never drained: {cut}")
    bench.kill(old)
    return new, ((pointed - began) * 1000, (time.monotonic() - verified) * 1000)


def _failure(outcome: Outcome, serving: Serving) -> str | None:
    if outcome.trouble:
        return outcome.trouble
    if not serving.allowed(outcome.version, outcome.started, outcome.finished):
        return f"answered by {outcome.version}, which did not serve then"
    return None


def _wait(seconds: float) -> bool:
    threading.Event().wait(seconds)
    return False


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(argv: list[str], **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--caddy", default=shutil.which("caddy") or "caddy")
    arguments = parser.parse_args()
    print(versions.promises(versions.installed(arguments.caddy)))
    failed = 0
    for rate in arguments.rates:
        with tempfile.TemporaryDirectory(prefix="c2d-switch-") as folder:
            report = measure(rate, arguments.switches, Path(folder), arguments.caddy)
        print(report.line())
        for why, count in Counter(report.failures).most_common(5):
            print(f"    {count} x {why}")
        failed += len(report.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
