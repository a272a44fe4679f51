"""Barbican: secrets, kept as they were given."""

import json
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.world import World

router = Router()
_MOST_BYTES: Final = 20_000
_TYPES: Final = ("text/plain", "application/octet-stream")
_USUAL, _LARGEST = 10, 100
_KINDS: Final = (
    "symmetric",
    "passphrase",
    "private",
    "public",
    "certificate",
    "opaque",
)


@router("POST", "/secrets")
def create(world: World, call: Call) -> Answer:
    """Stored with its payload, or for a payload to follow."""
    if len(call.content) > _MOST_BYTES:
        raise RefusedError(413, "Provided information too large to process")
    try:
        json.loads(call.content)
    except ValueError:
        raise RefusedError(400, "Malformed JSON") from None
    wanted = call.document()
    _checked(wanted)
    moment = world.schedule.moment("%Y-%m-%dT%H:%M:%S")
    secret = {
        "id": world.ids.dashed(),
        "name": wanted.get("name"),
        "secret_type": wanted.get("secret_type", "opaque"),
        "algorithm": wanted.get("algorithm"),
        "bit_length": wanted.get("bit_length"),
        "mode": wanted.get("mode"),
        "expiration": wanted.get("expiration"),
        "creator_id": world.user_id,
        "status": "ACTIVE",
        "created": moment,
        "updated": moment,
        "payload": wanted.get("payload"),
        "content_type": wanted.get("payload_content_type"),
    }
    world.secrets[str(secret["id"])] = secret
    reference = _reference(call, secret)
    return Answer(201, {"secret_ref": reference}, {"Location": reference})


def _checked(wanted: Document) -> None:
    kind = wanted.get("secret_type", "opaque")
    if kind not in _KINDS:
        raise _invalid(f"'{kind}' is not one of {list(_KINDS)}.", "secret_type")
    if "payload" not in wanted:
        if wanted.get("payload_content_type"):
            raise _invalid(
                "payload must be provided when payload_content_type is specified.", "payload"
            )
        return
    payload = wanted["payload"]
    if not isinstance(payload, str) or not payload.strip():
        raise _invalid("If 'payload' specified, must be non empty.", "payload")
    if not wanted.get("payload_content_type"):
        reason = "If 'payload' is supplied, 'payload_content_type' must also be supplied.."
        raise _invalid(reason, "payload_content_type")
    _encoded(wanted)


def _encoded(wanted: Document) -> None:
    kind, encoding = str(wanted["payload_content_type"]), wanted.get("payload_content_encoding")
    if kind.partition(";")[0] not in _TYPES:
        raise _invalid(
            f"payload_content_type is not one of {list(_TYPES)}.", "payload_content_type"
        )
    if kind.startswith("application/") and encoding not in ("base64", "binary"):
        reason = "payload_content_encoding is not one of ['base64', 'binary']."
        raise _invalid(reason, "payload_content_encoding")


def _invalid(reason: str, name: str) -> RefusedError:
    return RefusedError(
        400, f"Provided object does not match schema 'Secret': {reason} Invalid property: '{name}'"
    )


def _reference(call: Call, secret: Document) -> str:
    return f"{call.base}/key-manager/v1/secrets/{secret['id']}"


def _shown(call: Call, secret: Document) -> Document:
    shown = {k: v for k, v in secret.items() if k not in ("id", "payload", "content_type")}
    if secret["payload"] is not None:
        shown["content_types"] = {"default": secret["content_type"]}
    return shown | {"secret_ref": _reference(call, secret)}


@router("GET", "/secrets")
def listed(world: World, call: Call) -> Answer:
    name = call.first("name")
    found = [s for s in world.secrets.values() if name is None or s["name"] == name]
    limit = min(_number(call, "limit") or _USUAL, _LARGEST, world.options.page_limit)
    start = _number(call, "offset") or 0
    shown = [_shown(call, secret) for secret in found[start : start + limit]]
    body: dict[str, Any] = {"secrets": shown, "total": len(found)}
    if start + limit < len(found):
        body["next"] = _page(call, limit, start + limit)
    if start:
        body["previous"] = _page(call, limit, max(0, start - limit))
    return Answer(200, body)


def _number(call: Call, name: str) -> int | None:
    text = call.first(name) or ""
    return int(text) if text.isdigit() else None


def _page(call: Call, limit: int, offset: int) -> str:
    kept = [(key, value) for key, value in call.query if key not in ("limit", "offset")]
    query = urlencode([*kept, ("limit", limit), ("offset", offset)])
    return f"{call.base}/key-manager/v1/secrets?{query}"


def _found(world: World, secret_id: str) -> Document:
    try:
        UUID(secret_id)
    except ValueError:
        raise RefusedError(404, "Not Found. Provided secret id is invalid.") from None
    secret = world.secrets.get(secret_id)
    if secret is None:
        raise RefusedError(404, "Secret not found.")
    return secret


@router("GET", "/secrets/{secret_id}")
def show(world: World, call: Call, secret_id: str) -> Answer:
    """What is known of it; an older way to read it is to ask for its type."""
    secret = _found(world, secret_id)
    accept = call.headers.get("accept", "*/*")
    if "application/json" in accept or "*/*" in accept:
        return Answer(200, _shown(call, secret))
    return payload(world, call, secret_id)


@router("GET", "/secrets/{secret_id}/payload")
def payload(world: World, call: Call, secret_id: str) -> Answer:
    secret = _found(world, secret_id)
    if secret["payload"] is None:
        raise RefusedError(404, "Not Found. Sorry but your secret has no payload.")
    accept, kind = call.headers.get("accept", "*/*"), str(secret["content_type"]).partition(";")[0]
    if kind not in accept and "*/*" not in accept:
        raise RefusedError(406, "Secret payload retrieval issue seen - Wrong payload content-type.")
    return Answer(200, str(secret["payload"]), {"Content-Type": kind})


@router("PUT", "/secrets/{secret_id}")
def add_payload(world: World, call: Call, secret_id: str) -> Answer:
    """Once."""
    secret = _found(world, secret_id)
    kind = call.headers.get("content-type", "")
    if kind.partition(";")[0] not in ("text/plain", "application/octet-stream"):
        raise RefusedError(
            415,
            "Unexpected content type. Expected content types are: "
            "['application/octet-stream', 'text/plain']",
        )
    if secret["payload"] is not None:
        raise RefusedError(409, "Secret already has data, cannot modify it.")
    secret |= {"payload": call.content.decode(errors="replace"), "content_type": kind}
    return Answer(204)


@router("DELETE", "/secrets/{secret_id}")
def delete(world: World, _call: Call, secret_id: str) -> Answer:
    del world.secrets[_found(world, secret_id)["id"]]
    return Answer(204)
