"""The emulated AWS: a process of MiniStack that runs functions in containers of a network."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.e2e.platform import docker, free_port
from tests.emulated.relay import Relay, relay
from tests.emulator import ministack
from tests.networks import own_network

ROOT = Path(__file__).parents[2]
REGION, ACCOUNT = "us-east-1", "000000000000"
ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "C2D_"))},
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
AT_ONCE = 16
"""Functions that run at the same time: each has a container, and who gave up has called again."""


@dataclass
class Cloud:
    """`address` is this machine in the containers' network, `url` AWS's endpoint here."""

    url: str
    address: str
    network: str
    log: Path
    calls: Relay
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def secret(self, name: str, value: Mapping[str, str]) -> str:
        """The ARN of a new secret."""
        made = self.client("secretsmanager").create_secret(
            Name=name, SecretString=json.dumps(value)
        )
        return str(made["ARN"])

    # --- what was deployed ----------------------------------------------------------------

    def stacks(self) -> list[str]:
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in found]

    def template(self, stack: str) -> dict[str, Any]:
        """The transformed one."""
        client = self.client("cloudformation")
        body = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        return dict(json.loads(body) if isinstance(body, str) else body)

    def resources(self, stack: str) -> dict[str, str]:
        """Physical ids by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages.paginate(StackName=stack)
            for found in page["StackResourceSummaries"]
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """Configurations by logical id."""
        found: dict[str, dict[str, Any]] = {}
        by_name = {
            function["FunctionName"]: function
            for page in self.client("lambda").get_paginator("list_functions").paginate()
            for function in page["Functions"]
        }
        for stack in self.stacks():
            for logical, physical in self.resources(stack).items():
                if physical in by_name:
                    found[logical] = by_name[physical]
        return found

    # --- acting ---------------------------------------------------------------------------

    def call(self, function: str, payload: Mapping[str, Any]) -> bytes:
        """Call a function by its name, whatever comes of it."""
        answer = self.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(payload).encode()
        )
        said: bytes = answer["Payload"].read()
        return said

    def containers(self) -> list[str]:
        return docker("ps", "-aq", "--filter", f"network={self.network}").split()


@contextmanager
def emulated(folder: Path) -> Iterator[Cloud]:
    """AWS until the block ends; every container it made ends with it."""
    with ExitStack() as stack:
        name = f"c2d-emulated-{free_port()}"
        address = stack.enter_context(own_network(name))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        calls = stack.enter_context(relay(address, url))
        log = folder / "ministack.log"
        environment = _environment(folder, port, name, f"http://{address}:{calls.port}")
        program = ("-m", "tests.emulated.ministack_process")
        stack.enter_context(ministack(url, program, environment, folder=ROOT, log=log))
        yield Cloud(url, address, name, log, calls)


def _environment(folder: Path, port: int, network: str, endpoint: str) -> dict[str, str]:
    for name in ("tmp", "layers"):
        (folder / name).mkdir()
    return {
        **ENVIRONMENT,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_DOCKER_TIMEOUT": "120",
        "LAMBDA_EXECUTOR": "docker",
        "LAMBDA_STRICT": "1",
        "LAMBDA_ACCOUNT_CONCURRENCY": str(AT_ONCE),
        "LAMBDA_DOCKER_NETWORK": network,
        "AWS_ENDPOINT_URL": endpoint,
        "TMPDIR": str(folder / "tmp"),
        "MERGED_LAYERS": str(folder / "layers"),
    }
