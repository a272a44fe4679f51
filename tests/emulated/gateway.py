"""The HTTP API's routes, made one by one: the emulator ignores the OpenAPI body of an HttpApi.

What is made is exactly what the deployed template says: its body holds every route, the function
behind it, and whether the authorizer stands before it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulated.cloud import Cloud

STAGE = "$default"
AUTHORIZER = "Tokens"


@dataclass(frozen=True)
class Route:
    key: str
    function: str
    guarded: bool


def open_gateway(cloud: Cloud) -> str:
    """Make the routes of the deployed API; the name of its host."""
    [stack] = [name for name in cloud.stacks() if "-Api-" in name]
    resources = cloud.resources(stack)
    body = cloud.template(stack)["Resources"]["HttpApi"]["Properties"].get("Body")
    api, gateway = resources["HttpApi"], cloud.client("apigatewayv2")
    if body:
        functions = cloud.functions()
        authorizer = _authorizer(gateway, api, functions["EdgeAuthorizer"], body)
        for route in routes_in(body):
            _make(gateway, api, route, functions[route.function], authorizer)
    return f"{api}.execute-api.localhost"


def routes_in(body: Mapping[str, Any]) -> Iterator[Route]:
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            schemes = {name for scheme in operation.get("security", []) for name in scheme}
            yield Route(f"{method.upper()} {path}", _function_in(uri), AUTHORIZER in schemes)


def _function_in(uri: str) -> str:
    found = re.search(r"\$\{(\w+)\.Arn\}", uri)
    assert found is not None, uri
    return found[1]


def _authorizer(gateway: Any, api: str, function: Any, body: Mapping[str, Any]) -> str:
    given = body["components"]["securitySchemes"][AUTHORIZER]["x-amazon-apigateway-authorizer"]
    made = gateway.create_authorizer(
        ApiId=api,
        AuthorizerType="REQUEST",
        Name=AUTHORIZER,
        AuthorizerUri=_invocation(function),
        AuthorizerPayloadFormatVersion=given["authorizerPayloadFormatVersion"],
        AuthorizerResultTtlInSeconds=given["authorizerResultTtlInSeconds"],
        EnableSimpleResponses=given["enableSimpleResponses"],
        IdentitySource=given["identitySource"],
    )
    return str(made["AuthorizerId"])


def _make(gateway: Any, api: str, route: Route, function: Any, authorizer: str) -> None:
    made = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationMethod="POST",
        IntegrationUri=_invocation(function),
        PayloadFormatVersion="2.0",
    )
    guard = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer} if route.guarded else {}
    gateway.create_route(
        ApiId=api, RouteKey=route.key, Target=f"integrations/{made['IntegrationId']}", **guard
    )


def _invocation(function: Any) -> str:
    arn = function["FunctionArn"]
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
