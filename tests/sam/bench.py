"""Everything one invocation acts on: a database, machines, queues, a Git provider, an agent."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from shared.adapters.kms import KmsVault
from shared.adapters.postgres.engine import make_engine
from shared.domain.access import LOCAL_ORGANIZATION
from shared.machines import MACHINES
from tests.emulated.postgres import DATABASE
from tests.sam.agent import CloudAgent
from tests.sam.rows import REPOSITORY
from tests.sam.scenes import Scene, as_owner
from tests.sam.servers import Servers
from tests.standins.github import GitHubServer

ROLE = "arn:aws:iam::000000000000:role/workflows"


@dataclass(frozen=True, slots=True)
class Bench:
    """`environment` is what the function is told, `network` where it reaches all that."""

    environment: dict[str, str]
    network: str
    scene: Scene
    provider: GitHubServer


@contextmanager
def bench(servers: Servers, number: int, function: str) -> Iterator[Bench]:
    """A bench of a function's own until the block ends; `number` tells it from others."""
    url = _database(servers, number)
    engine = make_engine(url, pool_size=2)
    queues = {name: _queue(servers, f"{name}-{number}.fifo") for name in QUEUES}
    engines = _Machines(servers, number)
    host = type("Host", (GitHubServer,), {"host": servers.address})
    with tempfile.TemporaryDirectory() as folder, host(Path(folder)) as provider:
        provider.add_repository(REPOSITORY, {"package.json": '{"scripts": {"start": "node ."}}'})
        vault = KmsVault(servers.client("kms"), servers.key_id, "local")
        with as_owner():
            scene = Scene(engine, vault, engines.start)
            scene.set(function, provider)
        environment = {
            "DATABASE_URL": url,
            "AWS_ENDPOINT_URL": servers.aws_url,
            "C2D_STATE_MACHINE_ARNS": json.dumps(engines.arns),
            "C2D_QUEUE_URLS": json.dumps(queues),
            "C2D_KMS_KEY_ID": servers.key_id,
            "C2D_API_TOKEN": "c2d_sample",
            "C2D_AGENT_TOKEN": "c2da_sample",
            "C2D_DOMAIN": "localhost",
            "C2D_PLATFORM_ID": "local",
            "C2D_OIDC_ISSUER": "",
            "C2D_OIDC_AUDIENCE": "",
            "C2D_OPERATOR_ORGANIZATION": str(LOCAL_ORGANIZATION),
            "C2D_ALLOW_PRIVATE_GIT": "true",
            "C2D_COMPUTE_SECONDS": "15",
            "C2D_GITHUB_URL": provider.url,
            "C2D_GITHUB_CLIENT_ID": provider.app.client_id,
            "C2D_GITHUB_CLIENT_SECRET": provider.app.client_secret,
        }
        with CloudAgent(engine, scene):
            yield Bench(environment, servers.network, scene, provider)
    engine.dispose()


QUEUES = ("webhooks", "webhooks-dead")


def _database(servers: Servers, number: int) -> str:
    """A copy of the migrated one, which nobody is connected to."""
    name = f"bench_{number}"
    with psycopg.connect(servers.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE}".encode())
    return servers.database_url(name)


def _queue(servers: Servers, name: str) -> str:
    made = servers.client("sqs").create_queue(
        QueueName=name, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    return str(made["QueueUrl"])


class _Machines:
    """State machines of one bench: each has one state, which waits for its task token."""

    def __init__(self, servers: Servers, number: int) -> None:
        self._states = servers.client("stepfunctions")
        self._sqs = servers.client("sqs")
        self._tokens = str(self._sqs.create_queue(QueueName=f"tokens-{number}")["QueueUrl"])
        definition = json.dumps(_waiting(self._tokens))
        self.arns: dict[str, str] = {
            name: self._states.create_state_machine(
                name=f"{name}-{number}", definition=definition, roleArn=ROLE
            )["stateMachineArn"]
            for name in MACHINES
        }

    def start(self, machine: str, execution: str) -> str:
        """The task token of a new execution."""
        self._states.start_execution(stateMachineArn=self.arns[machine], name=execution, input="{}")
        found = self._sqs.receive_message(QueueUrl=self._tokens, WaitTimeSeconds=5)
        [message] = found.get("Messages") or [None]
        assert message is not None, f"{execution} does not wait for its task token"
        return str(json.loads(message["Body"])["token"])


def _waiting(queue: str) -> dict[str, Any]:
    return {
        "StartAt": "Wait",
        "States": {
            "Wait": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
                "TimeoutSeconds": 3600,
                "End": True,
            }
        },
    }
