"""What the tests of the engine have in common."""

from tests.workflows.deadlines import eventually
from tests.workflows.machines import machine, task, token_task
from tests.workflows.script import Script

CHAIN = machine("chain", {"A": task("a"), "B": task("b")})
WAITING = machine(
    "waiting", {"T": token_task("t", heartbeat=2, timeout=30), "After": task("after")}
)


def tokens(script: Script) -> list[str]:
    return [payload["task_token"] for payload in script.payloads if "task_token" in payload]


def first_token(script: Script) -> str:
    return eventually(lambda: tokens(script), "the token is handed out")[0]
