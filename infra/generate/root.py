"""`template.yaml`: layers, key and secrets, and the nested stacks with their parameters."""

from collections.abc import Mapping
from typing import Any, Final

from infra.generate import layers
from infra.generate.choices import GROUPS, described, interface, rules
from infra.generate.functions import ROOT
from infra.generate.parameters import given
from infra.generate.policies import ANY, sub

PATH: Final = ROOT / "template.yaml"
PREFIX: Final = "click-to-deploy-${Stage}"
TAGS: Final = {"project": "click-to-deploy", "stage": {"Ref": "Stage"}}
_KEY_ACTIONS: Final = (
    "CancelKeyDeletion",
    "Decrypt",
    "DescribeKey",
    "DisableKey",
    "EnableKey",
    "EnableKeyRotation",
    "GenerateDataKey",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListResourceTags",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
)
_SWITCHES: Final = {
    "HasAlias": "Aliases",
    "HasAlarms": "CreateAlarms",
    "OwnDatabase": "CreateDatabase",
}
_CONDITIONS: Final = {
    **{name: {"Fn::Equals": [{"Ref": switch}, "true"]} for name, switch in _SWITCHES.items()},
    "HasDomain": given("ApiDomain"),
    "HasUrl": given("PublicUrl"),
    "HasTokens": given("TokensSecret"),
    "NeedsTokens": {"Fn::Equals": [{"Ref": "TokensSecret"}, ""]},
}
_LISTS: Final = ("CorsOrigins", "Subnets", "SecurityGroups")


def template(nested: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The template around the nested stacks: resource → the stack's document."""
    made = {name: _application(name, stack["Parameters"]) for name, stack in nested.items()}
    made["Database"] = _when("OwnDatabase", _application("Database", _parameters_of("database")))
    made["Alarms"] = _when("HasAlarms", made["Alarms"])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": (
            "Click to Deploy: from a Git repository to a running, routed, monitored service. "
            "One function per endpoint and per state."
        ),
        "Metadata": interface(),
        "Parameters": {k: described(p) for group in GROUPS.values() for k, p in group.items()},
        "Rules": rules(),
        "Conditions": _CONDITIONS,
        "Resources": {"SecretsKey": _key(), **_tokens(), **_layers(), **made},
        "Outputs": {
            "ApiUrl": _output("The API's base URL", {"Fn::GetAtt": ["Api", "Outputs.Url"]}),
            "ApiToken": {
                "Condition": "NeedsTokens",
                **_output("ARN of the secret with the owner's token", {"Ref": "ApiToken"}),
            },
            "AgentToken": {
                "Condition": "NeedsTokens",
                **_output("ARN of the secret that registers agents", {"Ref": "AgentToken"}),
            },
        },
    }


def _application(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::Application",
        "Properties": {
            "Location": f"infra/stacks/{name.lower()}.yaml",
            "Parameters": {parameter: _value(parameter, name) for parameter in parameters},
            "Tags": TAGS,
        },
    }


def _value(parameter: str, stack: str) -> Any:
    """What a nested stack is given: mostly what this template was given under the same name."""
    special: dict[str, Any] = {
        "Prefix": sub(PREFIX),
        "KmsKey": {"Fn::GetAtt": ["SecretsKey", "Arn"]},
        "Qualifier": _if("HasAlias", ":live", ""),
        "PublicUrl": _url(stack),
        "ApiTokenSecret": _if("HasTokens", {"Ref": "TokensSecret"}, {"Ref": "ApiToken"}),
        "AgentTokenSecret": _if("HasTokens", {"Ref": "TokensSecret"}, {"Ref": "AgentToken"}),
        "DatabaseUrl": _of_database("Url"),
        "DatabaseUser": _of_database("User"),
        "ApiId": {"Fn::GetAtt": ["Api", "Outputs.ApiId"]},
    }
    if parameter == "SecurityGroups" and stack != "Database":
        return _of_database("FunctionsGroup", {"Fn::Join": [",", {"Ref": "SecurityGroups"}]})
    if parameter in _LISTS:
        return {"Fn::Join": [",", {"Ref": parameter}]}
    return special.get(parameter, {"Ref": parameter})


def _url(stack: str) -> dict[str, Any]:
    """The API cannot know the address it gets before its functions are there: they take it from
    the request. The others are told."""
    own: Any = ""
    if stack != "Api":
        own = {"Fn::GetAtt": ["Api", "Outputs.Url"]}
    return _if("HasUrl", {"Ref": "PublicUrl"}, _if("HasDomain", sub("https://${ApiDomain}"), own))


def _of_database(output: str, otherwise: Any = "") -> dict[str, Any]:
    return _if("OwnDatabase", {"Fn::GetAtt": ["Database", f"Outputs.{output}"]}, otherwise)


def _parameters_of(stack: str) -> dict[str, Any]:
    """Of a stack that is written by hand."""
    import yaml  # noqa: PLC0415 - for this one file

    class Loader(yaml.SafeLoader):
        """Reads the short forms of CloudFormation's functions as nothing."""

    Loader.add_multi_constructor("!", lambda *_: None)
    text = (ROOT / "infra" / "stacks" / f"{stack}.yaml").read_text()
    found: dict[str, Any] = yaml.load(text, Loader)["Parameters"]  # noqa: S506 - a safe loader
    return found


def _key() -> dict[str, Any]:
    """Without it nothing that is sealed opens again: it outlives the stack."""
    root = {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}
    statement = {
        "Sid": "TheAccountsPoliciesDecide",
        "Effect": "Allow",
        "Principal": root,
        "Action": [f"kms:{action}" for action in _KEY_ACTIONS],
        "Resource": f"{ANY}the key itself: its policy can name no other",
    }
    return {
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": sub(f"Secrets of {PREFIX}"),
            "EnableKeyRotation": True,
            "KeyPolicy": {"Version": "2012-10-17", "Statement": [statement]},
            "Tags": _tags(),
        },
    }


def _tokens() -> dict[str, Any]:
    """Made where none are given; two secrets, for one can generate only one value."""
    return {"ApiToken": _token("api_token"), "AgentToken": _token("agent_token")}


def _token(key: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SecretsManager::Secret",
        "Condition": "NeedsTokens",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "Name": sub(f"{PREFIX}-{key.replace('_', '-')}"),
            "GenerateSecretString": {
                "SecretStringTemplate": "{}",
                "GenerateStringKey": key,
                "PasswordLength": 43,
                "ExcludePunctuation": True,
            },
            "Tags": _tags(),
        },
    }


ELSEWHERE: Final = {"shared": "shared", "migrations": "infra/migrations"}
"""Layers whose Makefile is beside the code they ship: SAM builds in a copy of the folder."""


def _layers() -> dict[str, Any]:
    return {layers.parameter(name): _layer(name, text) for name, text in layers.LAYERS.items()}


def _layer(name: str, text: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::LayerVersion",
        "Metadata": {"BuildMethod": "makefile", "BuildArchitecture": "x86_64"},
        "Properties": {
            "LayerName": sub(f"{PREFIX}-{name}"),
            "Description": f"{text}, compiled",
            "ContentUri": ELSEWHERE.get(name, f"layers/{name}"),
            "CompatibleRuntimes": ["python3.11"],
            "RetentionPolicy": "Delete",
        },
    }


def _tags() -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in TAGS.items()]


def _when(condition: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"Type": resource["Type"], "Condition": condition, "Properties": resource["Properties"]}


def _output(text: str, value: Any) -> dict[str, Any]:
    return {"Description": text, "Value": value}


def _if(condition: str, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, then, otherwise]}
