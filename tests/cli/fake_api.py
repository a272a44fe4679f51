"""A control plane in memory that speaks the API over real HTTP."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from tests.cli import fake_deployments, fake_variables
from tests.cli.fake_http import Limit, Refusal, Strict, find, page, world_of
from tests.cli.fake_state import World, now

TOKEN = "c2d_test_token_of_the_fake"
routes = APIRouter()


class NewProject(Strict):
    name: str
    description: str = ""


class ProjectPatch(Strict):
    name: str | None = None
    description: str | None = None


class ServiceBody(Strict):
    name: str | None = None
    source: dict[str, Any] | None = None
    build: dict[str, Any] | None = None
    run: dict[str, Any] | None = None
    health: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    overlap: str | None = None
    autodeploy: bool | None = None
    deletion_protection: bool | None = None


def create_app(world: World) -> FastAPI:
    """The API on a world. Every call but health needs the token."""
    app = FastAPI()
    app.state.world = world

    @app.exception_handler(Refusal)
    def refuse(request: Request, refusal: Refusal) -> Response:
        return JSONResponse(refusal.problem, refusal.status, media_type="application/problem+json")

    @app.middleware("http")
    async def authenticate(request: Request, call_next: Any) -> Response:
        public = request.url.path.startswith("/v1/click-deploy/health")
        if not public and request.headers.get("authorization") != f"Bearer {TOKEN}":
            problem = Refusal(401, "Unauthenticated", "This token is not known here.").problem
            return JSONResponse(problem, 401, media_type="application/problem+json")
        return await call_next(request)

    for router in (routes, fake_deployments.routes, fake_variables.routes):
        app.include_router(router, prefix="/v1/click-deploy")
    return app


@routes.get("/health")
def health() -> dict[str, Any]:
    return {"status": "ok", "version": "0.1.0"}


@routes.get("/health/ready")
def ready() -> dict[str, Any]:
    return {
        "status": "ready",
        "checks": {"postgres": {"ok": True, "latency_ms": 1.2, "detail": None}},
    }


@routes.get("/me")
def me() -> dict[str, Any]:
    return {
        "id": "owner",
        "name": "Ada",
        "kind": "user",
        "user_id": "owner",
        "email": "ada@example.com",
        "organization_id": "6f7267a0-0000-4000-8000-000000000001",
        "roles": ["owner"],
        "scopes": ["admin", "deploy", "read", "write"],
        "credential": "machine_token",
    }


@routes.get("/projects")
def projects(request: Request, limit: int = Limit, cursor: str | None = None) -> Any:
    return page(world_of(request).projects.values(), limit, cursor)


@routes.post("/projects", status_code=201)
def new_project(request: Request, body: NewProject) -> Any:
    world = world_of(request)
    if any(each["name"] == body.name for each in world.projects.values()):
        raise Refusal(409, "Conflict", f"A project {body.name!r} is there already.")
    return world.add_project(body.name, body.description)


@routes.get("/projects/{identity}")
def project(request: Request, identity: str) -> Any:
    return find(world_of(request).projects, identity, "project")


@routes.patch("/projects/{identity}")
def patch_project(request: Request, identity: str, body: ProjectPatch) -> Any:
    found = find(world_of(request).projects, identity, "project")
    found.update(body.model_dump(exclude_unset=True))
    return found


@routes.delete("/projects/{identity}")
def delete_project(request: Request, identity: str, dry_run: bool = False) -> Any:
    world = world_of(request)
    found = find(world.projects, identity, "project")
    gone = [s for s in world.services.values() if s["project_id"] == identity]
    plan = [{"kind": "service", "id": s["id"], "name": s["name"]} for s in gone]
    if dry_run:
        return JSONResponse({"id": identity, "will_remove": plan}, 200)
    for service in gone:
        del world.services[service["id"]]
    del world.projects[found["id"]]
    return JSONResponse({"id": identity, "will_remove": plan}, 202)


@routes.get("/projects/{identity}/services")
def services(request: Request, identity: str, limit: int = Limit, cursor: str | None = None) -> Any:
    world = world_of(request)
    find(world.projects, identity, "project")
    found = (s for s in world.services.values() if s["project_id"] == identity)
    return page(found, limit, cursor)


@routes.post("/projects/{identity}/services", status_code=201)
def new_service(request: Request, identity: str, body: ServiceBody) -> Any:
    world = world_of(request)
    owner = find(world.projects, identity, "project")
    given = body.model_dump(exclude_unset=True)
    return world.add_service(owner, given.pop("name"), **given)


@routes.get("/services/{identity}")
def service(request: Request, identity: str) -> Any:
    return find(world_of(request).services, identity, "service")


@routes.patch("/services/{identity}")
def patch_service(request: Request, identity: str, body: ServiceBody) -> Any:
    found = find(world_of(request).services, identity, "service")
    found.update(body.model_dump(exclude_unset=True))
    return found


@routes.delete("/services/{identity}")
def delete_service(request: Request, identity: str, dry_run: bool = False) -> Any:
    world = world_of(request)
    found = find(world.services, identity, "service")
    if found["deletion_protection"]:
        raise Refusal(409, "Conflict", "This service is protected from deletion.")
    plan = {"id": identity, "will_remove": [{"kind": "service", "id": identity, "name": "web"}]}
    if not dry_run:
        del world.services[identity]
    return JSONResponse(plan, 200 if dry_run else 202)


@routes.post("/services/{identity}/restart", status_code=202)
def restart(request: Request, identity: str) -> Any:
    return find(world_of(request).services, identity, "service")


@routes.get("/services/{identity}/logs")
def runtime_logs(request: Request, identity: str, tail: int = 200, since: str | None = None) -> Any:
    if not find(world_of(request).services, identity, "service")["running"]:
        raise Refusal(404, "NotFound", "nothing serves for this service yet: deploy it first")
    written = world_of(request).runtime.get(identity, [])
    return {"items": [line for line in written if not since or line["at"] >= since][-tail:]}


@routes.get("/agents")
def agents(request: Request) -> Any:
    agent = {
        "name": "one",
        "roles": ["build", "edge"],
        "version": "0.1.0",
        "capacity": 2,
        "running": 1,
        "last_seen_at": now(),
        "alive": True,
        "facts": {},
        "token": "configured",
    }
    return {"items": [agent]}


@routes.get("/resources")
def resources(
    request: Request, state: str | None = None, limit: int = Limit, cursor: str | None = None
) -> Any:
    found = (r for r in world_of(request).resources if state in (None, r["state"]))
    return page(found, limit, cursor)


@routes.post("/resources/{identity}/retry", status_code=202)
def retry_resource(request: Request, identity: str) -> Any:
    world = world_of(request)
    found = find({r["id"]: r for r in world.resources}, identity, "resource")
    found["state"] = "planned"
    return found
