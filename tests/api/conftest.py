"""The real app on a real PostgreSQL; only what is outside (engine, workflows) stands in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from infra.local import webhooks
from shared import bootstrap
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.limits import LimitWindows
from shared.adapters.postgres.tables.every import metadata
from shared.adapters.vault import EnvelopeVault, MasterKey
from shared.domain.audit import AuditEvent
from shared.http.app import build_app
from shared.http.local import modules
from shared.ports.access import AuditFilter
from shared.settings import Settings
from shared.usecases.limits import Limiter
from tests.api.scene import AGENT_TOKEN, Scene, scene
from tests.databases import Cluster
from tests.fakes.compute import FakeCompute
from tests.fakes.queue import FakeQueue
from tests.fakes.workflows import FakeWorkflows

UNSEEN = {"api_tokens": {"last_used_at"}}
"""What every request changes."""
OWN = {"audit_events", "idempotency_keys"}


@dataclass
class Platform:
    """One app, its database, and the organisations in it."""

    app: FastAPI
    engine: Engine
    vault: EnvelopeVault
    settings: Settings

    def scene(self) -> Scene:
        return scene(bootstrap.unit_of_work(), self.vault)

    def client(self, token: str | None) -> TestClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def rows(self, organization_id: UUID) -> dict[str, list[dict[str, Any]]]:
        """All that an organisation has, but for audit and keys, by table."""
        found: dict[str, list[dict[str, Any]]] = {}
        with self.engine.connect() as connection:
            for name, table in metadata.tables.items():
                if "organization_id" not in table.c or name in OWN:
                    continue
                columns = [c for c in table.c if c.name not in UNSEEN.get(name, ())]
                query = select(*columns).where(table.c.organization_id == organization_id)
                rows = connection.execute(query.order_by(*table.primary_key.columns))
                found[name] = [dict(row._mapping) for row in rows]
        return found

    def audit(self, organization_id: UUID) -> list[AuditEvent]:
        """The organisation's audit log, newest first."""
        with bootstrap.unit_of_work() as uow:
            return list(uow.audit.list(organization_id, AuditFilter(), 100, None).items)


@pytest.fixture(scope="session")
def platform(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("api")
    MasterKey.generate().store(folder / "master-1.json")
    with postgres.database() as url, pytest.MonkeyPatch.context() as patch:
        settings = Settings(
            home=folder,
            database_url=url,
            keys_file=folder / "master-1.json",
            agent_token=AGENT_TOKEN,
            identity="none",
            rate_limit_user=0,
            rate_limit_address=0,
            rate_limit_failed=0,
        )
        made = _assembled(settings, folder, patch)
        yield made
        made.engine.dispose()


def _assembled(settings: Settings, folder: Path, patch: pytest.MonkeyPatch) -> Platform:
    engine = make_engine(settings.database_url, pool_size=10, max_overflow=10)
    vault = EnvelopeVault([MasterKey.load(folder / "master-1.json")])
    workflows, compute = FakeWorkflows(), FakeCompute()
    limiter = Limiter(LimitWindows(engine))
    given: dict[str, Callable[..., Any]] = {
        "settings": lambda: settings,
        "engine": lambda: engine,
        "vault": lambda: vault,
        "workflows": lambda: workflows,
        "webhook_queue": FakeQueue,
        "compute": lambda: compute,
        "images": lambda: compute,
        "limiter": lambda: limiter,
        "access_tokens": lambda: None,
        "health_checks": lambda: {"postgres": _fine, "workflows": _fine},
    }
    for name, provider in given.items():
        patch.setattr(bootstrap, name, provider)
    endpoints = (module.router for _, module in modules())
    app = build_app([*endpoints, webhooks.router], docs=True)
    return Platform(app, engine, vault, settings)


def _fine() -> str:
    return "answers"


@pytest.fixture
def ours(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The organisation of the test, which operates the platform."""
    made = platform.scene()
    operator = {"operator_organization": made.organization_id}
    operated = bootstrap.settings().model_copy(update=operator)
    monkeypatch.setattr(bootstrap, "settings", lambda: operated)
    return made


@pytest.fixture
def theirs(platform: Platform) -> Scene:
    """Another organisation."""
    return platform.scene()
