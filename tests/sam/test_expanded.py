"""What SAM makes of the templates: it fits CloudFormation, and says what was meant."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.generate import stacks
from infra.generate.functions import served, tasks
from infra.generate.http_api import LOGGED
from shared import machines
from tests.sam.command import ENVIRONMENT, SAM

SCRIPT = Path(__file__).with_name("expand.py")
MOST_RESOURCES = 450
"""CloudFormation takes 500: the rest is for what a release adds."""
MOST_BYTES = 1_000_000
PATHS = [path for path in stacks.render() if "Serverless" in path.read_text()]


@cache
def all_expanded() -> dict[str, Any]:
    done = subprocess.run(
        [str(SAM.parent / "python"), str(SCRIPT), *map(str, PATHS)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def expanded(path: Path) -> dict[str, Any]:
    return dict(all_expanded()[str(path)])


def of_type(stack: str, kind: str) -> dict[str, Any]:
    made = expanded(stacks.FOLDER / f"{stack}.yaml")["Resources"]
    return {name: r["Properties"] for name, r in made.items() if r["Type"] == kind}


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.name)
def test_a_stack_fits_what_cloudformation_takes(path: Path) -> None:
    made = expanded(path)
    print(f"\n{path.name}: {len(made['Resources'])} resources, {len(json.dumps(made))} bytes")
    assert len(made["Resources"]) < MOST_RESOURCES
    assert len(json.dumps(made)) < MOST_BYTES
    assert len(made["Parameters"]) < 200


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.name)
def test_every_function_has_a_role_of_its_own(path: Path) -> None:
    made = expanded(path)["Resources"]
    functions = [r["Properties"] for r in made.values() if r["Type"] == "AWS::Lambda::Function"]
    roles = [f["Role"]["Fn::GetAtt"][0] for f in functions]
    assert len(set(roles)) == len(roles)
    assert all(made[role]["Type"] == "AWS::IAM::Role" for role in roles)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.name)
def test_a_policy_allows_nothing_on_everything_without_need(path: Path) -> None:
    """The one that may is the delivery of logs, for which AWS knows no resource."""
    for name, resource in expanded(path)["Resources"].items():
        for policy in resource["Properties"].get("Policies", []):
            inner = policy["Fn::If"][1] if "Fn::If" in policy else policy
            for statement in inner["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                named = [actions] if isinstance(actions, str) else actions
                assert not [a for a in named if "*" in a], name
                if statement["Resource"] == "*":
                    assert {a.partition(":")[0] for a in named} == {"logs"}, name


def test_api_gateway_has_every_route_with_its_limit_and_answers_preflights() -> None:
    [api] = of_type("api", "AWS::ApiGatewayV2::Api").values()
    body = api["Body"]
    routes = {f"{m.upper()} {path}" for path, ms in body["paths"].items() for m in ms}
    assert routes == {f"{route.method} {route.path}" for route in served()}
    condition, cors, otherwise = body["x-amazon-apigateway-cors"]["Fn::If"]
    assert (condition, otherwise) == ("HasOrigins", {"Ref": "AWS::NoValue"})
    [separator, _] = cors["allowOrigins"]["Fn::Split"]
    assert separator == ",", "SAM has put the parameter's text beside it"
    assert {"Authorization", "Idempotency-Key"} <= set(cors["allowHeaders"])
    assert {"GET", "POST", "PATCH", "PUT", "DELETE"} == set(cors["allowMethods"])
    [stage] = of_type("api", "AWS::ApiGatewayV2::Stage").values()
    usual = stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    limits = {key: s["ThrottlingRateLimit"] for key, s in stage["RouteSettings"].items()}
    assert limits.keys() <= routes, "API Gateway refuses a route that it has not"
    assert all(limits[f"POST /webhooks/{git}"] > usual for git in ("github", "gitlab"))
    assert limits["GET /v1/click-deploy/sign-in"] < usual
    assert json.loads(stage["AccessLogSettings"]["Format"]).keys() == LOGGED.keys()


def test_an_own_domain_leads_to_the_api_and_is_the_only_way_then() -> None:
    [mapping] = of_type("api", "AWS::ApiGatewayV2::ApiMapping").values()
    [stage] = of_type("api", "AWS::ApiGatewayV2::Stage")
    assert mapping["Stage"] == {"Ref": stage}
    [api] = of_type("api", "AWS::ApiGatewayV2::Api").values()
    [server] = api["Body"]["servers"]
    switched = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
    assert switched == {"Fn::If": ["HasDomain", True, False]}


def test_every_machine_is_traced_logged_and_led_to_by_its_alias() -> None:
    made = of_type("workflows", "AWS::StepFunctions::StateMachine")
    assert len(made) == len(machines.MACHINES)
    versions = of_type("workflows", "AWS::StepFunctions::StateMachineVersion")
    aliases = of_type("workflows", "AWS::StepFunctions::StateMachineAlias")
    traced = {"Fn::If": ["Traced", True, False]}
    for name, properties in made.items():
        assert properties["TracingConfiguration"] == {"Enabled": traced}
        logged = properties["LoggingConfiguration"]
        assert (logged["Level"], logged["IncludeExecutionData"]) == ("ALL", False)
        assert versions[f"{name}Version"]["StateMachineArn"] == {"Ref": name}
        leads = aliases[f"{name}Alias"]["DeploymentPreference"]["StateMachineVersionArn"]
        assert leads == {"Ref": f"{name}Version"}
    assert len(of_type("workflows", "AWS::Lambda::Function")) == len(list(tasks()))


def test_tracing_is_a_parameter_and_every_role_may_trace() -> None:
    functions = of_type("api", "AWS::Lambda::Function").values()
    assert {f["TracingConfig"]["Mode"]["Ref"] for f in functions} == {"Tracing"}
    for stack in ("api", "workflows"):
        for role in of_type(stack, "AWS::IAM::Role").values():
            managed = [str(arn) for arn in role["ManagedPolicyArns"]]
            by = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
            if by[0].startswith(("lambda.", "states.")):
                assert any("xray" in arn.lower() for arn in managed), role


def test_what_aws_calls_by_itself_has_dead_letters() -> None:
    [queue] = [q for q in of_type("schedules", "AWS::SQS::Queue") if q.endswith("DeadQueue")]
    target = {"Fn::GetAtt": [queue, "Arn"]}
    clocks = of_type("schedules", "AWS::Scheduler::Schedule")
    assert all("${Prefix}" in clock["Name"]["Fn::Sub"] for clock in clocks.values())
    assert len(clocks) == len(of_type("schedules", "AWS::Lambda::Function"))
    assert all(c["Target"]["DeadLetterConfig"] == {"Arn": target} for c in clocks.values())
    configured = of_type("schedules", "AWS::Lambda::EventInvokeConfig")
    assert len(configured) == len(clocks)
    for each in configured.values():
        assert each["DestinationConfig"]["OnFailure"]["Destination"] == target
    [rule] = of_type("consumers", "AWS::Events::Rule").values()
    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert set(rule["EventPattern"]["detail"]["status"]) == {"FAILED", "TIMED_OUT", "ABORTED"}
    [target] = rule["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["EventsDeadQueue", "Arn"]}}
