"""Registration tokens of agents: jobs of their roles and nothing else, until they are revoked."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.domain.ids import now
from shared.domain.jobs import ROLE, Agent, JobKind
from shared.http import deps
from shared.settings import Settings
from shared.usecases import building
from shared.usecases.agents import ROLES
from tests.endpoints.conftest import AGENT_TOKEN, SETTINGS, TOKEN
from tests.usecases.world import ORGANIZATION, OTHER, POLICY, World

CLAIM = "/agent/jobs/claim"
OPERATED = SETTINGS.model_copy(update={"operator_organization": ORGANIZATION})


@pytest.fixture(autouse=True)
def operated(api: TestClient) -> None:
    _settings(api, OPERATED)


def _settings(api: TestClient, settings: Settings) -> None:
    api.app.dependency_overrides[deps.settings] = lambda: settings  # type: ignore[attr-defined]


def made(api: TestClient, *roles: str, name: str = "builders", **more: Any) -> dict[str, Any]:
    answer = api.post("/agents/tokens", json={"name": name, "roles": list(roles), **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def claimed(api: TestClient, token: str, *roles: str, agent: str = "b-1", **more: Any) -> Any:
    body = {"agent": agent, "roles": list(roles), "capacity": 2, **more}
    return api.post(CLAIM, json=body, headers={"Authorization": f"Bearer {token}"})


def with_a_build(world: World) -> None:
    deployment = world.deploy(world.service())
    world.acquire(deployment)
    building.request_build(world.attempt(deployment), policy=POLICY, **world.line)


def test_a_tokens_text_is_shown_once_and_never_stored(api: TestClient, world: World) -> None:
    token = made(api, "build")
    assert token["token"].startswith("c2da_")
    [listed] = api.get("/agents/tokens").json()["items"]
    assert (listed["id"], listed["hint"]) == (token["id"], token["token"][:11])
    assert "token" not in listed
    with world.store:
        assert token["token"] not in repr(world.store.registrations.list())


def test_a_token_gives_jobs_of_its_roles_only(api: TestClient) -> None:
    token = made(api, "build")["token"]
    assert claimed(api, token, "build").status_code == 200
    for roles in (["edge"], ["build", "edge"]):
        answer = claimed(api, token, *roles)
        assert answer.status_code == 403
        assert "is for the role build, not edge" in answer.text


def test_a_token_opens_nothing_but_claims(api: TestClient) -> None:
    token = made(api, "build", "edge")["token"]
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/agents", "/agents/tokens", "/agents/queue", "/projects", "/me", "/audit"):
        assert api.get(path, headers=headers).status_code == 401, path


def test_a_revoked_token_gets_nothing_more(api: TestClient) -> None:
    token = made(api, "build")
    assert claimed(api, token["token"], "build").status_code == 200
    assert api.delete(f"/agents/tokens/{token['id']}?dry_run=true").status_code == 200
    assert claimed(api, token["token"], "build").status_code == 200
    assert api.delete(f"/agents/tokens/{token['id']}").status_code == 200
    assert api.delete(f"/agents/tokens/{token['id']}").status_code == 200
    answer = claimed(api, token["token"], "build")
    assert answer.status_code == 401
    assert "'builders' has been revoked" in answer.text
    assert api.get("/agents/tokens").json()["items"][0]["revoked_at"] is not None


def test_the_configured_token_is_the_first_one(api: TestClient) -> None:
    assert claimed(api, AGENT_TOKEN, "build", "edge", agent="here").status_code == 200
    [agent] = api.get("/agents").json()["items"]
    assert (agent["name"], agent["token"]) == ("here", "configured")
    [seen] = api.get("/agents", headers={"x-as": "other"}).json()["items"]
    assert (seen["name"], seen["token"]) == ("here", None)
    assert claimed(api, "c2da_unknown", "build").status_code == 401
    _settings(api, OPERATED.model_copy(update={"agent_token": None}))
    assert claimed(api, AGENT_TOKEN, "build", agent="here").status_code == 401


def test_a_name_belongs_to_the_token_it_came_with(api: TestClient) -> None:
    edge = made(api, "edge", name="edges")
    builder = made(api, "build")
    assert claimed(api, edge["token"], "edge", agent="gate").status_code == 200
    for foreign in (builder["token"], AGENT_TOKEN):
        answer = claimed(api, foreign, "build", agent="gate")
        assert answer.status_code == 409
        assert "belongs to the registration token 'edges'" in answer.text
    [agent] = api.get("/agents").json()["items"]
    assert (agent["token"], agent["roles"]) == ("edges", ["edge"])
    api.delete(f"/agents/tokens/{edge['id']}")
    assert claimed(api, builder["token"], "build", agent="gate").status_code == 200


def test_a_forgotten_agents_name_is_free(api: TestClient) -> None:
    first, second = made(api, "build"), made(api, "build", name="others")
    assert claimed(api, first["token"], "build").status_code == 200
    assert api.delete("/agents/b-1", params={"dry_run": True}).status_code == 200
    assert claimed(api, second["token"], "build").status_code == 409
    assert api.delete("/agents/b-1").json() == {"name": "b-1"}
    assert claimed(api, second["token"], "build").status_code == 200
    assert api.delete("/agents/nobody").status_code == 404


def test_only_the_operators_administrators_let_agents_in(api: TestClient) -> None:
    body = {"name": "mine", "roles": ["build"]}
    for headers, said in (
        ({"x-as": "other"}, "only the platform's operator"),
        ({"x-scopes": "read write deploy"}, "needs the scope admin"),
    ):
        answer = api.post("/agents/tokens", json=body, headers=headers)
        assert answer.status_code == 403
        assert said in answer.text
        assert api.get("/agents/tokens", headers=headers).status_code == 403
        assert api.delete("/agents/b-1", headers=headers).status_code == 403
    _settings(api, Settings(api_token=TOKEN, workflows="step_functions"))
    assert "C2D_OPERATOR_ORGANIZATION" in api.post("/agents/tokens", json=body).text


def test_two_tokens_in_use_never_share_a_name(api: TestClient) -> None:
    first = made(api, "build")
    again = {"name": "builders", "roles": ["edge"]}
    assert api.post("/agents/tokens", json=again).status_code == 409
    api.delete(f"/agents/tokens/{first['id']}")
    assert api.post("/agents/tokens", json=again).status_code == 201


def test_an_organisation_with_builders_of_its_own_builds_nowhere_else(
    api: TestClient, world: World
) -> None:
    own = made(api, "build", name="own", organizations=[str(ORGANIZATION)])["token"]
    others = made(api, "build", name="others", organizations=[str(OTHER)])["token"]
    shared = made(api, "build", name="shared")["token"]
    with_a_build(world)
    assert claimed(api, shared, "build", agent="s").json()["job"] is None
    assert claimed(api, AGENT_TOKEN, "build", agent="c").json()["job"] is None
    assert claimed(api, others, "build", agent="o").json()["job"] is None
    assert claimed(api, own, "build", agent="m").json()["job"]["kind"] == "build"
    refused = {"name": "x", "roles": ["edge"], "organizations": [str(ORGANIZATION)]}
    assert api.post("/agents/tokens", json=refused).status_code == 422


def test_what_is_done_with_tokens_is_in_the_audit_log(api: TestClient) -> None:
    token = made(api, "build")
    claimed(api, token["token"], "build")
    api.delete(f"/agents/tokens/{token['id']}")
    api.delete("/agents/b-1")
    rows = api.get("/audit").json()["items"]
    assert [row["action"] for row in rows] == [
        "agents.forget",
        "agents.revoke_token",
        "agents.create_token",
    ]
    assert {row["resource_name"] for row in rows} == {"builders", "b-1"}
    assert token["token"] not in str(rows)


def test_where_no_claim_can_wait_the_answer_says_when_to_ask_again(api: TestClient) -> None:
    def again(**body: Any) -> float:
        return float(claimed(api, AGENT_TOKEN, "build", **body).json()["retry_after"])

    assert again(idle_seconds=0) == 0.5
    assert again(idle_seconds=59) == 0.5
    assert again(idle_seconds=61) == 3
    assert again(idle_seconds=90_000, wait=20) == 3


def test_with_a_job_comes_how_often_to_beat(api: TestClient, world: World) -> None:
    with_a_build(world)
    aws = OPERATED.model_copy(update={"workflows": "step_functions"})
    _settings(api, aws)
    job = claimed(api, AGENT_TOKEN, "build").json()["job"]
    assert job["heartbeat_seconds"] <= 3, "a cancel must arrive within five seconds"
    watch = claimed(api, AGENT_TOKEN, "edge", agent="gate").json()
    assert watch["job"]["kind"] == "watch"
    assert watch["job"]["heartbeat_seconds"] == 10
    assert watch["retry_after"] == 0


def test_a_job_that_has_not_begun_can_be_given_back(api: TestClient, world: World) -> None:
    with_a_build(world)
    job = claimed(api, AGENT_TOKEN, "build").json()["job"]
    headers = {"Authorization": f"Bearer {job['token']}"}
    path = f"/agent/jobs/{job['id']}/give-back"
    assert api.post(path, headers={"Authorization": "Bearer c2dj_other"}).status_code == 401
    assert api.post(path, headers=headers).status_code == 204
    again = claimed(api, AGENT_TOKEN, "build", agent="b-2").json()["job"]
    assert again["id"] == job["id"]
    assert again["token"] != job["token"]
    assert api.post(path, headers=headers).status_code == 401, "the old token opens nothing"
    mine = {"Authorization": f"Bearer {again['token']}"}
    assert api.post(f"/agent/jobs/{job['id']}/heartbeat", headers=mine).status_code == 200
    assert api.post(path, headers=mine).status_code == 409, "it has begun"


def test_the_queue_says_what_waits_and_who_could_do_it(api: TestClient, world: World) -> None:
    with_a_build(world)
    with world.store:
        world.store.agents.seen(Agent("old", ("build",), "1", 8, now() - timedelta(hours=1)))
    build, edge = api.get("/agents/queue").json()["items"]
    assert (build["role"], build["queued"], build["capacity"]) == ("build", 1, 0)
    assert build["oldest_seconds"] >= 0
    claimed(api, AGENT_TOKEN, "build", capacity=3)
    claimed(api, AGENT_TOKEN, "edge", agent="gate", capacity=1)
    build, edge = api.get("/agents/queue").json()["items"]
    assert (build["queued"], build["running"]) == (0, 1)
    assert (build["agents"], build["capacity"]) == (1, 3)
    assert (edge["queued"], edge["running"], edge["agents"]) == (0, 0, 1), "a watch is no load"


def test_every_kind_of_job_belongs_to_a_queue() -> None:
    assert set(ROLE.values()) == set(ROLES)
    assert set(ROLE) == set(JobKind)
