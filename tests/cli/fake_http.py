"""What the fake's endpoints share: refusals, pages, looking things up."""

from collections.abc import Iterable
from typing import Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict

from tests.cli.fake_state import World


class Refusal(Exception):
    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        self.status = status
        self.problem = {"type": kind, "title": kind, "status": status, "detail": detail, **more}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def world_of(request: Request) -> World:
    return request.app.state.world


def find(things: dict[str, Any], identity: str, kind: str) -> Any:
    if identity not in things:
        raise Refusal(404, "NotFound", f"There is no {kind} {identity}.")
    return things[identity]


def page(items: Iterable[Any], limit: int, cursor: str | None) -> dict[str, Any]:
    everything = list(items)
    start = int(cursor or 0)
    more = start + limit < len(everything)
    return {
        "items": everything[start : start + limit],
        "next_cursor": str(start + limit) if more else None,
    }


Limit = Query(50, ge=1, le=100)
