"""The environment of functions: of all of them, and of those that ask for a port."""

from typing import Any, Final

from infra.generate import classes
from infra.generate.functions import Function
from infra.generate.policies import QUEUE_URL, QUEUES, queue_name, started_as, sub
from shared import machines
from shared.settings import Timeouts

LIMITS: Final = Timeouts(heartbeat=180, route=200, release=3300, compensate=1200)
"""Queued jobs are beaten once a minute, and one run may be missed. Step Functions takes no
heartbeat that is longer than its state's time limit, so routes have longer than on one machine,
and what they are part of."""
NO_VALUE: Final = {"Ref": "AWS::NoValue"}
_MOST_APP_ID: Final = 50
"""What an SDK tells of its application; more is a warning."""


def common() -> dict[str, Any]:
    """Of every function: nothing secret is in it."""
    arns = ", ".join(f'"{m}": "{started_as(m)["Fn::Sub"]}"' for m in machines.MACHINES)
    names = [name for queue in QUEUES for name in (queue, f"{queue}-dead")]
    urls = ", ".join(f'"{name}": "{QUEUE_URL}/{queue_name(name)}"' for name in names)
    return {
        "C2D_WORKFLOWS": "step_functions",
        "C2D_STATE_MACHINE_ARNS": sub("{" + arns + "}"),
        "C2D_QUEUES": "sqs",
        "C2D_QUEUE_URLS": sub("{" + urls + "}"),
        "C2D_COMPUTE": "agent",
        "C2D_KMS_KEY_ID": {"Ref": "KmsKey"},
        "C2D_PLATFORM_ID": {"Ref": "Prefix"},
        "C2D_STAGE": {"Ref": "Stage"},
        "C2D_DOMAIN": {"Ref": "Domain"},
        "C2D_SCHEME": {"Ref": "Scheme"},
        "C2D_HTTP_PORT": {"Ref": "HttpPort"},
        "C2D_ALLOW_PRIVATE_GIT": {"Ref": "PrivateGit"},
        "C2D_PUBLIC_URL": {"Ref": "PublicUrl"},
        "C2D_REGISTRY": {"Ref": "Registry"},
        **{f"C2D_TIMEOUT_{name.upper()}": str(value) for name, value in _own_limits().items()},
        "PYDANTIC_DISABLE_PLUGINS": "1",
    }


def _own_limits() -> dict[str, int]:
    usual = dict(Timeouts())
    return {name: limit for name, limit in LIMITS if limit != usual[name]}


def of_api() -> dict[str, Any]:
    """Who may call: only what answers HTTP has to know."""
    return {
        "C2D_API_TOKEN": _secret("ApiTokenSecret", "api_token"),
        "C2D_AGENT_TOKEN": _secret("AgentTokenSecret", "agent_token"),
        "C2D_OIDC_ISSUER": {"Ref": "OidcIssuer"},
        "C2D_OIDC_AUDIENCE": {"Ref": "OidcAudience"},
        "C2D_OPERATOR_ORGANIZATION": _if("HasOperator", {"Ref": "OperatorOrganization"}),
        "C2D_CORS_ORIGINS": {"Ref": "CorsOrigins"},
        "C2D_RATE_LIMIT_USER": {"Ref": "RateLimitUser"},
        "C2D_RATE_LIMIT_ADDRESS": {"Ref": "RateLimitAddress"},
        "C2D_RATE_LIMIT_FAILED": {"Ref": "RateLimitFailed"},
    }


def of_function(function: Function) -> dict[str, Any]:
    """Its name, and the secrets of the ports that it asks for."""
    made: dict[str, Any] = {"AWS_SDK_UA_APP_ID": function.logical_id[:_MOST_APP_ID]}
    if seconds := classes.of(function).compute_seconds:
        made["C2D_COMPUTE_SECONDS"] = str(seconds)
    if "engine" in function.ports:
        made |= _database()
    if "git_provider" in function.ports:
        made |= _git("github") | _git("gitlab")
    if function.ports & {"build_policy", "images", "cloud"}:
        made |= {
            f"C2D_REGISTRY_{key.upper()}": _if("HasRegistrySecret", _secret("RegistrySecret", key))
            for key in ("username", "password")
        }
    return made


def _database() -> dict[str, Any]:
    """One connection at a time, as an instance answers one request at a time."""
    url = _if("HasPassword", _secret("DatabaseSecret", "url"), {"Ref": "DatabaseUrl"})
    return {"DATABASE_URL": url, "C2D_DATABASE_POOL": "1"}


def _git(provider: str) -> dict[str, Any]:
    name, known = provider.upper(), f"Has{provider.title()}"
    secret = _secret("GitSecret", f"{provider}_client_secret")
    return {
        f"C2D_{name}_URL": {"Ref": f"{provider.title()}Url"},
        f"C2D_{name}_CLIENT_ID": _if(known, {"Ref": f"{provider.title()}ClientId"}),
        f"C2D_{name}_CLIENT_SECRET": _if(known, secret),
    }


def _if(condition: str, then: Any, otherwise: Any = NO_VALUE) -> dict[str, Any]:
    return {"Fn::If": [condition, then, otherwise]}


def _secret(parameter: str, key: str) -> dict[str, str]:
    return sub(f"{{{{resolve:secretsmanager:${{{parameter}}}:SecretString:{key}}}}}")
