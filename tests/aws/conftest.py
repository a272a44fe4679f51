"""AWS for these tests: MiniStack in a process of its own, functions as processes of this Python."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.workflows.deadlines import eventually

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"


@dataclass(frozen=True)
class Aws:
    """`environment` makes a program use it instead of AWS."""

    url: str
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "C2D_"))}
    environment = {
        **clean,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    log = tmp_path_factory.mktemp("ministack") / "log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "ministack.app"],
            env={
                **clean,
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "LAMBDA_EXECUTOR": "local",
                "LOG_LEVEL": "ERROR",
            },
            stdout=written,
            stderr=written,
        )
    try:
        eventually(lambda: _answers(url), "MiniStack answers", 30)
        yield Aws(url, environment)
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
