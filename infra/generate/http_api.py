"""The stack of the HTTP API: its settings, its own name, and a function per route."""

import json
from collections.abc import Iterable
from typing import Any, Final

from infra.generate.edge import auth_of_api, auth_of_route
from infra.generate.frame import of_function, stack
from infra.generate.functions import Endpoint, Function
from infra.generate.policies import sub
from shared.http.app import CORS

RATE: Final = {"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200}
"""Requests a second of everybody together, on each route: what the database is asked at most.
Who asks too much is told by the rate limits of one caller, long before this is reached."""
RATES: Final = {
    "webhooks": {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 1000},
    "api.agent_jobs": {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 1000},
    "api.sign_in": {"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
    "api.git.callback": {"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20},
}
"""Of functions by the beginning of their names. A push that is refused may never come again, and
a webhook costs little; agents ask all the time; whoever signs in does it once, and who guesses
does it often."""
LOGGED: Final = {
    "requestId": "requestId",
    "apiId": "apiId",
    "time": "requestTimeEpoch",
    "ip": "identity.sourceIp",
    "userAgent": "identity.userAgent",
    "routeKey": "routeKey",
    "path": "path",
    "status": "status",
    "responseLength": "responseLength",
    "responseLatency": "responseLatency",
    "integrationLatency": "integration.latency",
    "integrationStatus": "integration.status",
    "integrationRequestId": "integration.requestId",
    "integrationError": "integrationErrorMessage",
    "authorizerLatency": "authorizer.latency",
    "authorizerError": "authorizer.error",
    "error": "error.message",
}
"""Key of a line of the access log → what API Gateway calls it. `integrationRequestId` is Lambda's
own and leads to the function's log, which has `requestId` too."""
_DOMAIN_URL: Final = "https://${ApiDomain}"
_OWN_URL: Final = "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"


def api(routes: Iterable[Endpoint], before: Iterable[Function]) -> dict[str, Any]:
    """The HTTP API and a function per route, in one template as SAM demands."""
    served = list(routes)
    functions = {route.logical_id: of_function(route, _http(route)) for route in served}
    functions |= {function.logical_id: of_function(function) for function in before}
    made = stack("API", {"HttpApi": _http_api(served), **_own_domain(), **functions})
    url = {"Fn::If": ["HasDomain", sub(_DOMAIN_URL), sub(_OWN_URL)]}
    outputs = {
        "Url": {"Description": "The API's base URL", "Value": url},
        "ApiId": {"Description": "The API's id at API Gateway", "Value": {"Ref": "HttpApi"}},
        "Target": {
            "Condition": "HasDomain",
            "Description": "What the record of the API's own domain name points to",
            "Value": {"Fn::GetAtt": ["DomainName", "RegionalDomainName"]},
        },
    }
    return {**made, "Outputs": outputs}


def _http_api(routes: Iterable[Endpoint]) -> dict[str, Any]:
    limits = {f"{route.method} {route.path}": rate for route in routes if (rate := _rate(route))}
    return {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {
            "StageName": "$default",
            "Auth": auth_of_api(),
            "CorsConfiguration": _cors(),
            "DisableExecuteApiEndpoint": {"Fn::If": ["HasDomain", True, False]},
            "DefaultRouteSettings": RATE,
            "RouteSettings": limits,
            "AccessLogSettings": {
                "DestinationArn": {"Fn::GetAtt": ["Logs", "Arn"]},
                "Format": json.dumps({key: f"$context.{name}" for key, name in LOGGED.items()}),
            },
        },
    }


def _cors() -> dict[str, Any]:
    """API Gateway answers preflights. The app cannot: no function has a route for OPTIONS, and
    what API Gateway says itself, 401 and 429, needs the headers too; it drops the app's.

    All of it is under the condition, for SAM makes nonsense of one inside; and the origins are
    split here, for SAM puts in a parameter's text where it is referred to.
    """
    allowed = {
        "AllowOrigins": {"Fn::Split": [",", {"Ref": "CorsOrigins"}]},
        "AllowMethods": list(CORS["allow_methods"]),
        "AllowHeaders": list(CORS["allow_headers"]),
        "ExposeHeaders": list(CORS["expose_headers"]),
        "MaxAge": CORS["max_age"],
    }
    return {"Fn::If": ["HasOrigins", allowed, {"Ref": "AWS::NoValue"}]}


def _rate(route: Endpoint) -> dict[str, int] | None:
    return next((rate for name, rate in RATES.items() if route.name.startswith(name)), None)


def _http(route: Endpoint) -> dict[str, Any]:
    where = {"ApiId": {"Ref": "HttpApi"}, "Method": route.method, "Path": route.path}
    return {"Http": {"Type": "HttpApi", "Properties": where | auth_of_route(route)}}


def _own_domain() -> dict[str, Any]:
    """The API's own name, its record, and which API it leads to."""
    target = {"Fn::GetAtt": ["DomainName", "RegionalDomainName"]}
    zone = {"Fn::GetAtt": ["DomainName", "RegionalHostedZoneId"]}
    configuration = {
        "CertificateArn": {"Ref": "ApiCertificate"},
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    name = {"DomainName": {"Ref": "ApiDomain"}, "DomainNameConfigurations": [configuration]}
    mapping = {
        "ApiId": {"Ref": "HttpApi"},
        "DomainName": {"Ref": "DomainName"},
        "Stage": {"Ref": "HttpApi.Stage"},
    }
    record = {
        "HostedZoneId": {"Ref": "ApiZone"},
        "Name": {"Ref": "ApiDomain"},
        "Type": "A",
        "AliasTarget": {"DNSName": target, "HostedZoneId": zone},
    }
    return {
        "DomainName": _when("HasDomain", "AWS::ApiGatewayV2::DomainName", name),
        "DomainMapping": _when("HasDomain", "AWS::ApiGatewayV2::ApiMapping", mapping),
        "DomainRecord": _when("HasZone", "AWS::Route53::RecordSet", record),
    }


def _when(condition: str, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": kind, "Condition": condition, "Properties": properties}
