"""Requests a second of the API against a bare Starlette endpoint with the same statement.

Both sides answer in turn, a second each, so that whatever else the machine does meets both.
"""

import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.requests import Target, rate
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import vault_of
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.deployments import Deployment, DeploymentState, Trigger
from shared.domain.git import GitConnection, GitHook, Provider
from shared.domain.ids import now
from shared.usecases.intake import secret_context
from shared.usecases.projects import create_project
from shared.usecases.services import create_service

ROOT = Path(__file__).parents[1]
BASE = "/v1/click-deploy"
AIM = 0.5
SECRET = "of-the-benchmark"
HOOK = "4242"
PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": "a" * 40,
    "deleted": False,
    "forced": False,
    "repository": {"id": 77, "full_name": "acme/web", "default_branch": "main"},
    "sender": {"login": "octocat"},
    "commits": [
        {"id": f"{n:040x}", "message": "m" * 60, "added": [], "modified": ["a/b.py"], "removed": []}
        for n in range(20)
    ],
    "head_commit": {"id": "a" * 40, "message": "fix", "author": {"name": "Ada"}},
}


@dataclass(frozen=True, slots=True)
class Row:
    """Rates of both sides in each round."""

    name: str
    ours: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(o / b for o, b in zip(self.ours, self.bare, strict=True))

    def shown(self) -> str:
        ours, bare = statistics.median(self.ours), statistics.median(self.bare)
        verdict = "reached" if self.ratio >= AIM else "missed"
        return (
            f"{self.name:24} {ours:6.0f}/s   bare {bare:6.0f}/s   "
            f"ratio {self.ratio:.2f}   aim {AIM:.2f} {verdict}"
        )


def compare(name: str, ours: Target, bare: Target, rounds: int, seconds: float) -> Row:
    """One warm-up of each, then `rounds` of both in turn."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    counter = [int(time.time()) * 1000]
    for side, target in (("ours", ours), ("bare", bare)) * (rounds + 1):
        rates[side].append(rate(target, seconds, counter))
    return Row(name, rates["ours"][1:], rates["bare"][1:])


def measure(
    database: str, keys: Path, port: int, bare_port: int, token: str, rounds: int = 7
) -> Iterator[Row]:
    """Both rows, on a platform that runs at `port` with its data at `database`."""
    uow = SqlUnitOfWork(make_engine(database))
    deployment = _deployment(uow)
    hook = _hook(uow, keys)
    with bare(database, LOCAL_ORGANIZATION, bare_port):
        path = f"{BASE}/deployments/{deployment.id}"
        yield compare(
            "GET /deployments/{id}",
            Target("ours", port, lambda _: _get(path, token), 200),
            Target("bare", bare_port, lambda _: _get(f"/deployments/{deployment.id}"), 200),
            rounds,
            1.0,
        )
        yield compare(
            "POST /webhooks/github",
            Target("ours", port, _push, 202),
            Target("bare", bare_port, _push, 202),
            rounds,
            1.0,
        )
    _forget(uow, hook)


@contextmanager
def bare(database: str, organization: UUID, port: int) -> Iterator[None]:
    """The floor's server, as the platform's is started."""
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "BENCH_ORGANIZATION": str(organization),
    }
    argv = [sys.executable, "-m", "uvicorn", "benchmarks.bare:app", "--port", str(port)]
    process = subprocess.Popen(
        [*argv, "--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"],
        env=environment,
        cwd=ROOT,
    )
    try:
        _until_it_answers(port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/deployments/{uuid4()}", timeout=2)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _get(path: str, token: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n{authorization}\r\n"
    ).encode()


def _push(number: int) -> bytes:
    body = json.dumps({**PUSH, "number": number}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-GitHub-Event: push\r\nX-GitHub-Delivery: bench-{number}\r\n"
        f"X-GitHub-Hook-ID: {HOOK}\r\nX-Hub-Signature-256: sha256={digest}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _deployment(uow: SqlUnitOfWork) -> Deployment:
    """A live one, as most that are looked at."""
    name = f"bench-{uuid4().hex[:8]}"
    project = create_project(LOCAL_ORGANIZATION, name=name, description="", uow=uow)
    service = create_service(
        LOCAL_ORGANIZATION, project.id, name="web", settings={}, domain="localhost", uow=uow
    )
    deployment = Deployment(
        id=uuid4(),
        organization_id=LOCAL_ORGANIZATION,
        project_id=project.id,
        service_id=service.id,
        number=1,
        state=DeploymentState.LIVE,
        trigger=Trigger.API,
        actor="bench",
        created_at=now(),
        updated_at=now(),
        sha="a" * 40,
        commit_message="Show the price with its tax",
        commit_author="Ada",
    )
    with uow:
        uow.deployments.add(deployment)
    return deployment


def _hook(uow: SqlUnitOfWork, keys: Path) -> GitHook:
    """A connected repository that nothing is built from: each push is skipped with a reason."""
    connection = GitConnection(
        id=uuid4(),
        organization_id=LOCAL_ORGANIZATION,
        provider=Provider.GITHUB,
        base_url="https://git.example",
        account_id=uuid4().hex,
        account_name="bench",
        connected_by="bench",
        sealed_access_token="none",
        created_at=now(),
        updated_at=now(),
    )
    hook = GitHook(
        id=uuid4(),
        organization_id=LOCAL_ORGANIZATION,
        connection_id=connection.id,
        provider=Provider.GITHUB,
        repository_id="77",
        full_name="acme/web",
        sealed_secret="",
        created_at=now(),
        provider_hook_id=HOOK,
    )
    sealed = vault_of(keys).seal(SECRET, secret_context(hook))
    with uow:
        uow.connections.add(connection)
        uow.hooks.add(replace(hook, sealed_secret=sealed))
    return hook


def _forget(uow: SqlUnitOfWork, hook: GitHook) -> None:
    with uow:
        uow.hooks.remove(hook.organization_id, hook.id)
