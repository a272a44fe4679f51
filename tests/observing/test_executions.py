"""Where a person follows an execution: the console's address, on AWS alone."""

import json

import pytest

from shared import bootstrap
from shared.adapters.executions import console_url, execution_arn
from tests.observing.scene import API_TOKEN, ARNS, REGION, Scene

MACHINE = "arn:{}:states:{}:000000000000:stateMachine:c2d-deploy{}"


@pytest.mark.parametrize("qualifier", ["", ":live", ":12"])
def test_an_execution_belongs_to_its_machine_whatever_alias_started_it(qualifier: str) -> None:
    arn = MACHINE.format("aws", "eu-west-1", qualifier)
    expected = "arn:aws:states:eu-west-1:000000000000:execution:c2d-deploy:some-1"
    assert execution_arn(arn, "some-1") == expected


@pytest.mark.parametrize(
    ("partition", "region", "home"),
    [
        ("aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_has_another_domain_in_each_partition(
    partition: str, region: str, home: str
) -> None:
    arns = json.dumps({"deploy": MACHINE.format(partition, region, ":live")})
    arn = f"arn:{partition}:states:{region}:000000000000:execution:c2d-deploy:some-1"
    expected = f"{home}/states/home?region={region}#/v2/executions/details/{arn}"
    assert console_url(arns, "deploy", "some-1") == expected


@pytest.mark.parametrize(
    "arns",
    ["", "{}", '{"deploy": "no-arn"}', json.dumps({"deploy": MACHINE.format("aws-iso", "r", "")})],
)
def test_where_nobody_can_look_there_is_no_address(arns: str) -> None:
    assert console_url(arns, "deploy", "some-1") is None


def test_the_api_shows_the_execution_and_its_place_in_the_console(scene: Scene) -> None:
    deployment = scene.world.deploy(scene.world.service())
    shown = scene.http("api.deployments.get", API_TOKEN, deployment_id=deployment.id)
    arn = execution_arn(ARNS["deploy"], f"{deployment.id}-1")
    assert shown["execution"]["name"] == f"{deployment.id}-1"
    assert shown["execution"]["url"].startswith(f"https://{REGION}.console.aws.amazon.com/")
    assert shown["execution"]["url"].endswith(arn)


def test_a_rollback_is_shown_in_the_machine_that_runs_it(scene: Scene) -> None:
    world = scene.world
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    second = world.deploy(service)
    world.go_live(second, "sha256:two")
    back = scene.http(
        "api.rollback.create", API_TOKEN, service_id=service.id, deployment_id=first.id
    )
    assert ":execution:test-rollback:" in back["deployment"]["execution"]["url"]


def test_on_one_machine_there_is_a_name_and_no_address(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bootstrap.settings().model_copy(update={"workflows": "dbos"})
    monkeypatch.setattr(bootstrap, "settings", lambda: here)
    deployment = scene.world.deploy(scene.world.service())
    shown = scene.http("api.deployments.get", API_TOKEN, deployment_id=deployment.id)
    assert shown["execution"] == {"name": f"{deployment.id}-1", "url": None}
