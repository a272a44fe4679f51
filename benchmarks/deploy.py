"""Click-to-live against the same raw commands, interleaved in one run.

Every answer names its release, so that an unchanged app's new version is told from its old one.

Click-to-live is the time from the accepted POST to the first answer of the new version through
the router; the floor is `benchmarks/raw.py`. Both build the same commit with the same Dockerfile.
"""

import json
import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.raw import Raw, wait_for, wait_until
from infra.agent.edge.routing_table import RoutingTable

SCENARIOS = ("cold", "source", "unchanged")
AIMS = {"cold": 1.10, "source": 1.35, "unchanged": 1.35}
PYTHON_APP = {
    "requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n",
    "app.py": "import os\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n"
    "@app.get('/')\ndef home():\n"
    "    return '{version} release ' + os.environ['C2D_RELEASE'] + ';'\n",
}
NODE_APP = {
    "package.json": json.dumps(
        {
            "name": "bench",
            "version": "1.0.0",
            "scripts": {"start": "node server.js"},
            "dependencies": {"express": "5.1.0"},
        }
    ),
    "server.js": "const app = require('express')()\n"
    "app.get('/', (_, res) => res.send(`{version} release ${process.env.C2D_RELEASE};`))\n"
    "app.listen(process.env.PORT, '0.0.0.0')\n",
}
APPS = {"python": PYTHON_APP, "node": NODE_APP}


@dataclass
class Repository:
    """A bare repository and the work tree that feeds it."""

    folder: Path
    files: dict[str, str]
    version: str = ""

    def __post_init__(self) -> None:
        self._git("init", "-q", "--bare", "-b", "main", str(self.bare), at=self.folder.parent)
        self._git("clone", "-q", str(self.bare), str(self.folder), at=self.folder.parent)
        self._git("checkout", "-q", "-B", "main")

    @property
    def bare(self) -> Path:
        return self.folder.with_suffix(".git")

    def commit(self, version: str) -> None:
        self.version = version
        for name, text in self.files.items():
            (self.folder / name).write_text(text.replace("{version}", version))
        self._git("add", "-A")
        author = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        self._git(*author, "commit", "-q", "--allow-empty", "-m", version)
        self._git("push", "-q", "origin", "main")

    def _git(self, *arguments: str, at: Path | None = None) -> None:
        argv = ["git", *arguments]
        subprocess.run(argv, cwd=at or self.folder, check=True, capture_output=True, timeout=60)


@dataclass
class Clicked:
    """The platform's side: one service, deployed through the API."""

    http: httpx.Client
    service: dict[str, Any]
    http_port: int
    routes: RoutingTable
    steps: dict[str, float] = field(default_factory=dict)

    def deploy(self, expected: str, *, no_cache: bool) -> float:
        """Seconds from the accepted POST to the first answer of the new version.

        No answer can be the new version's before the route changes. A look at the route costs
        next to nothing; asking through the router all the time would slow down what is measured.
        """
        path = f"/services/{self.service['id']}/deploy"
        host = self.service["url"].split("//")[1].split(":")[0]
        before = self.routes.target(host)
        deployment = self.http.post(path, json={"no_cache": no_cache}).raise_for_status().json()
        began = time.monotonic()
        answer = f"{expected} release {deployment['number']};"
        wait_until(lambda: self.routes.target(host) != before)
        wait_for(f"http://127.0.0.1:{self.http_port}/", {"Host": host}, answer)
        seconds = time.monotonic() - began
        self._settle(deployment["id"])
        return seconds

    def _settle(self, deployment: str) -> None:
        """Let drain and retirement end, so that nothing of this run slows the next one."""
        while True:
            items = self.http.get(f"/deployments/{deployment}/steps").json()["items"]
            done = {s["name"]: s for s in items if s["ended_at"]}
            if "RetireOld" in done:
                self.steps = {n: s["duration_ms"] / 1000 for n, s in done.items()}
                return
            time.sleep(0.1)


@dataclass
class Row:
    """Seconds of every run of one scenario, and of the steps of both sides."""

    app: str
    scenario: str
    raw: list[float] = field(default_factory=list)
    clicked: list[float] = field(default_factory=list)
    raw_steps: list[dict[str, float]] = field(default_factory=list)
    clicked_steps: list[dict[str, float]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        pairs = zip(self.clicked, self.raw, strict=True)
        return statistics.median(clicked / raw for clicked, raw in pairs)

    def shown(self) -> str:
        raw, clicked = statistics.median(self.raw), statistics.median(self.clicked)
        verdict = "met" if self.ratio <= AIMS[self.scenario] else "missed"
        return (
            f"{self.app:7} {self.scenario:10} raw {raw:6.2f} s  click-to-live {clicked:6.2f} s  "
            f"ratio {self.ratio:5.2f}  (aim {AIMS[self.scenario]:.2f}: {verdict})"
        )

    def explained(self) -> Iterator[str]:
        """Medians of the steps of both sides, in milliseconds."""
        for name, runs in (("raw", self.raw_steps), ("platform", self.clicked_steps)):
            medians = {
                step: statistics.median(run.get(step, 0.0) for run in runs) for step in runs[0]
            }
            yield f"    {name}: " + "  ".join(f"{s} {m * 1000:.0f}" for s, m in medians.items())


def measure(
    app: str,
    repository: Repository,
    raw: Raw,
    clicked: Clicked,
    runs: int,
    scenarios: Sequence[str] = SCENARIOS,
) -> list[Row]:
    """Every scenario `runs` times, raw and platform in turn; one round before is not counted."""
    rows = []
    for scenario in scenarios:
        row = Row(app, scenario)
        for number in range(runs + 1):
            if scenario != "unchanged" or number == 0:
                repository.commit(f"{app}-{scenario}-{secrets.token_hex(4)}")
            for side in (raw, clicked) if number % 2 else (clicked, raw):
                if scenario == "cold":
                    forget_caches(raw.docker)
                seconds = side.deploy(repository.version, no_cache=scenario == "cold")
                if number:
                    _note(row, side, seconds)
        rows.append(row)
    return rows


def _note(row: Row, side: Raw | Clicked, seconds: float) -> None:
    if isinstance(side, Raw):
        row.raw.append(seconds)
        row.raw_steps.append(dict(side.took))
    else:
        row.clicked.append(seconds)
        row.clicked_steps.append(dict(side.steps))


def forget_caches(docker: str) -> None:
    """A fresh pip or npm cache for the build that comes."""
    argv = [docker, "builder", "prune", "-f", "--filter", "type=exec.cachemount"]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)
