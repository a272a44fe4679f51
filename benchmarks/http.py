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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psycopg

from benchmarks.requests import Target, rate
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import vault_of
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.deployments import Deployment, DeploymentState, Trigger
from shared.domain.git import GitConnection, GitHook, Provider
from shared.domain.ids import now
from shared.ports.secrets import Vault
from shared.usecases.intake import secret_context
from shared.usecases.projects import create_project
from shared.usecases.services import create_service

ROOT = Path(__file__).parents[1]
BASE = "/v1/click-deploy"
AIM = 0.5
SECONDS = 1.0
SETTLE_SECONDS = 120
SECRET = "of-the-benchmark"
HOOKS = 16
"""As many repositories push at once: the order within each of them is kept."""
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


def compare(name: str, ours: Target, bare: Target, rounds: int, settle: Callable[[], None]) -> Row:
    """One warm-up of each, then `rounds` of both in turn; `settle` waits for what is left of one
    before the other begins."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    counter = [int(time.time()) * 1000]
    for side, target in (("ours", ours), ("bare", bare)) * (rounds + 1):
        rates[side].append(rate(target, SECONDS, counter))
        settle()
    return Row(name, rates["ours"][1:], rates["bare"][1:])


def measure(
    database: str, keys: Path, port: int, bare_port: int, token: str, rounds: int = 7
) -> Iterator[Row]:
    """Both rows, on a platform that runs at `port` with its data at `database`."""
    uow = SqlUnitOfWork(make_engine(database))
    deployment = _deployment(uow)
    hooks = _hooks(uow, keys)
    with bare(database, hooks, bare_port):
        path = f"{BASE}/deployments/{deployment.id}"
        yield compare(
            "GET /deployments/{id}",
            Target("ours", port, lambda _: _get(path, token), 200),
            Target("bare", bare_port, lambda _: _get(f"/deployments/{deployment.id}"), 200),
            rounds,
            lambda: None,
        )
        yield compare(
            "POST /webhooks/github",
            Target("ours", port, _push, 202),
            Target("bare", bare_port, _push, 202),
            rounds,
            lambda: _until_all_is_decided(database),
        )
    _forget(uow, hooks)


@contextmanager
def bare(database: str, hooks: list[GitHook], port: int) -> Iterator[None]:
    """The floor's server, as the platform's is started."""
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "BENCH_ORGANIZATION": str(LOCAL_ORGANIZATION),
        "BENCH_HOOKS": json.dumps({hook.provider_hook_id: _columns(hook) for hook in hooks}),
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


def _columns(hook: GitHook) -> dict[str, str]:
    return {
        "organization_id": str(hook.organization_id),
        "hook_id": str(hook.id),
        "connection_id": str(hook.connection_id),
        "provider": hook.provider.value,
        "repository_id": hook.repository_id,
    }


def _until_all_is_decided(database: str) -> None:
    """What was taken in is decided in the background: that is no load of the other side."""
    query = "SELECT count(*) FROM queue_messages WHERE queue = 'webhooks' AND dead_at IS NULL"
    deadline = time.monotonic() + SETTLE_SECONDS
    with psycopg.connect(database, autocommit=True, connect_timeout=5) as connection:
        while (row := connection.execute(query).fetchone()) and row[0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"{row[0]} deliveries are not decided after {SETTLE_SECONDS} s")
            time.sleep(0.1)


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 30
    while not _answers(port):
        if time.monotonic() > deadline:
            raise SystemExit("the bare endpoint did not start within 30 s")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    with suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/deployments/{uuid4()}", timeout=2)
        return True
    return False


def _get(path: str, token: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n{authorization}\r\n"
    ).encode()


def _push(number: int) -> bytes:
    repository = {"id": number % HOOKS, "full_name": "acme/web", "default_branch": "main"}
    body = json.dumps({**PUSH, "repository": repository}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-GitHub-Event: push\r\nX-GitHub-Delivery: bench-{number}\r\n"
        f"X-GitHub-Hook-ID: {number % HOOKS}\r\nX-Hub-Signature-256: sha256={digest}\r\n"
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


def _hooks(uow: SqlUnitOfWork, keys: Path) -> list[GitHook]:
    """Connected repositories that nothing is built from: each push is skipped with a reason."""
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
    vault = vault_of(keys)
    hooks = [_hook(connection, number, vault) for number in range(HOOKS)]
    with uow:
        uow.connections.add(connection)
        for hook in hooks:
            uow.hooks.add(hook)
    return hooks


def _hook(connection: GitConnection, number: int, vault: Vault) -> GitHook:
    hook = GitHook(
        id=uuid4(),
        organization_id=connection.organization_id,
        connection_id=connection.id,
        provider=Provider.GITHUB,
        repository_id=str(number),
        full_name="acme/web",
        sealed_secret="",
        created_at=now(),
        provider_hook_id=str(number),
    )
    return replace(hook, sealed_secret=vault.seal(SECRET, secret_context(hook)))


def _forget(uow: SqlUnitOfWork, hooks: list[GitHook]) -> None:
    with uow:
        for hook in hooks:
            uow.hooks.remove(hook.organization_id, hook.id)
