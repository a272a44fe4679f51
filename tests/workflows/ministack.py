"""An emulator of AWS for the run: its Step Functions are the second opinion on a workflow."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from shared.adapters.step_functions import CLIENT_CONFIG, StepFunctions
from tests.workflows.deadlines import eventually

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::000000000000:role/workflows"
MACHINES = "arn:aws:states:us-east-1:000000000000:stateMachine:"
_REFERENCES = {
    "StateMachineArn": MACHINES,
    "QueueUrl": "http://sqs.us-east-1.amazonaws.com/000000000000/",
}
"""What stands before a name in the definitions of AWS."""

Invoke = Callable[[str, dict[str, Any]], Any]


@dataclass
class MiniStack:
    """`invoke` plays every function; set it before an execution starts."""

    url: str
    invoke: Invoke | None = None
    functions: set[str] = field(default_factory=set)

    @cached_property
    def states(self) -> Any:
        return self._client("stepfunctions")

    def create(self, documents: Mapping[str, Mapping[str, Any]], functions: Iterable[str]) -> None:
        """Make the machines and the functions; machines refer to each other by name."""
        for function in sorted(set(functions) - self.functions):
            self._client("lambda").create_function(
                FunctionName=function,
                Runtime="python3.11",
                Role=ROLE,
                Handler="index.handler",
                Code={"ZipFile": _archive()},
            )
            self.functions.add(function)
        for name, document in documents.items():
            definition = json.dumps(_with_arns(document))
            try:
                self.states.create_state_machine(name=name, definition=definition, roleArn=ROLE)
            except ClientError:
                self.states.update_state_machine(
                    stateMachineArn=MACHINES + name, definition=definition
                )

    def consume(self, queue: str, invoke: Invoke, stop: threading.Event) -> None:
        """Pass messages on as calls of `queue:<name>`, until told to stop."""
        client = self._client("sqs")
        url = client.create_queue(QueueName=queue)["QueueUrl"]
        while not stop.is_set():
            received = client.receive_message(QueueUrl=url, WaitTimeSeconds=0)
            for message in received.get("Messages", []):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                invoke(f"queue:{queue}", json.loads(message["Body"]))
            stop.wait(0.02)

    def workflows(self, machines: Iterable[str]) -> StepFunctions:
        return StepFunctions(self.states, {name: MACHINES + name for name in machines})

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=CLIENT_CONFIG,
        )


@pytest.fixture(scope="session")
def ministack() -> Iterator[MiniStack]:
    port = _free_port()
    stack = MiniStack(f"http://127.0.0.1:{port}")
    server = _script_server(stack)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.workflows.ministack_process"],
        cwd=ROOT,
        env={
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SFN_WAIT_SCALE": "0.01",
            "LOG_LEVEL": "ERROR",
            "SCRIPT_URL": f"http://127.0.0.1:{server.server_port}",
        },
    )
    try:
        eventually(lambda: _answers(stack.url), "MiniStack answers", 30)
        yield stack
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        server.server_close()


def _script_server(stack: MiniStack) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(_call(stack.invoke, asked["function"], asked["payload"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _call(invoke: Invoke | None, function: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What Lambda's runtime makes of a return or a raise."""
    assert invoke is not None
    try:
        return {"body": invoke(function, payload), "error": False}
    except Exception as error:  # noqa: BLE001 - the runtime reports whatever is raised
        body = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
        return {"body": body, "error": True}


def _with_arns(document: Any) -> Any:
    """The document with the names of machines and queues as AWS refers to them."""
    if isinstance(document, Mapping):
        return {
            key: _REFERENCES[key] + value if key in _REFERENCES else _with_arns(value)
            for key, value in document.items()
        }
    return [_with_arns(item) for item in document] if isinstance(document, list) else document


def _archive() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("index.py", "def handler(event, context):\n    return event\n")
    return archive.getvalue()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
