"""The fake's deployments: deploy, wait, read, cancel, retry, roll back."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from tests.cli.fake_http import Limit, Refusal, Strict, find, page, world_of
from tests.cli.fake_state import TERMINAL, now

routes = APIRouter()


class Deploy(Strict):
    ref: str | None = None
    sha: str | None = None
    image: str | None = None
    no_cache: bool = False


@routes.post("/services/{identity}/deploy", status_code=202)
def deploy(request: Request, identity: str, body: Deploy) -> Any:
    world = world_of(request)
    found = find(world.services, identity, "service")
    given = body.model_dump(exclude_unset=True, exclude={"no_cache"})
    if not found["source"] and not body.image:
        raise Refusal(409, "Conflict", "This service has no repository yet.")
    return world.start(found, **given)


@routes.get("/services/{identity}/deployments")
def deployments(
    request: Request, identity: str, limit: int = Limit, cursor: str | None = None
) -> Any:
    mine = [d for d in world_of(request).deployments.values() if d["service_id"] == identity]
    return page(sorted(mine, key=lambda d: -d["number"]), limit, cursor)


@routes.get("/deployments/{identity}")
def deployment(request: Request, identity: str, wait: int = 0, seen: str | None = None) -> Any:
    world = world_of(request)
    found = find(world.deployments, identity, "deployment")
    world.wait(lambda: found["state"] != seen, min(wait, 25))
    return dict(found)


@routes.get("/deployments/{identity}/steps")
def steps(request: Request, identity: str) -> Any:
    return {"items": world_of(request).steps[identity]}


@routes.get("/deployments/{identity}/logs")
def logs(request: Request, identity: str, after: int = 0, limit: int = 1000, wait: int = 0) -> Any:
    world = world_of(request)
    found = find(world.deployments, identity, "deployment")
    log = world.logs[identity]
    world.wait(lambda: len(log) > after or found["state"] in TERMINAL, min(wait, 25))
    with world.changed:
        items = log[after : after + limit]
        last = items[-1]["sequence"] if items else after
        ended = found["state"] in TERMINAL and last == len(log)
    return {"items": items, "last": last, "ended": ended}


@routes.get("/deployments/{identity}/logs/download")
def download(request: Request, identity: str) -> Any:
    log = world_of(request).logs[identity]
    return PlainTextResponse("".join(line["text"] + "\n" for line in log))


@routes.post("/deployments/{identity}/cancel", status_code=202)
def cancel(request: Request, identity: str) -> Any:
    world = world_of(request)
    found = find(world.deployments, identity, "deployment")
    if found["state"] == "live":
        raise Refusal(409, "Conflict", "It is live already; roll back instead.")
    with world.changed:
        found["cancel_requested"] = True
        if found["state"] not in TERMINAL:
            found.update(state="cancelled", reason="owner cancelled it", ended_at=now())
        world.changed.notify_all()
    return found


@routes.post("/deployments/{identity}/retry", status_code=202)
def retry(request: Request, identity: str) -> Any:
    world = world_of(request)
    found = find(world.deployments, identity, "deployment")
    if found["state"] not in {"failed", "cancelled", "superseded"}:
        raise Refusal(409, "Conflict", f"A {found['state']} deployment cannot be retried.")
    found.update(state="queued", attempt=found["attempt"] + 1, reason=None, error=None)
    answer = dict(found)
    world.run(found)
    return answer


@routes.get("/services/{identity}/rollback-candidates")
def candidates(request: Request, identity: str) -> Any:
    world = world_of(request)
    running = world.services[identity]["running"]
    live = [
        d
        for d in world.deployments.values()
        if d["service_id"] == identity and d["state"] == "live"
    ]
    return {
        "items": [
            {
                "deployment_id": d["id"],
                "release_number": d["number"],
                "sha": d["sha"],
                "image": "sha256:" + "a" * 64,
                "env_version": 1,
                "commit_message": d["commit_message"],
                "released_at": d["ended_at"],
                "kept_warm": False,
                "current": bool(running) and running["deployment_id"] == d["id"],
            }
            for d in sorted(live, key=lambda d: -d["number"])
        ]
    }


@routes.post("/services/{identity}/rollback/{target}", status_code=202)
def rollback(request: Request, identity: str, target: str) -> Any:
    world = world_of(request)
    found = find(world.deployments, target, "deployment")
    started = world.start(
        world.services[identity], trigger="rollback", rollback_of=target, sha=found["sha"]
    )
    return {"deployment": dict(started), "not_restored": ["The database's schema stays as it is."]}
