"""Each sample event, through the function's own handler as Lambda calls it, over fakes."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI

import shared.http.app
from infra.generate.events import SAMPLE_ID, path_of
from infra.generate.functions import Endpoint, endpoints
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.domain.jobs import JobKind
from shared.domain.previews import PreviewState
from shared.domain.services import Service
from shared.http import deps
from shared.http.identity import LOCAL_ORGANIZATION
from shared.settings import Settings
from shared.usecases import building, variables
from tests.adapters.postgres.made_git import a_preview
from tests.consumers.made import a_delivery
from tests.fakes import limits
from tests.fakes.git_provider import FakeProvider
from tests.fakes.glances import FakeGlances
from tests.fakes.queue import FakeQueue
from tests.sam.rows import a_registration
from tests.usecases import world as worlds
from tests.usecases.connections import a_connection, a_hook, a_source
from tests.usecases.world import POLICY, World

ENDPOINTS = list(endpoints())
SETTINGS = Settings(api_token="c2d_sample", agent_token="c2da_sample")
WITH_SAMPLE_IDS = ("projects", "services", "deployments", "jobs")
REFUSED = {
    "api.deployments.retry": (409, "Conflict"),  # it has not ended
    "api.resources.retry": (404, "NotFound"),  # nothing needs attention
    "api.rollback.create": (409, "Conflict"),  # it has not served
    "api.services.restart": (404, "NotFound"),  # nothing serves yet
    "api.services.logs": (404, "NotFound"),  # likewise
    "api.git.disconnect": (409, "Conflict"),  # a service is built from it
    "api.git.callback": (422, "Invalid"),  # no provider sends a browser without a state
    "api.git.confirm": (404, "NotFound"),  # nothing was begun
    "api.tokens.delete": (404, "NotFound"),  # there is none
}
"""What the samples ask of a service whose first deployment is being built, and cannot have."""
OPEN = {"api.health.get", "api.git.callback", "api.health.ready", "api.sign_in.get"}

BUILD_APP = shared.http.app.build_app


class Current:
    """The world of the running test: a handler keeps its app for the life of the process."""

    world: World
    provider: FakeProvider


def over_fakes(routers: list[APIRouter], **options: Any) -> FastAPI:
    app = BUILD_APP(routers, **options)
    fakes: dict[Callable[..., Any], Callable[[], Any]] = {
        deps.store: lambda: Current.world.store,
        deps.glances: lambda: FakeGlances(Current.world.store),
        deps.workflows: lambda: Current.world.workflows,
        deps.vault: lambda: Current.world.vault,
        deps.compute: lambda: Current.world.compute,
        deps.webhook_queue: lambda: FakeQueue(),
        deps.settings: lambda: SETTINGS,
        deps.git_providers: lambda: lambda _kind: Current.provider,
    }
    app.dependency_overrides |= fakes
    return app


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """What the samples name: a project, a service, a variable, a build in an agent's hands."""
    checks = {"postgres": lambda: "answers", "workflows": lambda: "answers"}
    monkeypatch.setattr(shared.http.app, "build_app", over_fakes)
    monkeypatch.setattr(bootstrap, "settings", lambda: SETTINGS)
    monkeypatch.setattr(bootstrap, "build_policy", lambda: POLICY)
    limits.install(monkeypatch)
    monkeypatch.setattr(bootstrap, "health_checks", lambda: checks)
    monkeypatch.setattr(worlds, "ORGANIZATION", LOCAL_ORGANIZATION)
    with monkeypatch.context() as named:
        for module in WITH_SAMPLE_IDS:
            named.setattr(f"shared.usecases.{module}.new_id", lambda: UUID(SAMPLE_ID))
        named.setattr("secrets.token_urlsafe", lambda _: "sample")
        Current.world = made = World()
        service = made.service(name="site")
        deployment = made.deploy(service)
        made.acquire(deployment)
        building.request_build(made.attempt(deployment), policy=POLICY, **made.line)
        assert made.claim("build").job.kind is JobKind.BUILD
    variables.create(
        LOCAL_ORGANIZATION,
        service.id,
        variables.Assignment("KEY", "value"),
        actor="ada",
        uow=made.store,
        vault=made.vault,
    )
    with made.store as uow:
        uow.registrations.add(a_registration())
    Current.provider = connected(made, service)
    return made


def connected(made: World, service: Service) -> FakeProvider:
    """An account, a service built from it, its webhook, a fork's request, and their provider."""
    provider, id_ = FakeProvider(), UUID(SAMPLE_ID)
    repository = provider.add("acme/web")
    provider.files["package.json"] = b'{"scripts": {"start": "node ."}}'
    connection = a_connection(provider, made.vault, LOCAL_ORGANIZATION, id=id_)
    with made.store:
        made.store.connections.add(connection)
        made.store.hooks.add(hook := a_hook(connection, made.vault, id=id_))
        made.store.deliveries.record(a_delivery(hook, id=id_))
        made.store.sources.put(a_source(connection, service.id, repository))
        waiting = a_preview(service, connection, id=id_, sha="0" * 40, from_fork=True)
        made.store.previews.add(replace(waiting, state=PreviewState.AWAITING_APPROVAL))
    return provider


def call(endpoint: Endpoint, **changed: Any) -> dict[str, Any]:
    event = json.loads(path_of(endpoint.name).read_text()) | changed
    module = import_module(f"functions.{endpoint.name}")
    answer: dict[str, Any] = module.handler(event, LocalContext(endpoint.name))
    return answer


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)
def test_a_sample_is_answered_as_the_router_says(endpoint: Endpoint, world: World) -> None:
    answer = call(endpoint)
    said = answer["body"]
    assert answer["isBase64Encoded"] is False
    if endpoint.name in REFUSED:
        assert (answer["statusCode"], json.loads(said)["type"]) == REFUSED[endpoint.name], said
        assert answer["headers"]["content-type"] == "application/problem+json"
    else:
        assert answer["statusCode"] in {200, 201, 202, 204}, said


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)
def test_without_a_token_a_sample_changes_nothing(endpoint: Endpoint, world: World) -> None:
    before = world.store.commits
    answer = call(endpoint, headers={"host": "api.example", "content-type": "application/json"})
    assert (answer["statusCode"] == 401) == (endpoint.name not in OPEN), answer["body"]
    assert world.store.commits == before


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"outcome": "succeeded", "output": {}}, 422),
        (
            {"outcome": "failed", "error": {"type": "Strange", "reason": "it broke"}},
            204,
        ),
        ({"outcome": "failed", "error": {"type": "__name__", "reason": "it broke"}}, 204),
    ],
    ids=["no image", "an unknown error", "a name that is no class"],
)
def test_no_result_of_an_agent_makes_the_function_fail(
    world: World, result: dict[str, Any], status: int
) -> None:
    [endpoint] = [e for e in ENDPOINTS if e.name == "api.agent_jobs.result"]
    answer = call(endpoint, body=json.dumps(result))
    assert answer["statusCode"] == status, answer["body"]
