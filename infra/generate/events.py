"""A sample event for every function, as `sam local invoke -e` takes it."""

import json
import re
from pathlib import Path
from typing import Any, Final

from infra.generate.functions import (
    ROOT,
    Endpoint,
    Function,
    consumers,
    edge,
    endpoints,
    listeners,
    operations,
    schedules,
    tasks,
    webhooks,
)
from shared.domain import payloads
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.signatures import signature

FOLDER: Final = ROOT / "events"
SAMPLE_ID: Final = "00000000-0000-4000-8000-000000000001"
SAMPLES: Final = {
    "key": "KEY",
    "name": "agent-1",
    "number": "1",
    "owner": "acme",
    "provider": "github",
    "repo": "web",
}
"""Parts of a path that are no ids."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "api.projects.create": {"name": "blog"},
    "api.projects.update": {"description": "everything we sell"},
    "api.services.create": {
        "name": "web",
        "source": {"repository_url": "https://git.example/acme/web.git", "branch": "main"},
    },
    "api.services.update": {"run": {"port": 8000}, "health": {"path": "/up"}},
    "api.git.confirm": {"code": "ABCD-2345"},
    "api.deployments.create": {"ref": "main"},
    "api.previews.approve": {"sha": "0" * 40},
    "api.canvas.save": {"document": {"nodes": [], "viewport": {"x": 0, "y": 0, "zoom": 1}}},
    "api.agents.create_token": {"name": "builders", "roles": ["build"]},
    "api.tokens.create": {"name": "ci", "scopes": ["read", "deploy"]},
    "api.variables.create": {"key": "GREETING", "value": "hello"},
    "api.variables.update": {"value": "good morning"},
    "api.variables.replace": {"variables": [{"key": "GREETING", "value": "hello"}]},
    "api.agent_jobs.claim": {"agent": "builder-1", "roles": ["build"]},
    "api.agent_jobs.heartbeat": {"observations": []},
    "api.agent_jobs.logs": {
        "chunk": 0,
        "lines": [{"at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "hello"}],
    },
    "api.agent_jobs.result": {
        "outcome": "succeeded",
        "output": {"image": "sha256:" + "0" * 64, "sha": "0" * 40, "port": 8000},
    },
}
TASK: Final = {
    "organization_id": str(LOCAL_ORGANIZATION),
    "service_id": SAMPLE_ID,
    "deployment_id": SAMPLE_ID,
    "correlation_id": SAMPLE_ID,
    "version": payloads.VERSION,
    "attempt": 1,
    "entry": "build",
    "lease": 1,
    "retry": 0,
    "task_token": "sample-token",
}
EXTRA: Final[dict[str, dict[str, Any]]] = {
    "deploy.acquire_lease": {"lease": None},
    "deploy.drain": {"lease": None},
    "deploy.mark_failed": {"error": "BuildFailed", "cause": "it does not build"},
    "deploy.post_status": {"lease": None},
    "deploy.retire_old": {"lease": None},
}
"""Before it is granted and after it was given back nobody has a lease."""
OPERATIONS: Final = {"operations.migrate": {"dry_run": True}}


def render() -> dict[Path, str]:
    """Every event's file and what it should hold."""
    http = {path_of(e.name): _http(e) for e in endpoints()}
    state = {path_of(f"tasks.{t.name}"): {**TASK, **EXTRA.get(t.name, {})} for t in tasks()}
    clock: dict[Path, Any] = {path_of(s.name): {} for s in schedules()}
    asked: dict[Path, Any] = {path_of(o.name): OPERATIONS.get(o.name, {}) for o in operations()}
    hooks = {path_of(w.name): _webhook(w) for w in webhooks()}
    queued = {path_of(c.name): _batch(c) for c in consumers()}
    before: dict[Path, Any] = {path_of(e.name): _authorizer() for e in edge()}
    told = {path_of(e.name): _ended() for e in listeners()}
    made = {**http, **state, **clock, **before, **hooks, **queued, **asked, **told}
    return {path: json.dumps(event, indent=2) + "\n" for path, event in made.items()}


