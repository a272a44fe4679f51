"""What is in an error body: each service has a shape of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` is the service's own word for it, "" where it has none; `text` may echo what a user
    sent and stays in here. `known` says that a service wrote it, not something in front of it."""

    kind: str
    text: str
    known: bool = True


def fault_of(response: httpx.Response) -> Fault:
    """What an answer with an error says."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return Fault("", "", known=False)
    if not isinstance(body, dict):
        return Fault("", "", known=False)
    for shape in _SHAPES:
        found = shape(body)
        if found is not None:
            return found
    return Fault("", "", known=False)


def _keystone(body: Mapping[str, Any]) -> Fault | None:
    error = body.get("error")
    if not isinstance(error, dict):
        return None
    return Fault(_text(error, "title"), _text(error, "message"))


def _neutron(body: Mapping[str, Any]) -> Fault | None:
    error = body.get("NeutronError")
    if isinstance(error, str):
        return Fault("", error)
    if not isinstance(error, dict):
        return None
    return Fault(_text(error, "type"), _text(error, "message"))


def _placement(body: Mapping[str, Any]) -> Fault | None:
    errors = body.get("errors")
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return None
    return Fault(_text(errors[0], "title"), _text(errors[0], "detail"))


def _designate(body: Mapping[str, Any]) -> Fault | None:
    if "code" not in body or not isinstance(body.get("type"), str):
        return None
    return Fault(_text(body, "type"), _text(body, "message"))


def _barbican(body: Mapping[str, Any]) -> Fault | None:
    if "code" not in body or "description" not in body:
        return None
    return Fault(_text(body, "title"), _text(body, "description"))


def _glance(body: Mapping[str, Any]) -> Fault | None:
    if "message" not in body or "code" not in body:
        return None
    return Fault(_text(body, "title"), _text(body, "message"))


def _nova_or_cinder(body: Mapping[str, Any]) -> Fault | None:
    """The only key is the kind, and there are many."""
    if len(body) != 1:
        return None
    kind, error = next(iter(body.items()))
    if not isinstance(error, dict) or "message" not in error:
        return None
    return Fault(kind, _text(error, "message"))


def _text(holder: Mapping[str, Any], key: str) -> str:
    found = holder.get(key)
    return found if isinstance(found, str) else ""


_SHAPES: Final[tuple[Callable[[Mapping[str, Any]], Fault | None], ...]] = (
    _keystone,
    _neutron,
    _placement,
    _designate,
    _barbican,
    _glance,
    _nova_or_cinder,
)
