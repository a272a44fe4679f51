"""The one place an HTTP endpoint meets Lambda."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from shared.observing.fields import note
from shared.observing.invocations import observed
from shared.ports.patience import API_SECONDS, patient

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_PUBLIC_URL: Final = "C2D_PUBLIC_URL"


def lambda_handler(router: APIRouter) -> Handler:
    """Serve `router`, and only it, behind API Gateway. Built on the first call: the local app
    imports every endpoint and needs none of this."""
    built: list[Handler] = []

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        if not built:
            _know_the_address(event)
            built.append(_build(router))
        return built[0](event, context)

    return handler


def _know_the_address(event: Mapping[str, Any]) -> None:
    """API Gateway's own, where no other is set: a stack learns it after its functions are made.

    It comes from API Gateway, not from the caller, and is there before settings are read.
    """
    domain = (event.get("requestContext") or {}).get("domainName")
    if domain and os.environ.get(_PUBLIC_URL) == "":
        os.environ[_PUBLIC_URL] = f"https://{domain}"


def _build(router: APIRouter) -> Handler:
    from mangum import Mangum  # noqa: PLC0415 - paid on Lambda only
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES  # noqa: PLC0415 - paid on Lambda only

    from shared.http.app import PROBLEM, build_app  # noqa: PLC0415 - paid on Lambda only

    text_types = [*DEFAULT_TEXT_MIME_TYPES, PROBLEM]  # else Mangum answers base64
    asgi = Mangum(build_app([router]), lifespan="off", text_mime_types=text_types)

    @observed
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        note(gateway_request_id=(event.get("requestContext") or {}).get("requestId"))
        with patient(API_SECONDS):
            return asgi(dict(event), context)

    return handler
