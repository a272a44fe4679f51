"""An engine in a process of its own, to be killed: `python -m tests.workflows.engine_process`.

Reads one JSON object on its standard input: the database, the machines' documents, what each
function does (`return`, `answer` its token, `fail` as Transient, or `block`), the journal to
which it writes each call before it acts, and the executions to start.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from shared.adapters.asl import parse
from shared.adapters.dbos import DbosWorkflows, EngineSettings
from shared.domain.errors import Transient
from shared.ports.workflows import JSON, Workflows


class Functions:
    def __init__(self, plan: dict[str, str], journal: Path) -> None:
        self._plan = plan
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.workflows: Workflows | None = None

    def __call__(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        entry = {"function": function, "token": payload.get("task_token")}
        os.write(self._journal, (json.dumps(entry) + "\n").encode())
        match self._plan.get(function, "return"):
            case "block":
                threading.Event().wait()
            case "fail":
                raise Transient("as scripted")
            case "answer":
                assert self.workflows is not None
                self.workflows.succeed(payload["task_token"], {"lease": 7})
        return {"pre_deploy": True}


def main() -> None:
    given = json.load(sys.stdin)
    machines = {name: parse(document, name) for name, document in given["machines"].items()}
    functions = Functions(given["plan"], Path(given["journal"]))
    settings = EngineSettings(lock_seconds=20)
    engine = DbosWorkflows(given["database"], machines, functions, _nowhere, settings)
    functions.workflows = engine
    engine.launch()
    for machine, execution in given["start"]:
        engine.start(machine, execution, {})
    threading.Event().wait()


def _nowhere(queue: str, body: JSON) -> None:
    raise AssertionError(f"nothing should be sent to {queue}: {body}")


if __name__ == "__main__":
    main()
