"""The authorizer in front of the HTTP API, and which routes it leaves alone."""

from typing import Any, Final

from infra.generate.functions import Endpoint

AUTHORIZER: Final = "Tokens"
CACHED_SECONDS: Final = 60
"""An access token's end is checked by the endpoint too, so the cache decides nothing for good."""


def auth_of_api() -> dict[str, Any]:
    """The HTTP API's `Auth`: every route asks, unless it says otherwise."""
    return {
        "DefaultAuthorizer": AUTHORIZER,
        "Authorizers": {
            AUTHORIZER: {
                "FunctionArn": {"Fn::GetAtt": ["EdgeAuthorizer", "Arn"]},
                "AuthorizerPayloadFormatVersion": "2.0",
                "EnableSimpleResponses": True,
                "EnableFunctionDefaultPermissions": True,
                "Identity": {"Headers": ["Authorization"], "ReauthorizeEvery": CACHED_SECONDS},
            }
        },
    }


def auth_of_route(route: Endpoint) -> dict[str, Any]:
    """Health, webhooks, callbacks and agents have no user's token."""
    return {} if route.guarded else {"Auth": {"Authorizer": "NONE"}}
