"""The API in one process, over fakes, called over ASGI."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from shared import bootstrap
from shared.http import deps
from shared.http.app import build_app
from shared.http.local import modules
from shared.settings import Settings
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
    """A signed-in caller of the world's organisation; `as: other` in a header is another's."""
    app = build_app((module.router for _, module in modules()))

    def actor(request: deps.Request) -> deps.Actor:
        known = deps.actor(_bearer(request))
        other = request.headers.get("x-as") == "other"
        return replace(known, organization_id=OTHER if other else ORGANIZATION)

    monkeypatch.setattr(bootstrap, "settings", lambda: SETTINGS)
    monkeypatch.setattr(bootstrap, "health_checks", lambda: {"postgres": _fine, "workflows": _fine})
    app.dependency_overrides |= {
        deps.actor: actor,
        deps.Store.__metadata__[0].dependency: lambda: world.store,
        deps.Engine.__metadata__[0].dependency: lambda: world.workflows,
        deps.Secrets.__metadata__[0].dependency: lambda: world.vault,
        deps.Cloud.__metadata__[0].dependency: lambda: world.compute,
        deps.Config.__metadata__[0].dependency: lambda: SETTINGS,
    }
    with TestClient(app, base_url="http://test" + BASE) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


def _fine() -> str:
    return "answers"


def _bearer(request: deps.Request) -> deps.HTTPAuthorizationCredentials | None:
    given = request.headers.get("authorization", "")
    if not given.startswith("Bearer "):
        return None
    return deps.HTTPAuthorizationCredentials(
        scheme="Bearer", credentials=given.removeprefix("Bearer ")
    )
