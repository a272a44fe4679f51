"""The API in one process, over fakes, called over ASGI."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from shared import bootstrap
from shared.domain.access import Actor, Scope
from shared.http import deps
from shared.http.app import build_app
from shared.http.identity import identify
from shared.http.local import modules
from shared.settings import Settings
from tests.fakes import limits
from tests.fakes.glances import FakeGlances
from tests.fakes.store import FakeStore
from tests.usecases.world import ORGANIZATION, OTHER, World

BASE = "/v1/click-deploy"
TOKEN = "c2d_test"
AGENT_TOKEN = "c2da_test"
SETTINGS = Settings(api_token=TOKEN, agent_token=AGENT_TOKEN)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def api(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A signed-in caller of the world's organisation; `as: other` in a header is another's,
    `scopes` are those of the caller."""
    app = build_app((module.router for _, module in modules()))

    async def actor(request: deps.Request) -> Actor:
        known = await identify(request)
        other = request.headers.get("x-as") == "other"
        given = request.headers.get("x-scopes")
        scopes = frozenset(map(Scope, given.split())) if given else known.scopes
        organization = OTHER if other else ORGANIZATION
        return replace(known, organization_id=organization, scopes=scopes)

    async def store(current: deps.CurrentAct) -> FakeStore:
        return world.store.acting(current)

    monkeypatch.setattr(bootstrap, "settings", lambda: SETTINGS)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda _act=None: world.store)
    monkeypatch.setattr(bootstrap, "glance", lambda: world.store)
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: None)
    monkeypatch.setattr(bootstrap, "vault", lambda: world.vault)
    limits.install(monkeypatch)
    monkeypatch.setattr(bootstrap, "health_checks", lambda: {"postgres": _fine, "workflows": _fine})
    app.dependency_overrides |= {
        deps.actor: actor,
        deps.store: store,
        deps.glances: lambda: FakeGlances(world.store),
        deps.workflows: lambda: world.workflows,
        deps.vault: lambda: world.vault,
        deps.compute: lambda: world.compute,
        deps.settings: lambda: SETTINGS,
    }
    with TestClient(app, base_url="http://test" + BASE) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


def _fine() -> str:
    return "answers"
