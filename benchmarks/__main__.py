"""`make bench`: click-to-live against the same raw commands, the API against a bare endpoint,
the cold start of a function against its packages alone."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks import cold_start, http
from benchmarks.deploy import APPS, SCENARIOS, Clicked, Repository, measure
from benchmarks.raw import Raw
from infra.agent.edge.routing_table import RoutingTable
from infra.caddy.layout import EdgeLayout
from infra.local.postgres import open_cluster
from infra.local.state import State

BASE = "/v1/click-deploy"
PARTS = ("http", "deploy", "cold")
SLOTS, RAW_ADDRESS = "127.90.0.0", "127.91.{}.1"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def platform(home: Path) -> Iterator[tuple[httpx.Client, int]]:
    """A platform of its own for the measurement, gone afterwards."""
    api, public = free_port(), free_port()
    environment = {
        **os.environ,
        "C2D_HOME": str(home),
        "PORT": str(api),
        "C2D_HTTP_PORT": str(public),
        "C2D_SLOT_BASE": SLOTS,
        "C2D_ALLOW_LOCAL_GIT": "true",
        "C2D_RATE_LIMIT_USER": "10000000",  # counted as ever, and never reached
    }
    local = [sys.executable, "-m", "infra.local"]
    subprocess.run([*local, "up"], env=environment, check=True, stdout=sys.stderr, timeout=300)
    try:
        token = json.loads(State(home).credentials.read_text())["token"]
        with httpx.Client(
            base_url=f"http://127.0.0.1:{api}{BASE}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        ) as client:
            yield client, public
    finally:
        argv = [*local, "down", "--services"]
        subprocess.run(argv, env=environment, check=False, stdout=sys.stderr, timeout=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="counted rounds per scenario (5)")
    parser.add_argument("--apps", nargs="+", choices=sorted(APPS), default=sorted(APPS))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    if "cold" in given.parts:
        cold_start.main([])
    if given.parts == ["cold"]:
        return 0
    folder = Path(tempfile.mkdtemp(prefix="c2d-bench-"))
    folder.chmod(0o711)
    try:
        with platform(folder / "home") as (client, http_port):
            if "http" in given.parts:
                _bench_http(State(folder / "home"), client)
            for number, app in enumerate(given.apps if "deploy" in given.parts else ()):
                _bench(app, number, given, folder, client, http_port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _bench_http(state: State, client: httpx.Client) -> None:
    token = client.headers["Authorization"].removeprefix("Bearer ")
    database, port = open_cluster(state, None).url(), client.base_url.port
    for row in http.measure(database, state.keys, port or 80, free_port(), token):
        print(row.shown(), flush=True)


def _bench(
    app: str,
    number: int,
    given: argparse.Namespace,
    folder: Path,
    client: httpx.Client,
    http_port: int,
) -> None:
    repository = Repository(folder / app, APPS[app])
    project = client.post("/projects", json={"name": f"bench-{app}"}).raise_for_status().json()
    source = {"repository_url": f"file://{repository.bare}", "branch": "main"}
    made = client.post(
        f"/projects/{project['id']}/services", json={"name": "web", "source": source}
    )
    service = made.raise_for_status().json()
    routes = RoutingTable(EdgeLayout(folder / "home").routes)
    clicked = Clicked(client, service, http_port, routes)
    raw = Raw(app, source["repository_url"], routes, http_port, RAW_ADDRESS.format(number))
    try:
        for row in measure(app, repository, raw, clicked, given.runs, given.scenarios):
            print(row.shown(), *row.explained(), sep="\n", flush=True)
    finally:
        raw.remove()


if __name__ == "__main__":
    sys.exit(main())
