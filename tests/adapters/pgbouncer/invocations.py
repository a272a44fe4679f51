"""What a fleet is asked: events as API Gateway makes them, of things that are stored."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import vault_of
from shared.domain.access import LOCAL_ORGANIZATION, ApiToken, Scope, new_token_text, token_hash
from shared.usecases.known_hooks import secret_context
from tests.adapters.postgres.made import a_deployment, moment, stored_shop
from tests.adapters.postgres.made_git import a_connection, a_hook

PROJECT = Path(__file__).resolve().parents[3]
_BASE = "/v1/click-deploy"
_SECRET = "a webhook's secret"
_PUSH = {"ref": "refs/heads/main", "after": "a" * 40, "repository": {"id": 1296269}}


def shipped_environment() -> dict[str, str]:
    """What the API's stack gives its functions, as far as it is the same everywhere."""

    class Loader(yaml.SafeLoader):
        """Of CloudFormation's own tags nothing is needed here."""

    Loader.add_multi_constructor("!", lambda *_: None)
    stack = yaml.load((PROJECT / "infra/stacks/api.yaml").read_text(), Loader)
    given = stack["Globals"]["Function"]["Environment"]["Variables"]
    return {name: value for name, value in given.items() if isinstance(value, str)}


@dataclass(frozen=True)
class Stock:
    """What is there to be asked for, and who asks."""

    token: str
    service: str
    deployment: str
    hook: str

    def get(self) -> dict[str, Any]:
        path = f"/deployments/{self.deployment}"
        return self._asked("api.deployments.get", "GET", path)

    def list(self) -> dict[str, Any]:
        return self._asked("api.deployments.list", "GET", f"/services/{self.service}/deployments")

    def create(self) -> dict[str, Any]:
        return self._asked("api.projects.create", "POST", "/projects", {"name": uuid4().hex})

    def deploy(self) -> dict[str, Any]:
        path = f"/services/{self.service}/deploy"
        return self._asked("api.deployments.create", "POST", path, {"image": "web:1"})

    def push(self) -> dict[str, Any]:
        """Each a delivery of its own."""
        body = json.dumps({**_PUSH, "after": hashlib.sha1(uuid4().bytes).hexdigest()})
        signature = hmac.new(_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-github-hook-id": self.hook,
            "x-github-event": "push",
            "x-github-delivery": str(uuid4()),
            "x-hub-signature-256": f"sha256={signature}",
        }
        return _request("webhooks.github", "POST", "/webhooks/github", headers, body)

    def _asked(self, function: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if body is not None:
            headers["idempotency-key"] = uuid4().hex
        text = None if body is None else json.dumps(body)
        return _request(function, method, _BASE + path, headers, text)


def _request(
    function: str, method: str, path: str, headers: dict[str, str], body: str | None
) -> dict[str, Any]:
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example", **headers},
        "requestContext": {
            "http": {**http, "userAgent": "test"},
            "requestId": uuid4().hex,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    return {"function": function, "event": event if body is None else {**event, "body": body}}


def stocked(database_url: str, keys: Path) -> Stock:
    """A service with a history, a webhook and a token."""
    engine = make_engine(database_url)
    uow, vault = SqlUnitOfWork(engine), vault_of(keys)
    shop = stored_shop(uow, organization_id=LOCAL_ORGANIZATION)
    connection = a_connection(organization_id=LOCAL_ORGANIZATION)
    hook = a_hook(connection)
    text = new_token_text()
    token = ApiToken(
        id=uuid4(),
        organization_id=LOCAL_ORGANIZATION,
        name="fleet",
        hint=text[:6],
        token_hash=token_hash(text),
        scopes=tuple(Scope),
        user_id="owner",
        created_by="owner",
        created_at=moment(),
    )
    sealed = vault.seal(_SECRET, secret_context(hook))
    with uow:
        for number in range(2, 22):
            uow.deployments.add(a_deployment(shop.service, number=number))
        uow.connections.add(connection)
        uow.hooks.add(a_hook(connection, id=hook.id, sealed_secret=sealed))
        uow.tokens.add(token)
    engine.dispose()
    return Stock(text, str(shop.service.id), str(shop.deployment.id), str(hook.provider_hook_id))


class Fleet:
    """Starts environments that talk to one pooler."""

    def __init__(self, stock: Stock, folder: Path, keys: Path) -> None:
        self._stock = stock
        self._folder = folder
        self._keys = keys

    def answers(
        self, database_url: str, environments: list[list[dict[str, Any]]], *, scale: float = 1
    ) -> list[dict[str, Any]]:
        """Every answer of every environment, which ask all at once; see the fleet's own words."""
        stock = self._stock
        warm = [stock.get(), stock.list(), stock.create(), stock.push()]
        plan = self._folder / f"plan-{uuid4().hex}"
        plan.write_text(json.dumps({"warm": warm, "scale": scale, "environments": environments}))
        environment = {
            **os.environ,
            **shipped_environment(),
            "DATABASE_URL": database_url,
            "C2D_KEYS_FILE": str(self._keys),
            "POWERTOOLS_TRACE_DISABLED": "1",
        }
        argv = [sys.executable, "-m", "tests.adapters.pgbouncer.fleet", str(plan)]
        done = subprocess.run(
            argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr[-3000:]
        lines = Path(f"{plan}.answers").read_text().splitlines()
        return [json.loads(line) for line in lines]
