"""A function of each kind in a container, from what was built; the rest by `make invoke`."""

import json
from pathlib import Path

import pytest

from infra.local import images
from tests.sam.invocation import Outcome, judged
from tests.sam.invoke import STAND_INS, invoke_all, line, running
from tests.sam.local_stacks import LocalFunction, write_local_stacks

OF_EACH_KIND = {
    "reading endpoint": "api.projects.get",
    "writing endpoint": "api.deployments.create",
    "webhook": "webhooks.github",
    "authorizer": "edge.authorizer",
    "consumer": "consumers.webhooks",
    "event": "events.executions",
    "task": "tasks.deploy.build",
    "task of the cloud": "tasks.release.start_app",
    "schedule": "scheduled.reconcile",
    "operation": "operations.standing",
}


@pytest.fixture(scope="session")
def functions(built: Path) -> dict[str, LocalFunction]:
    return {function.name: function for function in write_local_stacks(built)}


@pytest.fixture(scope="module")
def outcomes(functions: dict[str, LocalFunction]) -> dict[str, Outcome]:
    images.provide(STAND_INS, images.LAMBDA)
    wanted = [functions[name] for name in OF_EACH_KIND.values()]
    with running() as servers:
        found = {outcome.function: outcome for outcome in invoke_all(servers, wanted)}
    for outcome in found.values():
        print(line(outcome))
    return found


def test_every_function_that_was_built_has_a_sample_event(
    functions: dict[str, LocalFunction],
) -> None:
    assert len(functions) > 100
    assert [name for name, function in functions.items() if not function.event.exists()] == []


def test_every_kind_of_function_is_represented(functions: dict[str, LocalFunction]) -> None:
    kinds = {name.partition(".")[0] for name in functions}
    assert kinds == {name.partition(".")[0] for name in OF_EACH_KIND.values()}


@pytest.mark.docker
@pytest.mark.postgres
@pytest.mark.timeout(900)  # the first one waits for all, also on a machine that is busy
@pytest.mark.parametrize("kind", OF_EACH_KIND)
def test_a_function_does_in_a_container_what_its_sample_asks(
    outcomes: dict[str, Outcome], kind: str
) -> None:
    outcome = outcomes[OF_EACH_KIND[kind]]
    assert outcome.ok, outcome.reason
    assert outcome.status in {"200", "201", "202", "ok"}


@pytest.mark.parametrize(
    ("name", "answer", "log"),
    [
        ("tasks.deploy.build", {"errorType": "StaleFence", "errorMessage": "it is over"}, ""),
        ("api.projects.get", {"statusCode": 503, "body": "{}"}, ""),
        ("api.projects.get", {"statusCode": 404, "body": '{"type": "NotFound"}'}, ""),
        ("api.git.confirm", {"statusCode": 404, "body": '{"type": "Gone"}'}, ""),
        ("consumers.webhooks", {"batchItemFailures": [{"itemIdentifier": "1"}]}, ""),
        ("edge.authorizer", {"isAuthorized": False}, ""),
        ("scheduled.reconcile", {}, '{"level": "WARNING", "message": "step failed"}'),
        ("scheduled.reconcile", None, "the container did not start"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_went_wrong_is_a_failure(name: str, answer: object, log: str) -> None:
    _status, reason = judged(name, "" if answer is None else json.dumps(answer), log)
    assert reason


def test_a_refusal_that_no_sample_can_avoid_is_none() -> None:
    answer = {"statusCode": 404, "body": '{"type": "NotFound"}'}
    assert judged("api.git.confirm", json.dumps(answer), "") == ("404 NotFound", "")
