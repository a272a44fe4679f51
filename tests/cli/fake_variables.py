"""The fake's environment variables."""

from typing import Any

from fastapi import APIRouter, Body, Request
from pydantic import Field

from tests.cli.fake_http import Refusal, Strict, find, world_of
from tests.cli.fake_state import World, now

routes = APIRouter()
_NEW = {"secret": False, "sealed": False, "available": "both", "references": []}


class VariableBody(Strict):
    key: str = ""
    value: str | None = None
    secret: bool | None = None
    sealed: bool | None = None
    available: str | None = None


class VariableSet(Strict):
    variables: list[VariableBody] = Field(default_factory=list)


@routes.get("/services/{identity}/env")
def variables(request: Request, identity: str) -> Any:
    world = world_of(request)
    service = find(world.services, identity, "service")
    shown = [
        {**each, "value": None if each["secret"] else each["value"]}
        for each in world.variables[identity].values()
    ]
    running = service["running"]["env_version"] if service["running"] else None
    newest = service["env_version"]
    pending = None if running is None or running == newest else newest
    return {
        "items": shown,
        "version": newest,
        "running_version": running,
        "pending_version": pending,
    }


def _store(world: World, identity: str, key: str, given: dict[str, Any]) -> dict[str, Any]:
    service = world.services[identity]
    service["env_version"] += 1
    before = world.variables[identity].get(key, dict(_NEW))
    after = {
        **before,
        **{name: value for name, value in given.items() if value is not None},
        "key": key,
        "version": service["env_version"],
        "author": "owner",
        "updated_at": now(),
    }
    world.variables[identity][key] = after
    return {**after, "value": None if after["secret"] else after["value"]}


@routes.post("/services/{identity}/env", status_code=201)
def new_variable(request: Request, identity: str, body: VariableBody) -> Any:
    world = world_of(request)
    if body.key in world.variables[identity]:
        raise Refusal(409, "Conflict", f"{body.key} is there already.")
    if not body.key.isidentifier():
        error = {"field": "key", "detail": "is not a name", "input": body.value}
        raise Refusal(422, "Invalid", "The variable is not valid.", errors=[error])
    return _store(world, identity, body.key, body.model_dump(exclude={"key"}))


@routes.patch("/services/{identity}/env/{key}")
def patch_variable(request: Request, identity: str, key: str, body: VariableBody) -> Any:
    world = world_of(request)
    find(world.variables[identity], key, "variable")
    return _store(world, identity, key, body.model_dump(exclude={"key"}, exclude_unset=True))


@routes.delete("/services/{identity}/env/{key}", status_code=204)
def delete_variable(request: Request, identity: str, key: str) -> None:
    world = world_of(request)
    find(world.variables[identity], key, "variable")
    del world.variables[identity][key]
    world.services[identity]["env_version"] += 1


@routes.put("/services/{identity}/env")
def put_variables(
    request: Request, identity: str, body: VariableSet = Body(), dry_run: bool = False
) -> Any:
    world = world_of(request)
    before = world.variables[identity]
    given = {each.key: each for each in body.variables}
    changed = [
        key
        for key in given.keys() & before.keys()
        if {**before[key], **given[key].model_dump(exclude_unset=True)} != before[key]
    ]
    added, removed = given.keys() - before.keys(), before.keys() - given.keys()
    if not dry_run:
        for key in removed:
            del before[key]
        for key in (*added, *changed):
            _store(world, identity, key, given[key].model_dump(exclude={"key"}, exclude_unset=True))
    return {
        "added": sorted(added),
        "changed": sorted(changed),
        "removed": sorted(removed),
        "unchanged": len(given) - len(added) - len(changed),
        "version": world.services[identity]["env_version"],
    }
