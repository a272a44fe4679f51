"""Lambda's execution environments as processes, each with an engine of its own.

python -m tests.adapters.pgbouncer.fleet PLAN

It imports the handlers once, as an environment does at its start, and forks one process for each
list of the plan's requests. All begin together; each sends its own one after the other and adds
a line for each answer to the file `PLAN.answers`. Only AWS itself is absent: queue and
workflows are in memory. `scale` lengthens the patience of all: on Lambda each has a processor of
its own, here hundreds share a few.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.adapters.postgres import engine
from shared.ports import patience
from tests.fakes.queue import FakeQueue
from tests.fakes.workflows import FakeWorkflows

_waited: list[float] = []
_CACHES = ("engine", "limiter", "known_hooks", "arrivals")


def main(plan_file: str) -> None:
    plan = json.loads(Path(plan_file).read_text())
    logging.disable(logging.CRITICAL)
    bootstrap.webhook_queue = lambda: queue  # type: ignore[assignment,misc]
    bootstrap.workflows = lambda: workflows  # type: ignore[assignment,misc]
    queue, workflows = FakeQueue(), FakeWorkflows()
    _measure_patience(plan["scale"])
    for request in plan["warm"]:
        answered(request)
    bootstrap.engine().dispose()
    for name in _CACHES:
        getattr(bootstrap, name).cache_clear()
    gc.freeze()
    answers = os.open(f"{plan_file}.answers", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    everybody_is_there, begin = os.pipe()
    children = [_child(each, everybody_is_there, begin, answers) for each in plan["environments"]]
    os.close(everybody_is_there)
    os.close(begin)
    for child in children:
        os.waitpid(child, 0)


def _measure_patience(scale: float) -> None:
    class Measured(patience.Patience):
        def __init__(self, seconds: float) -> None:
            super().__init__(seconds * scale)
            _waited.append(0.0)

        def spend(self, seconds: float) -> None:
            super().spend(seconds)
            _waited[-1] += seconds

    patience.Patience = Measured  # type: ignore[misc]
    engine._POOLER_SECONDS = round(engine._POOLER_SECONDS * scale)  # type: ignore[misc]


def _child(requests: list[dict[str, Any]], wait: int, other_end: int, answers: int) -> int:
    child = os.fork()
    if child:
        return child
    os.close(other_end)
    os.read(wait, 1)  # ends when the parent has closed it: all have been made
    status = 1
    try:
        asyncio.set_event_loop(asyncio.new_event_loop())
        for request in requests:
            os.write(answers, (json.dumps(answered(request)) + "\n").encode())
        status = 0
    finally:
        os._exit(status)


def answered(request: dict[str, Any]) -> dict[str, Any]:
    """Invoke one function as API Gateway does."""
    handler = import_module(f"functions.{request['function']}").handler
    began = time.monotonic()
    answer = handler(request["event"], LocalContext(request["function"]))
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return {
        "function": request["function"],
        "status": answer["statusCode"],
        "seconds": time.monotonic() - began,
        "waited": _waited[-1],
        "kind": headers.get("content-type"),
        "retry_after": headers.get("retry-after"),
        "body": answer["body"][:300],
    }


if __name__ == "__main__":
    main(sys.argv[1])