def _authorizer() -> dict[str, Any]:
    """What API Gateway asks before an endpoint."""
    [asked] = [e for e in endpoints() if e.name == "api.me.get"]
    event = _http(asked)
    token = "c2d_" + "sample-" * 4
    return {
        **event,
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:000000000000:sample/$default/GET/me",
        "identitySource": [f"Bearer {token}"],
        "headers": {**event["headers"], "authorization": f"Bearer {token}"},
    }


def path_of(name: str) -> Path:
    """`api.projects.create` has its event in `events/api/projects/create.json`."""
    return FOLDER / Path(*name.split(".")).with_suffix(".json")


def _http(endpoint: Endpoint) -> dict[str, Any]:
    path = re.sub(r"\{(\w+)\}", lambda m: SAMPLES.get(m[1], SAMPLE_ID), endpoint.path)
    body = BODIES.get(endpoint.name)
    return {
        "version": "2.0",
        "routeKey": f"{endpoint.method} {endpoint.path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": f"Bearer {_token(endpoint)}",
            "content-type": "application/json",
            "host": "api.example",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "sample",
            "domainName": "api.example",
            "http": {
                "method": endpoint.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "sample",
            },
            "requestId": "sample-request",
            "routeKey": f"{endpoint.method} {endpoint.path}",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        **({"body": json.dumps(body)} if body is not None else {}),
        "isBase64Encoded": False,
    }


def _webhook(endpoint: Endpoint) -> dict[str, Any]:
    """The first delivery of a webhook whose secret is `sample`: it says that all is well."""
    github = endpoint.name == "webhooks.github"
    body = json.dumps({"zen": "Keep it logically awesome."} if github else {"object_kind": "note"})
    proof = {
        "x-github-hook-id": "1",
        "x-github-event": "ping",
        "x-github-delivery": SAMPLE_ID,
        "x-hub-signature-256": signature("sample", body.encode()),
    }
    if not github:
        proof = {
            "x-gitlab-webhook-uuid": "1",
            "x-gitlab-event": "Note Hook",
            "idempotency-key": SAMPLE_ID,
            "x-gitlab-token": "sample",
        }
    event = _http(endpoint)
    known = {name: event["headers"][name] for name in ("content-type", "host")}
    return {**event, "headers": {**known, **proof}, "body": body}


def _batch(function: Function) -> dict[str, Any]:
    """One message, as its queue hands it to the consumer."""
    ids = {"organization_id": SAMPLE_ID, "delivery_id": SAMPLE_ID}
    body = {**ids, "attempt": 1, "version": payloads.VERSION}
    queue = f"{function.name.removeprefix('consumers.')}.fifo"
    record = {
        "messageId": SAMPLE_ID,
        "receiptHandle": "sample-handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": SAMPLE_ID},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:000000000000:sample-{queue}",
        "awsRegion": "eu-central-1",
    }
    return {"Records": [record]}


def _ended() -> dict[str, Any]:
    """How Step Functions tells that a deployment's execution ran out of time."""
    arn = "arn:aws:states:eu-central-1:000000000000"
    name = f"{SAMPLE_ID}-1"
    given = {k: v for k, v in TASK.items() if k not in ("lease", "retry", "task_token")}
    return {
        "version": "0",
        "id": SAMPLE_ID,
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "eu-central-1",
        "resources": [f"{arn}:execution:sample-deploy:{name}"],
        "detail": {
            "executionArn": f"{arn}:execution:sample-deploy:{name}",
            "stateMachineArn": f"{arn}:stateMachine:sample-deploy",
            "stateMachineVersionArn": f"{arn}:stateMachine:sample-deploy:1",
            "stateMachineAliasArn": f"{arn}:stateMachine:sample-deploy:live",
            "name": name,
            "status": "TIMED_OUT",
            "startDate": 1767225600000,
            "stopDate": 1767247200000,
            "input": json.dumps(given),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": None,
            "error": "States.Timeout",
            "cause": None,
            "redriveCount": 0,
        },
    }


def _token(endpoint: Endpoint) -> str:
    """Of a person, of an agent that asks for a job, or of one job."""
    if endpoint.name == "api.agent_jobs.claim":
        return "c2da_sample"
    return "c2dj_sample" if endpoint.name.startswith("api.agent_jobs.") else "c2d_sample"
