"""What functions in containers reach on this machine: PostgreSQL over TCP, and an AWS."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from shared.adapters.step_functions import CLIENT_CONFIG
from tests.e2e.platform import free_port
from tests.emulated import postgres
from tests.emulator import ministack
from tests.networks import own_network

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Servers:
    """Both listen on `address`, this machine's in a network of the functions' own.

    The platform's firewall closes this machine to containers of the default bridge.
    """

    network: str
    address: str
    database_port: int
    aws_url: str
    key_id: str

    def client(self, service: str) -> Any:
        return _client(service, self.aws_url)

    def database_url(self, name: str) -> str:
        return postgres.Server(self.database_port).url(self.address, name)


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Until the block ends; `folder` must be reachable for the database's user."""
    with ExitStack() as stack:
        name = f"c2d-sam-local-{os.getpid()}"
        address = stack.enter_context(own_network(name))
        database = stack.enter_context(postgres.server(folder / "postgres", address))
        url = stack.enter_context(_ministack(folder, address))
        key = _client("kms", url).create_key()["KeyMetadata"]["KeyId"]
        yield Servers(name, address, database.port, url, key)


@contextmanager
def on_loopback(folder: Path) -> Iterator[Servers]:
    """The same for processes of this machine: no container reaches them."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres.server(folder / "postgres", "127.0.0.1"))
        url = stack.enter_context(_ministack(folder, "127.0.0.1"))
        key = _client("kms", url).create_key()["KeyMetadata"]["KeyId"]
        yield Servers("", "127.0.0.1", database.port, url, key)


@contextmanager
def _ministack(folder: Path, address: str) -> Iterator[str]:
    port = free_port()
    url = f"http://{address}:{port}"
    environment = {**os.environ, "BIND_HOST": address, "GATEWAY_PORT": str(port)}
    environment |= {"IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "ERROR"}
    program = ("-c", "from ministack.app import main; main()")
    with ministack(url, program, environment, folder=folder, log=folder / "ministack.log"):
        yield url


def _client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )
