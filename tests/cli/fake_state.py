"""What the fake control plane knows, and the scripts its deployments run through."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

TERMINAL = {"live", "failed", "cancelled", "superseded"}
HOLD_SECONDS = 20

Act = tuple[Any, ...]


def now() -> str:
    return datetime.now(UTC).isoformat()


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def succeed() -> list[Act]:
    """An ordinary deployment."""
    return [
        ("state", "building"),
        ("step", "Build"),
        ("log", "Step 1/3", "Step 2/3", "Step 3/3"),
        ("done", "Build"),
        ("state", "releasing"),
        ("step", "HealthGate"),
        ("done", "HealthGate"),
        ("end", "live", None, None),
    ]


def fail(error: str, reason: str, lines: int = 40) -> list[Act]:
    """A build that writes lines and fails."""
    return [
        ("state", "building"),
        ("step", "Build"),
        ("log", *(f"line {number}" for number in range(1, lines + 1))),
        ("broken", "Build", reason),
        ("end", "failed", error, reason),
    ]


@dataclass
class World:
    """One organisation's things. `changed` wakes long polls."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    logs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    variables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    runtime: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    scripts: list[list[Act]] = field(default_factory=list)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def gate(self, name: str) -> threading.Event:
        return self.gates.setdefault(name, threading.Event())

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def add_project(self, name: str, description: str = "") -> dict[str, Any]:
        project = {
            "id": str(uuid4()),
            "name": name,
            "slug": slug(name),
            "description": description,
            "created_at": now(),
            "updated_at": now(),
            "deleting": False,
        }
        self.projects[project["id"]] = project
        return project

    def add_service(self, project: dict[str, Any], name: str, **given: Any) -> dict[str, Any]:
        service = {
            "id": str(uuid4()),
            "project_id": project["id"],
            "name": name,
            "slug": slug(name),
            "state": "new",
            "state_reason": None,
            "url": f"http://{slug(name)}-{project['slug']}.localhost:7080",
            "source": None,
            "build": {},
            "run": {"port": None, "drain_seconds": 30, "start_command": None},
            "health": {"path": None, "timeout_seconds": 60},
            "limits": {"cpus": 1.0, "memory_mb": 512, "pids": 512},
            "overlap": "latest_wins",
            "autodeploy": True,
            "deletion_protection": False,
            "env_version": 0,
            "running": None,
            "created_at": now(),
            "updated_at": now(),
            **given,
        }
        self.services[service["id"]] = service
        self.variables[service["id"]] = {}
        return service

    def start(self, service: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Make a deployment and run the next script through it."""
        number = 1 + sum(d["service_id"] == service["id"] for d in self.deployments.values())
        deployment: dict[str, Any] = {
            "id": str(uuid4()),
            "service_id": service["id"],
            "project_id": service["project_id"],
            "number": number,
            "state": "queued",
            "trigger": "api",
            "actor": "owner",
            "attempt": 1,
            "ref": None,
            "sha": "0123456789abcdef0123456789abcdef01234567",
            "image": None,
            "commit_message": "Say hello\n\nA longer text",
            "commit_author": "Ada",
            "release_id": None,
            "rollback_of": None,
            "cancel_requested": False,
            "reason": None,
            "error": None,
            "waiting_for": None,
            "url": service["url"],
            "execution": {"name": f"execution-{number}", "url": None},
            "created_at": now(),
            "started_at": None,
            "ended_at": None,
            "duration_ms": None,
            **given,
        }
        self.deployments[deployment["id"]] = deployment
        self.steps[deployment["id"]] = []
        self.logs[deployment["id"]] = []
        self.run(deployment)
        return deployment

    def run(self, deployment: dict[str, Any]) -> None:
        script = self.scripts.pop(0) if self.scripts else succeed()
        threading.Thread(target=self._play, args=(deployment, script), daemon=True).start()

    def _play(self, deployment: dict[str, Any], script: Sequence[Act]) -> None:
        for act in script:
            if act[0] == "hold":
                self.gate(act[1]).wait(HOLD_SECONDS)
                continue
            with self.changed:
                if deployment["state"] in TERMINAL:
                    return
                getattr(self, f"_{act[0]}")(deployment, *act[1:])
                self.changed.notify_all()

    def _state(
        self, deployment: dict[str, Any], state: str, waiting_for: str | None = None
    ) -> None:
        deployment.update(state=state, waiting_for=waiting_for)

    def _step(self, deployment: dict[str, Any], name: str, tries: int = 1) -> None:
        self.steps[deployment["id"]].append(
            {
                "attempt": deployment["attempt"],
                "name": name,
                "started_at": now(),
                "ended_at": None,
                "outcome": "running",
                "tries": tries,
                "duration_ms": None,
                "error": None,
                "reason": None,
                "detail": None,
            }
        )

    def _done(self, deployment: dict[str, Any], name: str) -> None:
        self._finish(deployment, name, "succeeded", None)

    def _broken(self, deployment: dict[str, Any], name: str, reason: str) -> None:
        self._finish(deployment, name, "failed", reason)

    def _finish(self, deployment: dict[str, Any], name: str, outcome: str, reason: Any) -> None:
        step = next(s for s in reversed(self.steps[deployment["id"]]) if s["name"] == name)
        step.update(outcome=outcome, reason=reason, ended_at=now(), duration_ms=1234)

    def _log(self, deployment: dict[str, Any], *texts: str) -> None:
        log = self.logs[deployment["id"]]
        for text in texts:
            log.append(
                {
                    "sequence": len(log) + 1,
                    "at": now(),
                    "source": "build",
                    "stream": "stdout",
                    "text": text,
                }
            )

    def _end(self, deployment: dict[str, Any], state: str, error: Any, reason: Any) -> None:
        service = self.services[deployment["service_id"]]
        deployment.update(
            state=state, error=error, reason=reason, ended_at=now(), duration_ms=12_300
        )
        if state == "live":
            deployment["release_id"] = str(uuid4())
            service["state"] = "live"
            service["running"] = {
                "release_number": deployment["number"],
                "deployment_id": deployment["id"],
                "env_version": service["env_version"],
                "image": "sha256:" + "a" * 64,
                "sha": deployment["sha"],
                "since": now(),
                "healthy": True,
                "health_reason": None,
            }

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait for something to be so; fails the test that waits in vain."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came to be"
            self.wait(condition, 0.05)
