"""The one place a webhook meets Lambda: no web framework, the body's bytes as they were sent."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.errors import PlatformError, Transient
from shared.domain.git import Provider
from shared.observing import arrivals
from shared.observing.fields import note
from shared.observing.invocations import observed
from shared.ports.patience import API_SECONDS, patient
from shared.usecases.intake import BODY_LIMIT, Incoming, Receipt, answer_of

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_PROBLEM = "application/problem+json"


def webhook(provider: Provider) -> Callable[[Callable[[Incoming], Receipt]], Handler]:
    """A handler that hands the request of `provider` to the function it decorates."""

    def around(take: Callable[[Incoming], Receipt]) -> Handler:
        @observed
        def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
            note(gateway_request_id=(event.get("requestContext") or {}).get("requestId"))
            incoming = _incoming(provider, event)
            try:
                with patient(API_SECONDS):
                    receipt = take(incoming)
            except PlatformError as error:
                arrivals.refused(provider, error)
                return _problem(event, error)
            arrivals.taken(receipt)
            return _answer(202, answer_of(receipt), "application/json")

        return handler

    return around


def _incoming(provider: Provider, event: Mapping[str, Any]) -> Incoming:
    body = event.get("body") or ""
    raw = b64decode(body) if event.get("isBase64Encoded") else body.encode()
    query = event.get("queryStringParameters") or {}
    return Incoming(
        provider=provider,
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=raw if len(raw) <= BODY_LIMIT else None,
        hook=query.get("hook"),
    )


def _problem(event: Mapping[str, Any], error: PlatformError) -> dict[str, Any]:
    name = type(error).__name__
    body = {"type": name, "title": name, "status": error.status, "detail": error.reason}
    answer = _answer(error.status, {**body, "instance": event.get("rawPath", "")}, _PROBLEM)
    if isinstance(error, Transient):
        answer["headers"]["retry-after"] = str(error.retry_after or 1)
    return answer


def _answer(status: int, body: dict[str, Any], kind: str) -> dict[str, Any]:
    headers = {"content-type": kind, "cache-control": "no-store"}
    text = json.dumps(body)
    return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": False}
