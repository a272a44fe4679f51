"""Events as they are stored with a delivery."""

from dataclasses import asdict
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


def stored(event: Event) -> dict[str, Any]:
    """The event as a document."""
    fields = asdict(event)
    if fields.get("changed_paths") is not None:
        fields["changed_paths"] = list(fields["changed_paths"])
    return {"kind": _NAMES[type(event)], **fields}


def restored(document: dict[str, Any]) -> Event:
    """The event again. Raises Invalid when it was none."""
    match document.get("kind"), {k: v for k, v in document.items() if k != "kind"}:
        case "push", fields:
            paths = fields.pop("changed_paths")
            kind = RefKind(fields.pop("ref_kind"))
            known = None if paths is None else tuple(paths)
            return PushEvent(ref_kind=kind, changed_paths=known, **fields)
        case "request", fields:
            return RequestEvent(action=RequestAction(fields.pop("action")), **fields)
        case "checks", fields:
            return ChecksEvent(**fields)
        case "other", fields:
            return OtherEvent(**fields)
        case _:
            raise Invalid("nothing of this delivery's content was kept")
