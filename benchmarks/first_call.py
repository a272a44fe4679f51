"""Run by its path, in a process of its own: import a handler, call it once, say what that cost.

python first_call.py MODULE EVENT.json    a function
python first_call.py database|aws|both    a floor: what such a function cannot do without
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any


def cpu_ms() -> float:
    """User and system time of all threads since the process began."""
    used = getrusage(RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


class Context:
    """What Lambda says of an invocation, as far as anybody reads it."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "bench-request"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 28_000


def function(module: str, event: Path) -> tuple[float, Any]:
    """CPU time of the import, and the answer."""
    given = json.loads(event.read_text())
    begun = cpu_ms()
    handler = import_module(module).handler
    imported = cpu_ms() - begun
    return imported, handler(given, Context)


def floor(kind: str) -> tuple[float, Any]:
    """Nothing but the packages, one query and one client."""
    begun = cpu_ms()
    if kind != "aws":
        _query()
    if kind != "database":
        _client()
    return cpu_ms() - begun, {}


def _query() -> None:
    import os
    from uuid import UUID, uuid4

    import psycopg
    from pydantic import BaseModel
    from sqlalchemy import create_engine, text

    class Input(BaseModel):
        id: UUID
        name: str = "web"

    assert psycopg.__version__
    url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
    with create_engine(url).connect() as connection:
        connection.execute(text("SELECT 1")).one()
    Input.model_validate({"id": str(uuid4())})


def _client() -> None:
    import boto3

    boto3.client("sqs")


def main(arguments: list[str]) -> None:
    before = cpu_ms()
    if len(arguments) > 1:
        imported, answer = function(arguments[0], Path(arguments[1]))
    else:
        imported, answer = floor(arguments[0])
    total = cpu_ms() - before
    loaded = len(sys.modules)
    said = {"imported": imported, "total": total, "modules": loaded, "answer": answer}
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1:])
