"""Events as they are stored with a delivery."""

from dataclasses import fields
from typing import Any, Final

from shared.domain.errors import Invalid
from shared.domain.events import (
    ChecksEvent,
    Event,
    OtherEvent,
    PushEvent,
    RefKind,
    RequestAction,
    RequestEvent,
)

_KINDS: Final[dict[str, type[Event]]] = {
    "push": PushEvent,
    "request": RequestEvent,
    "checks": ChecksEvent,
    "other": OtherEvent,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_FIELDS: Final = {kind: [field.name for field in fields(kind)] for kind in _KINDS.values()}


def stored(event: Event) -> dict[str, Any]:
    """The event as a document."""
    kind = type(event)
    document = {"kind": _NAMES[kind], **{name: getattr(event, name) for name in _FIELDS[kind]}}
    if document.get("changed_paths") is not None:
        document["changed_paths"] = list(document["changed_paths"])
    return document


def restored(document: dict[str, Any]) -> Event:
    """The event again. Raises Invalid when it was none."""
    match document.get("kind"), {k: v for k, v in document.items() if k != "kind"}:
        case "push", given:
            paths = given.pop("changed_paths")
            kind = RefKind(given.pop("ref_kind"))
            known = None if paths is None else tuple(paths)
            return PushEvent(ref_kind=kind, changed_paths=known, **given)
        case "request", given:
            return RequestEvent(action=RequestAction(given.pop("action")), **given)
        case "checks", given:
            return ChecksEvent(**given)
        case "other", given:
            return OtherEvent(**given)
        case _:
            raise Invalid("nothing of this delivery's content was kept")
