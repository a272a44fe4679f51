"""One function, one `sam local invoke` in a container, one verdict."""

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.sam.bench import Bench, bench
from tests.sam.command import ROOT, run
from tests.sam.local_stacks import LocalFunction, layer_cache
from tests.sam.servers import Servers

SECONDS: Final = 180
REFUSED: Final = {
    "api.git.callback": (422, "Invalid"),  # no provider sends a browser without a state
    "api.git.confirm": (404, "NotFound"),  # nothing was begun
}
"""What no sample can ask for: it needs what a person does at a browser in between."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is HTTP's, else one word; `reason` says why it is none that was wanted."""

    function: str
    event: str
    status: str
    seconds: float
    reason: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason


def invoke(servers: Servers, function: LocalFunction, number: int) -> Outcome:
    """Set the scene, invoke, judge. The time is that of `sam local invoke` alone."""
    if not function.event.exists():
        return outcome_of(function, "no event", 0.0, f"{function.event} is missing")
    with bench(servers, number, function.name) as made:
        begun = time.monotonic()
        try:
            status, reason = judged(function.name, *_invoked(function, made))
        except subprocess.TimeoutExpired:
            status, reason = "no answer", f"none within {SECONDS} s"
        return outcome_of(function, status, time.monotonic() - begun, reason)


def outcome_of(function: LocalFunction, status: str, seconds: float, reason: str) -> Outcome:
    event = str(function.event.relative_to(ROOT))
    return Outcome(function.name, event, status, seconds, reason)


def _invoked(function: LocalFunction, made: Bench) -> tuple[str, str]:
    """What the function answered, and its log."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as variables:
        json.dump({"Parameters": made.environment}, variables)
        variables.flush()
        done = run(
            *("local", "invoke", function.logical_id, "--template", str(function.template)),
            *("--event", str(function.event), "--env-vars", variables.name),
            *("--docker-network", made.network, "--skip-pull-image"),
            *("--layer-cache-basedir", str(layer_cache(function.stack.parent))),
            seconds=SECONDS,
        )
    # the runtime's complaint that the container is being stopped is no part of the function's log
    return done.stdout, done.stderr.partition("LAMBDA_RUNTIME Failed to get next")[0]


def judged(name: str, answer: str, log: str) -> tuple[str, str]:
    """A status, and why it is a failure if it is one."""
    try:
        said = json.loads(answer.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return "no answer", log[-1500:]
    if not isinstance(said, dict):
        return "no answer", answer
    if "errorType" in said:
        return str(said["errorType"]), f"{said.get('errorMessage')}\n{log[-1500:]}"
    if "statusCode" in said:
        return _of_http(name, said)
    if said.get("batchItemFailures") or said.get("isAuthorized") is False:
        return "refused", f"{answer}\n{log[-1500:]}"
    broken = [line for line in log.splitlines() if '"step failed"' in line]
    return ("failed", "\n".join(broken)) if broken else ("ok", "")


def _of_http(name: str, said: dict[str, Any]) -> tuple[str, str]:
    status, body = int(said["statusCode"]), str(said.get("body"))
    if 200 <= status < 400:
        return str(status), ""
    wanted = REFUSED.get(name)
    if wanted is not None and (status, json.loads(body)["type"]) == wanted:
        return f"{status} {wanted[1]}", ""
    return str(status), body
