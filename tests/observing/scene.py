"""The platform's functions as AWS calls them, over fakes: HTTP, webhooks, the queue, tasks."""

import json
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.generate.events import path_of
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext, invoke
from shared.domain.deployments import Deployment
from shared.domain.jobs import JobKind
from shared.domain.signatures import signature
from shared.runtime.queues import event_of
from shared.settings import Settings
from shared.usecases.addresses import Addresses
from shared.usecases.naming import SettledNames
from shared.usecases.preview_following import PreviewPolicy
from tests.consumers.inbox import SECRET, Inbox
from tests.fakes import limits
from tests.fakes.glances import FakeGlances
from tests.fakes.queue import FakeQueue
from tests.tasks.test_handlers import PATH, WAITING, WITHOUT_LEASE
from tests.usecases.world import ADDRESSES, ORGANIZATION, POLICY, World

API_TOKEN = "c2d_owner-of-this-platform"
AGENT_TOKEN = "c2da_agents-of-this-platform"
REGION = "eu-central-1"
ARNS = {
    machine: f"arn:aws:states:{REGION}:000000000000:stateMachine:test-{machine}:live"
    for machine in ("deploy", "release", "rollback", "compensate")
}
SETTINGS = Settings(
    workflows="step_functions",
    state_machine_arns=json.dumps(ARNS),
    queues="sqs",
    stage="test",
    api_token=API_TOKEN,
    agent_token=AGENT_TOKEN,
    database_url="postgresql://c2d:the-database-password@db.internal/c2d",
)
AT_AN_AGENT = {**WAITING, "deploy.drain": JobKind.DRAIN}


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World()
        self.queue = FakeQueue()
        self.inbox = Inbox(self.world.store, self.queue, workflows=self.world.workflows)
        world, inbox = self.world, self.inbox
        providers: dict[str, Any] = {
            "settings": SETTINGS,
            "workflows": world.workflows,
            "vault": world.vault,
            "compute": world.compute,
            "images": world.compute,
            "networks": world.compute,
            "names": world.names,
            "settled_names": SettledNames(),
            "webhook_queue": self.queue,
            "known_hooks": inbox.known,
            "arrivals": inbox.arrivals(),
            "git_access": inbox.tools().reach,
            "preview_policy": PreviewPolicy(),
            "build_policy": POLICY,
            "access_tokens": None,
            "addresses": Addresses("https://api.example", ADDRESSES),
            "glances": FakeGlances(world.store),
        }
        for name, provider in providers.items():
            monkeypatch.setattr(bootstrap, name, lambda p=provider: p)
        monkeypatch.setattr(bootstrap, "unit_of_work", lambda act=None: world.store.acting(act))
        monkeypatch.setattr(bootstrap, "glance", lambda: world.store)
        monkeypatch.setattr("shared.http.identity.LOCAL_ORGANIZATION", ORGANIZATION)
        limits.install(monkeypatch)

    def http(
        self, name: str, token: str, body: Any = None, *, headers: Any = None, **ids: object
    ) -> Any:
        """Call an endpoint's function; the answer's body."""
        event = json.loads(path_of(name).read_text())
        method, path = event["routeKey"].split(" ")
        path = path.format(**ids)
        event |= {"rawPath": path, "body": None if body is None else json.dumps(body)}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["requestContext"]["requestId"] = f"gateway-{uuid4()}"
        event["headers"] |= {"authorization": f"Bearer {token}", **(headers or {})}
        answer = self.call(name, event)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"] or "null")

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        handler = import_module(f"functions.{name}").handler
        answer: dict[str, Any] = handler(event, LocalContext(name))
        return answer

    def push(self, **headers: str) -> dict[str, Any]:
        """A signed push arrives at the webhook's function."""
        body = json.dumps(self.inbox.push()).encode()
        event = json.loads(path_of("webhooks.github").read_text())
        event["headers"] = {
            "x-github-hook-id": self.inbox.hook.provider_hook_id,
            "x-github-event": "push",
            "x-github-delivery": str(uuid4()),
            "x-hub-signature-256": signature(SECRET, body),
            **headers,
        }
        return self.call("webhooks.github", event | {"body": body.decode()})

    def consume(self) -> None:
        """The queue hands what waits to its consumer."""
        found = self.queue.receive(10)
        answer = self.call("consumers.webhooks", event_of(found))
        assert answer == {"batchItemFailures": []}
        for message in found:
            self.queue.finish(message.handle)

    @property
    def started(self) -> dict[str, Any]:
        """The input of the execution that was started last."""
        return dict(list(self.world.workflows.inputs.values())[-1])

    def execute(self, *, fails_at: str | None = None) -> None:
        """Walk the started execution through its states, and be its agent over HTTP."""
        given = self.started
        for step in PATH:
            self.run(step, given)
            if step == fails_at:
                return
            if step == "deploy.build":
                self.world.image("sha256:one")
                output = {"image": "sha256:one", "sha": "a" * 40, "port": 8000}
                self.agent("build", AT_AN_AGENT[step], output)
            elif step in WAITING:
                self.agent("edge", WAITING[step], {})

    def run(self, step: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Invoke one task as its state does."""
        lease = None if step in WITHOUT_LEASE else self.deployment.lease_number
        waits = step in AT_AN_AGENT or step == "deploy.acquire_lease"
        token = {"task_token": f"token-{uuid4()}", "retry": 0} if waits else {}
        return invoke(step, {**given, "lease": lease, **token, **more})

    @property
    def deployment(self) -> Deployment:
        """The one that was started last, as it stands."""
        ids = (UUID(self.started[name]) for name in ("organization_id", "deployment_id"))
        with self.world.store as uow:
            return uow.deployments.get(*ids)

    def agent(self, role: str, kind: JobKind, output: dict[str, Any]) -> None:
        """Be the agent of that role: claim the next job, beat, log, report."""
        while True:
            body = {"agent": "agent-1", "roles": [role]}
            claimed = self.http("api.agent_jobs.claim", AGENT_TOKEN, body)["job"]
            assert claimed is not None, f"no {kind} is queued"
            if claimed["kind"] != JobKind.WATCH:
                break
        assert claimed["kind"] == kind
        job, token = claimed["id"], claimed["token"]
        self.http("api.agent_jobs.heartbeat", token, {}, job_id=job)
        line = {"at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "it builds"}
        self.http("api.agent_jobs.logs", token, {"chunk": 0, "lines": [line]}, job_id=job)
        result = {"outcome": "succeeded", "output": output}
        self.http("api.agent_jobs.result", token, result, job_id=job)
