"""One id leads from the request or delivery through every line of its deployment."""

import json

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import NotFound
from tests.observing.scene import API_TOKEN, SETTINGS, Scene
from tests.observing.written import Line, Written
from tests.tasks.test_handlers import PATH

EVERY_STATE_LIMIT = 4096


def steps_of(lines: list[Line]) -> list[str]:
    return [line["step"] for line in lines if line["message"] in ("step done", "step failed")]


def test_a_push_is_followed_from_its_delivery_to_the_live_version(
    scene: Scene, written: Written
) -> None:
    service = scene.inbox.service()
    answer = scene.push()
    delivery_id = json.loads(answer["body"])["id"]
    scene.consume()
    given = scene.started
    assert given["correlation_id"] == delivery_id
    assert len(json.dumps(given)) < EVERY_STATE_LIMIT
    scene.execute()
    assert scene.deployment.state is DeploymentState.LIVE

    lines = [line for line in written.lines() if line.get("job_kind") != "watch"]
    assert {line["correlation_id"] for line in lines} == {delivery_id}
    [taken] = [line for line in lines if line["message"] == "delivery taken"]
    [decided] = [line for line in lines if line["message"] == "message done"]
    deployment_id = given["deployment_id"]
    for line in (taken, decided):
        assert line["delivery_id"] == delivery_id
        assert line["organization_id"] == given["organization_id"]
    assert taken["provider_delivery"]
    assert taken["gateway_request_id"]
    assert decided["verdict"] == "deployed"
    assert decided["deployments"] == [deployment_id]
    assert decided["message_id"]

    after = lines[lines.index(decided) + 1 :]
    for line in after:
        assert line["deployment_id"] == deployment_id, line
        assert line["organization_id"] == given["organization_id"]
        assert line["service_id"] == str(service.id)
        assert line["execution"] == f"{deployment_id}-1"
        assert line["lambda_request_id"]
        assert line["function"]
    assert len(steps_of(after)) == len(PATH)
    assert steps_of(after)[0] == "AcquireLease"


def test_every_call_of_an_agent_has_its_job_and_its_deployment(
    scene: Scene, written: Written
) -> None:
    scene.inbox.service()
    scene.push()
    scene.consume()
    scene.execute()
    lines = written.lines()
    calls = [line for line in lines if "/agent/jobs/" in line.get("route", "")]
    routes = {line["route"].rpartition("/")[2] for line in calls}
    assert routes == {"claim", "heartbeat", "logs", "result"}
    for line in calls:
        if "job_id" in line and line["job_kind"] != "watch":
            assert line["deployment_id"] == scene.started["deployment_id"]
            assert line["correlation_id"] == scene.started["correlation_id"]
    ended = [line for line in lines if line["message"] == "job ended"]
    assert [line["job_kind"] for line in ended] == [
        "build",
        "health_gate",
        "switch_route",
        "verify_public",
    ]
    begun = [line for line in lines if line["message"] == "job begun"]
    assert {line["job_id"] for line in ended} <= {line["job_id"] for line in begun}


def test_a_request_gives_its_own_id_to_the_deployment_it_asks_for(
    scene: Scene, written: Written
) -> None:
    service = scene.world.service()
    asked = scene.http(
        "api.deployments.create",
        API_TOKEN,
        {},
        headers={"x-request-id": "from-the-caller"},
        service_id=service.id,
    )
    [line] = written.lines()
    assert line["message"] == "request"
    assert line["request_id"] == line["correlation_id"] == "from-the-caller"
    assert line["deployment_id"] == asked["id"]
    assert line["execution"] == f"{asked['id']}-1"
    assert line["gateway_request_id"].startswith("gateway-")
    assert (line["method"], line["status"]) == ("POST", 202)
    assert line["route"].endswith("/services/{service_id}/deploy")
    assert scene.started["correlation_id"] == "from-the-caller"
    scene.execute(fails_at="deploy.acquire_lease")
    assert written.lines()[-1]["correlation_id"] == "from-the-caller"


