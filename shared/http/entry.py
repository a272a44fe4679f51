"""The one place an HTTP endpoint meets Lambda."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from shared.ports.patience import API_SECONDS, patient

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def lambda_handler(router: APIRouter) -> Handler:
    """Serve `router`, and only it, behind API Gateway. Built on the first call: the local app
    imports every endpoint and needs none of this."""
    built: list[Handler] = []

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if not built:
            built.append(_build(router))
        return built[0](event, context)

    return handler


def _build(router: APIRouter) -> Handler:
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - paid on Lambda only
    from mangum import Mangum  # noqa: PLC0415 - paid on Lambda only
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES  # noqa: PLC0415 - paid on Lambda only

    from shared.http.app import PROBLEM, build_app  # noqa: PLC0415 - paid on Lambda only

    text_types = [*DEFAULT_TEXT_MIME_TYPES, PROBLEM]  # else Mangum answers base64
    asgi = Mangum(build_app([router]), lifespan="off", text_mime_types=text_types)
    logger = Logger(service="api")

    @logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with patient(API_SECONDS):
            return asgi(event, context)

    return handler
