"""How a deployment ended, in a sentence, and the next command to run."""

from collections.abc import Sequence
from typing import Final

from c2d.models import Deployment, Step
from c2d.render import duration

_AFTER_ERROR: Final = {
    "HealthCheckFailed": "See what it wrote: c2d logs {id} · set the check: "
    "c2d services set {name} --port PORT --health-path PATH",
    "BuildOutOfMemory": "Give builds more memory, or make this one smaller; then: c2d retry {id}",
    "SourceDenied": "Give the platform access to the repository; then: c2d retry {id}",
    "SourceNotFound": "Check the address and the branch: c2d services show {name}",
    "NothingDetected": "Add a Dockerfile, or say how: "
    "c2d services set {name} --start-command COMMAND",
    "AgentLost": "Is the agent running? c2d agents · then: c2d retry {id}",
    "Transient": "Try again: c2d retry {id}",
    "DiskFull": "Make room on the platform's disk; then: c2d retry {id}",
}
_AFTER_STATE: Final = {
    "failed": "The whole log: c2d logs {id} · try again: c2d retry {id}",
    "cancelled": "Start it again: c2d retry {id}",
    "superseded": "A newer deployment took its place: c2d status {name}",
}


def headline(name: str, deployment: Deployment, steps: Sequence[Step]) -> str:
    """What happened to deployment N of a service, and how long it took."""
    subject = f"{name} #{deployment['number']}"
    spent = duration(deployment["duration_ms"])
    if deployment["state"] == "live":
        built = next((s["duration_ms"] for s in steps if s["name"] == "Build"), None)
        part = f", {duration(built)} of it the build" if built else ""
        return f"{subject} is live after {spent}{part}" if spent else f"{subject} is live"
    sentence = {
        "failed": f"{subject} failed",
        "cancelled": f"{subject} was cancelled",
        "superseded": f"{subject} was superseded",
    }.get(deployment["state"], f"{subject} is {deployment['state']}")
    if spent:
        sentence += f" after {spent}"
    return f"{sentence}: {deployment['reason']}" if deployment["reason"] else sentence


def next_step(name: str, deployment: Deployment) -> str | None:
    """The next command after an outcome that is not `live`."""
    state = deployment["state"]
    hint = _AFTER_STATE.get(state)
    if state == "failed":
        hint = _AFTER_ERROR.get(deployment["error"] or "", hint)
    return hint.format(id=deployment["id"], name=name) if hint else None
