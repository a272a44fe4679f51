"""What the commands ask of AWS; AWS_ENDPOINT_URL leads them elsewhere, as it does all of boto3."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra.aws.errors import RefusedError

CONFIG: Final = Config(
    connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 4, "mode": "standard"}
)
_INVOKE: Final = Config(
    connect_timeout=5, read_timeout=910, tcp_keepalive=True, retries={"total_max_attempts": 1}
)
"""An operation takes up to Lambda's 15 minutes, and is not asked for twice."""
_NO_STACK: Final = "does not exist"
NESTED: Final = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Stack:
    name: str
    status: str
    reason: str
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def usable(self) -> bool:
        """Whether it can be updated; one whose creation failed cannot."""
        return self.status in {
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "IMPORT_COMPLETE",
        }

    @property
    def planned(self) -> bool:
        """Only a change set was ever made for it."""
        return self.status == "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Resource:
    """`policy` is what happens to it when its stack is deleted."""

    kind: str
    logical_id: str
    physical_id: str
    policy: str


class OperationFailed(Exception):
    """The operation itself refused: its error's class name and its reason."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


class Cloud:
    """One account in one region. Every call has a deadline and raises RefusedError."""

    def __init__(self, region: str | None) -> None:
        self._session = boto3.Session(region_name=region)
        self._client = cache(self._made)

    def _made(self, service: str, config: Config = CONFIG) -> Any:
        with _translated():
            return self._session.client(service, config=config)

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    def account(self) -> str:
        with _translated():
            return str(self._client("sts").get_caller_identity()["Account"])

    # --- stacks ---------------------------------------------------------------------------

    def stack(self, name: str) -> Stack | None:
        """None when there is none of this name."""
        try:
            with _translated():
                [found] = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except RefusedError as error:
            if _NO_STACK in str(error):
                return None
            raise
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        reason = found.get("StackStatusReason", "")
        return Stack(found["StackName"], found["StackStatus"], reason, outputs)

    def resources(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Kind, logical and physical id of what a stack holds, nested stacks as one each."""
        with _translated():
            pages = self._client("cloudformation").get_paginator("list_stack_resources")
            for page in pages.paginate(StackName=name):
                for found in page["StackResourceSummaries"]:
                    physical = found.get("PhysicalResourceId", "")
                    yield found["ResourceType"], found["LogicalResourceId"], physical

    def template(self, name: str) -> str:
        """As it was deployed: what SAM stands for is written out."""
        with _translated():
            body = self._client("cloudformation").get_template(
                StackName=name, TemplateStage="Processed"
            )["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)

    def protect(self, name: str, *, on: bool) -> None:
        """Whether AWS refuses to delete the stack, whoever asks."""
        with _translated():
            self._client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=on
            )

    def delete(self, name: str) -> None:
        """Begin to delete it."""
        with _translated():
            self._client("cloudformation").delete_stack(StackName=name)

    # --- operations -----------------------------------------------------------------------

    def invoke(self, function: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation. Raises OperationFailed with what it says."""
        with _translated():
            answer = self._client("lambda", _INVOKE).invoke(
                FunctionName=function, Payload=json.dumps(payload).encode()
            )
            said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            error = str(said.get("errorType", "Error"))
            raise OperationFailed(error, str(said.get("errorMessage", said)))
        return said

    def layers(self, function: str) -> list[str]:
        """ARNs of the versions it has, in order."""
        with _translated():
            found = self._client("lambda").get_function_configuration(FunctionName=function)
        return [layer["Arn"] for layer in found.get("Layers", [])]

    def set_layers(self, function: str, arns: list[str]) -> None:
        """And wait until calls get them."""
        client = self._client("lambda")
        with _translated():
            client.update_function_configuration(FunctionName=function, Layers=arns)
            waiter = client.get_waiter("function_updated_v2")
            waiter.wait(FunctionName=function, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def publish_layer(self, name: str, archive: bytes) -> str:
        """The ARN of a new version."""
        with _translated():
            made = self._client("lambda").publish_layer_version(
                LayerName=name, Content={"ZipFile": archive}, CompatibleRuntimes=["python3.11"]
            )
        return str(made["LayerVersionArn"])

    def delete_layer(self, arn: str) -> None:
        name, version = arn.split(":")[-2:]
        with _translated():
            self._client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        message = said.get("Message", said["Code"])
        raise RefusedError(f"AWS refused {error.operation_name}: {message}") from error
    except WaiterError as error:
        raise RefusedError(f"AWS did not finish in time: {error}") from error
    except BotoCoreError as error:
        raise RefusedError(f"AWS cannot be asked: {error}") from error
