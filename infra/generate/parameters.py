"""The parameters and conditions of the nested stacks; each stack has those that it names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_TEXTS: Final = {
    "Prefix": "Names of state machines, queues and log groups begin with it",
    "Stage": "The dimension of the platform's own metrics",
    "KmsKey": "ARN of the KMS key that secrets are sealed with",
    "Domain": "Services answer below it",
    "Scheme": "`https`, or `http`: how services are reached",
    "HttpPort": "The port that services are reached at",
    "PrivateGit": "`true` where Git servers may be at private addresses",
    "LogDays": "How long logs are kept, in days",
    "Tracing": "`Active` or `PassThrough`: whether X-Ray traces what nobody traces yet",
    "RateLimitUser": "Requests a minute of one caller; 0 for no limit",
    "RateLimitAddress": "Requests a minute of one address that has not signed in; 0 for no limit",
    "RateLimitFailed": "Failed sign-ins a minute of one address; 0 for no limit",
    "ApiTokenSecret": "ARN of the secret whose key `api_token` is the owner's token",
    "AgentTokenSecret": "ARN of the secret whose key `agent_token` registers agents",
    "ApiCertificate": "ARN of the certificate of the API's own domain name; empty without one",
}
_OPTIONAL: Final = {
    "Qualifier": "`:live` where machines have an alias, else empty",
    "PublicUrl": "Where people reach the API; empty for the address that API Gateway gave it",
    "DatabaseSecret": "ARN of the secret whose key `url` is the database's URL",
    "DatabaseUrl": "The database's URL where it holds no password: functions sign in by IAM",
    "DatabaseUser": "ARN of the user at the database's proxy that functions sign in as",
    "OidcIssuer": "The identity provider that signs people in; empty for API tokens only",
    "OidcAudience": "This application's client id there",
    "OperatorOrganization": "Id of the organisation whose administrators let agents in",
    "CorsOrigins": "Origins whose pages may call the API, with commas between; empty for none",
    "GithubClientId": "This platform's OAuth application at GitHub; empty for none",
    "GitlabClientId": "This platform's OAuth application at GitLab; empty for none",
    "GithubUrl": "GitHub's server; empty for github.com",
    "GitlabUrl": "GitLab's server; empty for gitlab.com",
    "GitSecret": "ARN of the secret with `github_client_secret` and `gitlab_client_secret`",
    "Registry": "Where built images are pushed, as HOST/PROJECT; empty for none",
    "RegistrySecret": "ARN of the secret with `username` and `password`",
    "ApiDomain": "The API's own domain name; empty for the address that API Gateway gives it",
    "ApiZone": "Id of the hosted zone that gets its record; empty to make one elsewhere",
}
_LISTS: Final = {
    "Subnets": "Subnets of the functions; empty for none of a VPC",
    "SecurityGroups": "Security groups of the functions in these subnets",
}


def given(name: str) -> dict[str, Any]:
    """The condition that a parameter is not empty."""
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}


def _given_list(name: str) -> dict[str, Any]:
    joined = {"Fn::Join": ["", {"Ref": name}]}
    return {"Fn::Not": [{"Fn::Equals": [joined, ""]}]}


CONDITIONS: Final = {
    "Traced": {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]},
    "InVpc": _given_list("Subnets"),
    "HasOrigins": given("CorsOrigins"),
    "HasAlias": given("Qualifier"),
    "HasPassword": given("DatabaseSecret"),
    "HasOperator": given("OperatorOrganization"),
    "HasDatabaseUser": given("DatabaseUser"),
    "HasGithub": given("GithubClientId"),
    "HasGitlab": given("GitlabClientId"),
    "HasRegistrySecret": given("RegistrySecret"),
    "HasDomain": given("ApiDomain"),
    "HasZone": {"Fn::And": [given("ApiDomain"), given("ApiZone")]},
}
_USED: Final = re.compile(r"\$\{(\w+)\}")


def conditions(used: set[str]) -> dict[str, Any]:
    return {name: made for name, made in CONDITIONS.items() if name in used}


def parameters(used: set[str], more: Mapping[str, str]) -> dict[str, Any]:
    """Those of them that are used, in one order; `more` are the stack's own."""
    texts = {**_TEXTS, **more}
    made = {name: {"Type": "String", "Description": text} for name, text in texts.items()}
    empty = {"Type": "String", "Default": ""}
    made |= {name: {**empty, "Description": text} for name, text in _OPTIONAL.items()}
    lists = {"Type": "CommaDelimitedList", "Default": ""}
    made |= {name: {**lists, "Description": text} for name, text in _LISTS.items()}
    return {name: parameter for name, parameter in made.items() if name in used}


def names_in(node: Any) -> set[str]:
    """Everything a piece of a template refers to: parameters, conditions and resources."""
    return set(_names(node))


def _names(node: Any) -> Iterator[str]:
    match node:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::If": [str(name), *branches]}:
            yield name
            yield from _names(branches)
        case {"Fn::Sub": str(text)}:
            yield from _USED.findall(text)
        case dict():
            yield from _names(list(node.values()))
            if isinstance(condition := node.get("Condition"), str):
                yield condition
        case list():
            for inner in node:
                yield from _names(inner)
