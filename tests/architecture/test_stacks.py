"""The stacks fit each other, the settings and what AWS takes."""

import json
import os
import re
import tomllib
from typing import Any

import pytest
import yaml

from infra.generate import classes, root, stacks
from infra.generate.alarms import AGENTS_SEEN, NAMESPACE
from infra.generate.choices import GROUPS
from infra.generate.classes import CLASSES, GATEWAY_SECONDS, GIT_PROVIDER_SECONDS
from infra.generate.events import path_of
from infra.generate.functions import (
    ROOT,
    Function,
    consumers,
    edge,
    listeners,
    operations,
    schedules,
    served,
    tasks,
)
from infra.generate.policies import of_function, recorded
from infra.generate.queues import VISIBILITY
from shared.adapters.local_lambda import LocalContext
from shared.http.entry import lambda_handler
from shared.http.local import modules
from shared.machines import MACHINES
from shared.settings import Settings, Timeouts

TEMPLATE: dict[str, Any] = yaml.safe_load(root.PATH.read_text())
NESTED = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Application"
}
FUNCTIONS: list[Function] = [
    *edge(),
    *served(),
    *tasks(),
    *consumers(),
    *listeners(),
    *schedules(),
    *operations(),
]
MOST_ENVIRONMENT = 4096
LONGEST = {"Prefix": "click-to-deploy-" + "s" * 21, "AWS::Partition": "aws"} | {
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "0" * 12,
    "AWS::URLSuffix": "amazonaws.com",
    "Qualifier": ":live",
}
URL, TEXT = "x" * 300, "x" * 80
"""The database's URL, and everything else: ARNs of keys have 75 letters, secrets and names less."""


class Short(yaml.SafeLoader):
    """Reads `!Ref X` as X."""


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


Short.add_multi_constructor("!", _untagged)


def document(name: str) -> dict[str, Any]:
    text = (ROOT / NESTED[name]["Location"]).read_text()
    return dict(yaml.load(text, Loader=Short))


def functions_of(name: str) -> dict[str, dict[str, Any]]:
    found = document(name)["Resources"].items()
    return {k: r["Properties"] for k, r in found if r["Type"] == "AWS::Serverless::Function"}


def every_function() -> dict[str, dict[str, Any]]:
    return {k: f for name in NESTED for k, f in functions_of(name).items()}


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_stack_is_given_what_it_knows_and_nothing_else(name: str) -> None:
    known = document(name)["Parameters"]
    given = NESTED[name]["Parameters"]
    assert given.keys() <= known.keys()
    assert {k for k, p in known.items() if "Default" not in p} <= given.keys()


@pytest.mark.parametrize("name", NESTED)
def test_outputs_that_are_asked_for_are_there(name: str) -> None:
    asked = re.findall(rf"- {name}\n\s+- Outputs\.(\w+)", root.PATH.read_text())
    assert set(asked) <= document(name).get("Outputs", {}).keys()


def test_every_parameter_is_described_and_has_its_place_in_the_console() -> None:
    shown = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [p for group in shown for p in group["Parameters"]] == list(TEMPLATE["Parameters"])
    for name in NESTED:
        assert all(p["Description"] for p in document(name)["Parameters"].values())
    assert all(p["Description"] and "Default" in p for p in TEMPLATE["Parameters"].values())
    assert len(TEMPLATE["Parameters"]) < 200


def test_what_costs_or_needs_an_account_is_off_by_default() -> None:
    defaults = {name: p["Default"] for name, p in TEMPLATE["Parameters"].items()}
    assert {defaults[name] for name in ("CreateDatabase", "CreateAlarms")} == {"false"}
    assert {defaults[name] for name in ("ApiDomain", "Subnets", "TokensSecret")} == {""}
    for name, condition in {"Database": "OwnDatabase", "Alarms": "HasAlarms"}.items():
        assert TEMPLATE["Resources"][name]["Condition"] == condition


def test_stages_choose_among_the_parameters() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert {"local", "staging", "production"} <= stages.keys()
    choices = {name: choice for group in GROUPS.values() for name, choice in group.items()}
    for stage in ("local", "staging", "production"):
        chosen = stages[stage]["deploy"]["parameters"]
        pairs = dict(pair.split("=", 1) for pair in chosen["parameter_overrides"].split())
        assert pairs["Stage"] == stage
        assert f"stage={stage}" in chosen["tags"]
        for name, value in pairs.items():
            assert not choices[name].among or value in choices[name].among
            assert re.fullmatch(choices[name].pattern or ".*", value)
    production = stages["production"]["deploy"]["parameters"]["parameter_overrides"]
    assert "DatabaseProtected=true" in production
    assert "CreateAlarms=true" in production


def test_everything_is_tagged() -> None:
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] != "AWS::Serverless::LayerVersion":  # those cannot be
            tags = resource["Properties"]["Tags"]
            named = {t["Key"]: t["Value"] for t in tags} if isinstance(tags, list) else tags
            assert named == root.TAGS, name


def test_data_outlives_its_stack() -> None:
    database = document("Database")["Resources"]
    cluster, key = database["Cluster"], TEMPLATE["Resources"]["SecretsKey"]
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    assert cluster["Properties"]["DeletionProtection"] == ["Protected", True, False]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert database["Credentials"]["DeletionPolicy"] == "Retain", "a snapshot needs its user"


def test_no_function_knows_the_password_of_a_database_that_the_stack_makes() -> None:
    url = document("Database")["Outputs"]["Url"]["Value"]
    assert "resolve" not in url
    assert url.partition("@")[0] == "postgresql://click_to_deploy"
    [auth] = document("Database")["Resources"]["Proxy"]["Properties"]["Auth"]
    assert auth["IAMAuth"] == "REQUIRED"
    for function in FUNCTIONS:
        connects = "rds-db:connect" in str(of_function(function))
        assert connects == ("engine" in function.ports), function.name


