"""AWS as a few dictionaries, for what is decided before anything happens there."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from infra.aws.cloud import OperationFailed, Stack
from infra.aws.environments import Environment

GIVEN = {"Stage": "staging", "DatabaseSecret": "arn:x", "TokensSecret": "arn:y"}
STAGING = Environment("staging", "click-to-deploy-staging", "eu-central-1", GIVEN)
PRODUCTION = replace(STAGING, stage="production", stack="click-to-deploy-production")
AT_HEAD = {
    "serving": "0.1.0",
    "before": "0009",
    "after": "0009",
    "applied": [],
    "held": [],
    "oldest_release": None,
    "ready": True,
    "ahead": False,
}
VERSIONS = "AWS::StepFunctions::StateMachineVersion"
LAYER = "arn:aws:lambda:eu-central-1:1:layer:click-to-deploy-staging-migrations:3"


@dataclass
class FakeCloud:
    status: str | None = "UPDATE_COMPLETE"
    standing: dict[str, list[str]] | None = field(
        default_factory=lambda: {"running": [], "deploying": []}
    )
    schema: dict[str, Any] = field(default_factory=lambda: dict(AT_HEAD))
    calls: list[str] = field(default_factory=list)
    layer: str = LAYER
    region = "eu-central-1"

    def account(self) -> str:
        return "123456789012"

    def stack(self, name: str) -> Stack | None:
        return None if self.status is None else Stack(name, self.status, "", {})

    def template(self, name: str) -> str:
        kept = {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"}
        database = {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot"}
        version = {"Type": VERSIONS, "DeletionPolicy": "Retain"}
        made = (
            {"Key": kept, "Version": version, "Inner": {}}
            if name != "arn:inner"
            else {"Cluster": database}
        )
        return json.dumps({"Resources": made})

    def resources(self, name: str) -> list[tuple[str, str, str]]:
        if name == "arn:inner":
            return [("AWS::RDS::DBCluster", "Cluster", "c-1"), ("AWS::SQS::Queue", "Q", "q-1")]
        return [
            ("AWS::KMS::Key", "Key", "k-1"),
            (VERSIONS, "Version", "v-1"),
            ("AWS::CloudFormation::Stack", "Inner", "arn:inner"),
        ]

    def invoke(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(f"invoke {function.rpartition('-')[2]}")
        if function.endswith("-migrate"):
            return self.schema
        if self.standing is None:
            raise OperationFailed("Transient", "the database is away")
        return self.standing

    def protect(self, name: str, *, on: bool) -> None:
        self.calls.append(f"protect {on}")

    def delete(self, name: str) -> None:
        self.calls.append("delete")
        self.status = None

    def layers(self, function: str) -> list[str]:
        return ["arn:aws:lambda:eu-central-1:1:layer:core:1", self.layer]

    def set_layers(self, function: str, arns: list[str]) -> None:
        self.layer = arns[1]
        self.calls.append(f"layer {self.layer.rpartition(':')[2]}")

    def publish_layer(self, name: str, archive: bytes) -> str:
        return f"{LAYER[:-1]}4"

    def delete_layer(self, arn: str) -> None:
        self.calls.append(f"forget {arn.rpartition(':')[2]}")
