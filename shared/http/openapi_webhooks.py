"""The webhooks in the OpenAPI document: functions of their own, which no router describes."""

from typing import Any, Final

from shared.domain.errors import (
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Transient,
    Unauthenticated,
)
from shared.domain.git import Provider
from shared.domain.webhooks import Verdict

Document = dict[str, Any]
REFUSALS: Final = (
    Unauthenticated.status,
    NotFound.status,
    TooLarge.status,
    Invalid.status,
    RateLimited.status,
    Transient.status,
)
_PROOFS: Final = {
    Provider.GITHUB: ("X-Hub-Signature-256", "The HMAC-SHA256 of the body's bytes: `sha256=…`"),
    Provider.GITLAB: ("X-Gitlab-Token", "The webhook's secret token"),
}
_RECEIPT: Final[Document] = {
    "type": "object",
    "title": "Receipt",
    "required": ["id", "state", "reason", "duplicate"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "state": {"type": "string", "enum": ["waiting", *Verdict]},
        "reason": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "duplicate": {"type": "boolean", "description": "Whether it had come before"},
    },
}
_HOOK: Final[Document] = {
    "name": "hook",
    "in": "query",
    "required": False,
    "description": "The webhook, where the provider does not name it in a header",
    "schema": {"type": "string", "maxLength": 100},
}


def operations() -> dict[str, Document]:
    """By path; their refusals are described with everybody else's."""
    return {f"/webhooks/{provider}": {"post": _operation(provider)} for provider in Provider}


def _operation(provider: Provider) -> Document:
    header, meaning = _PROOFS[provider]
    proof = {
        "name": header,
        "in": "header",
        "required": False,
        "description": meaning,
        "schema": {"type": "string", "maxLength": 200},
    }
    return {
        "tags": ["webhooks"],
        "summary": f"Take a delivery of {provider}",
        "description": "Stored once per delivery id and queued for its verdict; up to 25 MB.",
        "operationId": f"webhooks.{provider}",
        "parameters": [_HOOK, proof],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "responses": {
            "202": {
                "description": "Taken",
                "content": {"application/json": {"schema": _RECEIPT}},
            }
        },
    }