def test_what_is_asked_of_a_deployment_later_carries_both_ids(
    scene: Scene, written: Written
) -> None:
    deployment = scene.world.deploy(scene.world.service(), correlation_id="the-first-request")
    for name in ("api.deployments.get", "api.deployments.cancel"):
        scene.http(name, API_TOKEN, headers={"x-request-id": name}, deployment_id=deployment.id)
    read, cancelled = [line for line in written.lines() if line["message"] == "request"]
    assert [read["request_id"], cancelled["request_id"]] == [
        "api.deployments.get",
        "api.deployments.cancel",
    ]
    for line in (read, cancelled):
        assert line["correlation_id"] == "the-first-request"
        assert line["deployment_id"] == str(deployment.id)


def test_a_retry_keeps_the_id_it_began_with(scene: Scene) -> None:
    deployment = scene.world.deploy(scene.world.service(), correlation_id="the-first-request")
    scene.run("deploy.acquire_lease", scene.started)
    scene.run("deploy.mark_failed", scene.started, error="BuildFailed", cause="it does not build")
    scene.http("api.deployments.retry", API_TOKEN, deployment_id=deployment.id)
    assert scene.started["attempt"] == 2
    assert scene.started["correlation_id"] == "the-first-request"


def test_a_failed_step_says_so_with_its_ids_and_leaves_as_it_is(
    scene: Scene, written: Written
) -> None:
    scene.world.deploy(scene.world.service())
    given = scene.started | {"deployment_id": "00000000-0000-4000-8000-00000000dead"}
    with pytest.raises(NotFound) as failed:
        scene.run("deploy.create_release", given)
    [line] = written.lines()
    assert (line["level"], line["message"], line["error"]) == ("WARNING", "step failed", "NotFound")
    assert line["deployment_id"] == given["deployment_id"]
    assert line["step"] == "CreateRelease"
    assert line["reason"] == str(failed.value)


def test_an_execution_from_before_there_was_such_an_id_is_found_by_its_deployment(
    scene: Scene, written: Written
) -> None:
    scene.world.deploy(scene.world.service())
    given = {k: v for k, v in scene.started.items() if k != "correlation_id"}
    scene.run("deploy.acquire_lease", given)
    [line] = written.lines()
    assert line["correlation_id"] == line["deployment_id"] == given["deployment_id"]


def test_the_trace_of_an_invocation_is_on_its_lines(
    scene: Scene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = "1-67891233-abcdef012345678912345678"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent=463ac35c9f6413ad;Sampled=1")
    scene.world.deploy(scene.world.service())
    scene.run("deploy.acquire_lease", scene.started)
    assert written.lines()[0]["trace_id"] == root


def test_no_line_holds_a_secret_or_what_a_caller_sent(
    scene: Scene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary-4f2a9c"
    scene.inbox.service()
    scene.push(**{"x-private": canary, "cookie": canary})
    refused = {"x-hub-signature-256": f"sha256={canary}"}
    assert scene.push(**refused)["statusCode"] == 401
    scene.consume()
    scene.execute()
    service = scene.world.service("other")
    variables = {"variables": [{"key": "SECRET", "value": canary}]}
    scene.http(
        "api.variables.replace", API_TOKEN, variables, headers={"x-private": canary}, **_of(service)
    )

    def breaks(_act: object = None) -> None:
        raise RuntimeError(f"cannot reach {SETTINGS.database_url} with {API_TOKEN}")

    monkeypatch.setattr("shared.bootstrap.unit_of_work", breaks)
    event_headers = {"x-private": canary}
    with pytest.raises(AssertionError, match="500"):
        scene.http("api.services.get", API_TOKEN, headers=event_headers, **_of(service))
    lines = written.lines()
    assert any(line.get("exception") == "RuntimeError" for line in lines)
    for secret in (canary, API_TOKEN, "the-database-password", "c2dj_", "sealed|"):
        assert secret not in written.text


def _of(service: object) -> dict[str, object]:
    return {"service_id": getattr(service, "id", None)}
