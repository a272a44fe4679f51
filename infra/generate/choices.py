"""What somebody who deploys the platform may choose: the parameters of `template.yaml`."""

from dataclasses import dataclass
from typing import Any, Final

_VAULTED: Final = "(arn:.+:secretsmanager:.+:secret:.+)?"
_URL: Final = "(https?://.+)?"


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter; without a default it has to be given. `pattern` is what its text must match."""

    text: str
    default: str | None = ""
    pattern: str | None = None
    among: tuple[str, ...] = ()
    type: str = "String"


def _switch(text: str, default: str = "false") -> Choice:
    return Choice(text, default, among=("true", "false"))


def _number(text: str, default: str) -> Choice:
    return Choice(text, default, pattern="[0-9.]+")


def _list(text: str) -> Choice:
    return Choice(text, type="CommaDelimitedList")


GROUPS: Final[dict[str, dict[str, Choice]]] = {
    "The platform": {
        "Stage": Choice(
            "Resources are named click-to-deploy-STAGE-…", "staging", "[a-z][a-z0-9-]{1,20}"
        ),
        "Domain": Choice("Services answer at SERVICE-PROJECT.DOMAIN", "apps.example.com"),
        "Scheme": Choice("How services are reached", "https", among=("https", "http")),
        "HttpPort": Choice("The port that services are reached at", "443", "[0-9]+"),
        "LogDays": Choice(
            "How long logs are kept, in days",
            "30",
            among=("1", "3", "7", "14", "30", "60", "90", "180", "365"),
        ),
        "Tracing": Choice(
            "`Active`: requests and executions are traced in X-Ray; `PassThrough`: what a caller "
            "traces already",
            "Active",
            among=("Active", "PassThrough"),
        ),
        "Aliases": _switch(
            "Executions start through an alias of their state machine, so that an upgrade is "
            "taken over at once and one that fails is taken back",
            "true",
        ),
    },
    "The API's address": {
        "ApiDomain": Choice("The API's own domain name; empty for the one API Gateway gives it"),
        "ApiCertificate": Choice(
            "ARN of the certificate for it, in this region", pattern="(arn:.+:acm:.+)?"
        ),
        "ApiZone": Choice("Id of the hosted zone that gets its record; empty to make one yourself"),
        "PublicUrl": Choice(
            "Where people reach the API, when something stands before it", pattern=_URL
        ),
    },
    "The database": {
        "DatabaseSecret": Choice(
            "ARN of the secret whose key `url` is the URL of PostgreSQL 15 or newer; empty with "
            "CreateDatabase",
            pattern=_VAULTED,
        ),
        "CreateDatabase": _switch("Make an Aurora Serverless v2 cluster with a proxy before it"),
        "DatabaseMinCapacity": _number(
            "The least it is scaled down to, in ACU; 0 lets it pause while nothing is connected, "
            "which the proxy and the schedules of every minute prevent",
            "0.5",
        ),
        "DatabaseMaxCapacity": _number("The most it is scaled up to, in ACU", "8"),
        "DatabaseProtected": _switch("Deleting the database is refused; for production"),
        "Vpc": Choice("The VPC of Subnets, with CreateDatabase"),
        "Subnets": _list(
            "Private subnets for the functions, where the database is reachable in a VPC only. "
            "From them Step Functions, SQS, KMS, the Git providers and what signs people in must "
            "be reachable: by a NAT gateway, or by endpoints as far as AWS has them"
        ),
        "SecurityGroups": _list(
            "Security groups of the functions, with Subnets and a given database, which must "
            "accept them"
        ),
    },
    "Who may call": {
        "TokensSecret": Choice(
            "ARN of the secret with the keys `api_token` (of the owner) and `agent_token` "
            "(agents register with it); empty to generate them",
            pattern=_VAULTED,
        ),
        "OidcIssuer": Choice(
            "The identity provider (Casdoor) that signs people in; empty for API tokens only",
            pattern="(https://.+)?",
        ),
        "OidcAudience": Choice("This application's client id at the identity provider"),
        "OperatorOrganization": Choice(
            "Id of the organisation whose administrators let agents in", pattern="([0-9a-f-]{36})?"
        ),
        "CorsOrigins": _list("Origins whose pages may call the API, as https://HOST"),
        "RateLimitUser": _number("Requests a minute of one caller; 0 for no limit", "6000"),
        "RateLimitAddress": _number(
            "Requests a minute of one address that has not signed in; 0 for no limit", "600"
        ),
        "RateLimitFailed": _number("Failed sign-ins a minute of one address", "60"),
    },
    "Git providers": {
        "GithubClientId": Choice("Client id of the platform's OAuth application at GitHub"),
        "GitlabClientId": Choice("Client id of the platform's application at GitLab"),
        "GitSecret": Choice(
            "ARN of the secret with `github_client_secret` and `gitlab_client_secret`, as far as "
            "their ids are given",
            pattern=_VAULTED,
        ),
        "GithubUrl": Choice("GitHub's server; empty for github.com", pattern=_URL),
        "GitlabUrl": Choice("GitLab's server; empty for gitlab.com", pattern=_URL),
        "PrivateGit": _switch("Git servers may be at private addresses"),
    },
    "The registry": {
        "Registry": Choice("Where images are pushed (Harbor, or any OCI registry): HOST/PROJECT"),
        "RegistrySecret": Choice(
            "ARN of the secret with `username` and `password` of the registry", pattern=_VAULTED
        ),
    },
    "Alarms": {
        "CreateAlarms": _switch("Make the five alarms"),
        "AlarmEmail": Choice("Who is told by e-mail; AWS asks them first whether they want it"),
    },
}


def described(choice: Choice) -> dict[str, Any]:
    """As a parameter of CloudFormation."""
    made: dict[str, Any] = {"Type": choice.type, "Description": choice.text}
    if choice.default is not None:
        made["Default"] = choice.default
    if choice.pattern:
        made["AllowedPattern"] = choice.pattern
    if choice.among:
        made["AllowedValues"] = list(choice.among)
    return made


def interface() -> dict[str, Any]:
    """The order and the groups in which a console shows them."""
    groups = [
        {"Label": {"default": label}, "Parameters": list(group)} for label, group in GROUPS.items()
    ]
    return {"AWS::CloudFormation::Interface": {"ParameterGroups": groups}}


def rules() -> dict[str, Any]:
    """What has to be given together, checked before anything is made."""
    own = _is("CreateDatabase", "true")
    return {
        "OneDatabase": _assertion(
            {"Fn::Or": [_given("DatabaseSecret"), own]},
            "give DatabaseSecret, or set CreateDatabase to true",
        ),
        "DatabaseInVpc": _needs(own, _given("Vpc"), "CreateDatabase needs Vpc and Subnets"),
        "DomainHasCertificate": _needs(
            _given("ApiDomain"), _given("ApiCertificate"), "ApiDomain needs ApiCertificate"
        ),
        "IssuerHasAudience": _needs(
            _given("OidcIssuer"), _given("OidcAudience"), "OidcIssuer needs OidcAudience"
        ),
        "GithubHasSecret": _needs(
            _given("GithubClientId"), _given("GitSecret"), "GithubClientId needs GitSecret"
        ),
        "GitlabHasSecret": _needs(
            _given("GitlabClientId"), _given("GitSecret"), "GitlabClientId needs GitSecret"
        ),
    }


def _needs(when: dict[str, Any], what: dict[str, Any], text: str) -> dict[str, Any]:
    return {"RuleCondition": when, **_assertion(what, text)}


def _assertion(what: dict[str, Any], text: str) -> dict[str, Any]:
    return {"Assertions": [{"Assert": what, "AssertDescription": text}]}


def _given(name: str) -> dict[str, Any]:
    return {"Fn::Not": [_is(name, "")]}


def _is(name: str, value: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": name}, value]}
