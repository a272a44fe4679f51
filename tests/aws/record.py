"""`python -m tests.aws.record` notes what this release sends, for its successors to take in."""

import ast
import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from infra.agent.control import ControlPlane
from infra.generate.functions import ROOT, schedules
from infra.migrations import run
from infra.migrations.run import newest
from shared import VERSION, machines
from shared.adapters.local_lambda import substitution
from shared.domain.ids import now
from shared.ports.queues import Message
from shared.runtime.queues import event_of
from shared.usecases.arrivals import message_of
from tests.aws.stories import BUILT, STORIES, Playing
from tests.databases import Cluster

FOLDER: Final = Path(__file__).parent / "recorded"
RELEASES: Final = sorted(path.name for path in FOLDER.iterdir())
"""Every release whose executions, messages and agents may still be there."""
ERROR: Final = {"type": "BuildFailed", "reason": "it does not build"}


@cache
def recorded(release: str, name: str) -> Any:
    """What a release sent."""
    return json.loads((FOLDER / release / f"{name}.json").read_text())


def recording(database: str) -> dict[str, Any]:
    """File name → what this release sends."""
    return {
        **{name: _story(name, database) for name in STORIES},
        "definitions": definitions(),
        "messages": {"webhooks": event_of([_message()])},
        "schedules": {schedule.name: {} for schedule in schedules()},
        "agent": agent_calls(),
        "migrations": {"head": newest(), "library": library_of_migrations()},
    }


def _story(name: str, database: str) -> dict[str, Any]:
    playing = Playing(database)
    return {"ends": playing.play(name), "entries": playing.entries}


def definitions() -> dict[str, list[str]]:
    """Machine → the functions that executions of it call by name until they end."""
    names = {substitution(name): name for name in machines.FUNCTIONS}
    found = {}
    for machine in machines.MACHINES:
        text = (ROOT / "infra" / "workflows" / f"{machine}.asl.yaml").read_text()
        states = yaml.safe_load(text)["States"].values()
        called = {s.get("Arguments", {}).get("FunctionName", "").strip("${}") for s in states}
        found[machine] = sorted(names[each] for each in called & names.keys())
    return found


def library_of_migrations() -> list[str]:
    """What the code around migrations takes of the library: before a release, that is the earlier
    release's."""
    return sorted(
        f"{node.module}.{alias.name}"
        for path in run.FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared.")
        for alias in node.names
    )


def _message() -> Message:
    from tests.consumers.made import a_delivery
    from tests.fakes.git_provider import FakeProvider
    from tests.fakes.vault import FakeVault
    from tests.usecases.connections import a_connection, a_hook
    from tests.usecases.world import ORGANIZATION

    vault = FakeVault()
    connection = a_connection(FakeProvider(), vault, ORGANIZATION)
    queued = message_of(a_delivery(a_hook(connection, vault)))
    return Message("handle", queued.body, queued.group, 1)


def agent_calls() -> list[dict[str, Any]]:
    """What the agent's own client sends, call by call."""
    sent: list[dict[str, Any]] = []
    job = {"id": "{job}", "kind": "build", "token": "{token}", "spec": {}, "attempt": 1}

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        sent.append({"method": request.method, "path": request.url.path, "body": body})
        return httpx.Response(200, json={"job": job, "cancel": False})

    control = ControlPlane("http://api.example", "t", transport=httpx.MockTransport(answer))
    claim = control.claim("agent-1", ["build"], 0.0, version=VERSION, capacity=2, running=0).claim
    assert claim is not None
    line = {"at": now().isoformat(), "stream": "stdout", "text": "hello"}
    control.give_back(claim)
    control.heartbeat(claim, [])
    control.logs(claim, json.dumps({"chunk": 0, "lines": [line]}).encode())
    control.secrets(claim)
    control.result(claim, {"outcome": "succeeded", "output": BUILT})
    control.result(claim, {"outcome": "failed", "output": {}, "error": ERROR})
    control.close()
    return sent


def written(found: dict[str, Any]) -> dict[str, str]:
    return {f"{name}.json": json.dumps(each, indent=1) + "\n" for name, each in found.items()}


def main() -> int:
    folder = FOLDER / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="c2d-") as made,
        Cluster.started(Path(made)) as server,
        server.empty_database() as url,
    ):
        found = recording(url)
    for name, text in written(found).items():
        (folder / name).write_text(text)
        sys.stdout.write(f"{folder.relative_to(ROOT) / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