def test_a_function_has_the_limits_of_its_class() -> None:
    made = every_function()
    assert made.keys() == {function.logical_id for function in FUNCTIONS}
    for function in FUNCTIONS:
        limits = classes.of(function)
        properties = made[function.logical_id]
        assert properties["Timeout"] == limits.seconds
        assert properties["MemorySize"] == limits.memory_mb
    assert all(limits.reason for limits in CLASSES.values())


def test_a_function_ends_before_who_waits_for_it_gives_up() -> None:
    assert CLASSES["api"].seconds < GATEWAY_SECONDS
    assert CLASSES["edge"].seconds + CLASSES["api"].seconds > GATEWAY_SECONDS, "one counts alone"
    assert CLASSES["webhooks"].seconds <= GIT_PROVIDER_SECONDS
    assert CLASSES["tasks"].seconds <= Timeouts().task
    assert 6 * CLASSES["consumers"].seconds <= VISIBILITY
    for limits in CLASSES.values():
        assert (limits.compute_seconds or 0) < limits.seconds


def test_an_environment_fits_lambda_and_names_the_function() -> None:
    named: set[str] = set()
    for name in NESTED:
        shared = document(name).get("Globals", {}).get("Function", {}).get("Environment", {})
        for id_, function in functions_of(name).items():
            variables = {**shared["Variables"], **function["Environment"]["Variables"]}
            size = sum(len(key) + len(longest(value)) for key, value in variables.items())
            assert size < MOST_ENVIRONMENT, (id_, size)
            known = {f"C2D_{field.upper()}" for field in Settings.model_fields}
            known |= {f"C2D_TIMEOUT_{field.upper()}" for field in Timeouts.model_fields}
            assert {v for v in variables if v.startswith("C2D_")} <= known, id_
            named.add(variables["AWS_SDK_UA_APP_ID"])
            assert re.fullmatch(r"\w{1,50}", variables["AWS_SDK_UA_APP_ID"]), id_
    assert len(named) == len(FUNCTIONS)


def longest(value: Any) -> str:
    """About what becomes of a variable at most."""
    match value:
        case str():
            return value
        case {"Fn::Sub": str(text)} if "resolve" not in text:
            return re.sub(r"\$\{([\w:]+)\}", lambda m: LONGEST[m[1]], text)
        case {"Fn::If": ["HasPassword", *_]}:
            return URL
    return TEXT


def test_a_secret_is_known_to_those_who_ask_for_its_port() -> None:
    made = every_function()
    for function in FUNCTIONS:
        own = made[function.logical_id]["Environment"]["Variables"]
        assert ("DATABASE_URL" in own) == ("engine" in function.ports), function.name
        assert ("C2D_GITHUB_CLIENT_SECRET" in own) == ("git_provider" in function.ports)
    assert "DATABASE_URL" not in made["EdgeAuthorizer"]["Environment"]["Variables"]


def test_what_was_recorded_is_what_is_allowed() -> None:
    """Not more, and of functions that there are: `actions.json` cannot widen a policy."""
    ids = {function.logical_id for function in FUNCTIONS}
    assert recorded().keys() <= ids
    for function in FUNCTIONS:
        allowed = {
            action
            for policy in of_function(function)
            for statement in policy.get("Statement", [])
            for action in statement["Action"]
        }
        taken = recorded().get(function.logical_id, allowed)
        assert taken == allowed, function.name


def test_the_five_alarms_watch_what_is_there() -> None:
    made = document("Alarms")["Resources"]
    alarms = {k: r["Properties"] for k, r in made.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms.keys() == {
        "DeadLetters",
        "FailedExecutions",
        "Throttles",
        "AgentsMissing",
        "OldestMessage",
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Topic"}]
        assert alarm["AlarmDescription"]
        assert len(alarm.get("Metrics", [])) <= 10, "CloudWatch takes no more in one alarm"
    text = (stacks.FOLDER / "alarms.yaml").read_text()
    dead = {
        resource["Properties"]["QueueName"]["Fn::Sub"]
        for name in ("Consumers", "Schedules")
        for resource in document(name)["Resources"].values()
        if resource["Type"] == "AWS::SQS::Queue" and "-dead" in str(resource)
        if "-dead" in resource["Properties"]["QueueName"]["Fn::Sub"]
    }
    assert len(dead) == 3
    assert all(name in text for name in dead)
    watched = set(re.findall(r"stateMachine:\$\{Prefix\}-(\w+)", text))
    assert watched <= set(MACHINES)
    agents = alarms["AgentsMissing"]
    assert (agents["Namespace"], agents["MetricName"]) == (NAMESPACE, AGENTS_SEEN)
    assert agents["TreatMissingData"] == "breaching"


@pytest.mark.parametrize(
    ("given", "known"),
    [("", "https://api.example"), ("https://c2d.example", "https://c2d.example"), (None, None)],
    ids=["none is set", "one is set", "not on AWS"],
)
def test_the_api_learns_its_own_address_from_the_first_request(
    given: str | None, known: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack cannot tell it: API Gateway has none before its functions are there."""
    monkeypatch.setenv("C2D_PUBLIC_URL", given or "")
    if given is None:
        monkeypatch.delenv("C2D_PUBLIC_URL")
    event = json.loads(path_of("api.health.get").read_text())
    [router] = [m.router for name, m in modules() if name == "functions.api.health.get"]
    answer = lambda_handler(router)(event, LocalContext("health"))
    assert answer["statusCode"] == 200
    assert os.environ.get("C2D_PUBLIC_URL") == known
