"""The platform's own endpoints over a store in memory, on a real socket."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared import bootstrap
from shared.domain.access import Actor
from shared.http import deps
from shared.http.app import build_app
from shared.http.identity import identify
from shared.http.local import modules
from shared.settings import Settings
from tests.cli.fake_server import FakePlatform
from tests.fakes import limits
from tests.fakes.store import FakeStore

TOKEN = "c2d_of_the_endpoints"


@contextmanager
def served(
    store: FakeStore,
    organization: UUID,
    ports: Mapping[Callable[..., Any], Callable[[], Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FakePlatform]:
    """Everybody who signs in belongs to `organization`; `ports` stand in for dependencies."""
    settings = Settings(api_token=TOKEN)
    app = build_app(module.router for _, module in modules())

    async def actor(request: deps.Request) -> Actor:
        return replace(await identify(request), organization_id=organization)

    app.dependency_overrides |= {
        deps.actor: actor,
        deps.store: lambda: store,
        deps.settings: lambda: settings,
        **ports,
    }
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda _act=None: store)
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: None)
    limits.install(monkeypatch)
    server = FakePlatform(app=app, token=TOKEN)
    server.start()
    try:
        yield server
    finally:
        server.stop()
