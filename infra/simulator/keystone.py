"""Keystone: tokens by application credential, with an end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.catalogue import catalogue
from infra.simulator.shapes import UNAUTHENTICATED
from infra.simulator.world import World

router = Router()
_SIGNIFICANT: Final = 72
"""bcrypt looks at no more of a secret."""
_METHOD: Final = "application_credential"
_ROLES: Final = ("member", "reader", "creator")
_DELEGATED: Final = (
    "You are not authorized to perform the requested action: "
    "Using a delegated token to create another token is not allowed.."
)


def valid(world: World, token: str | None) -> bool:
    """Whether a token holds."""
    return token is not None and world.tokens.get(token, 0.0) > world.schedule.now


@router("POST", "/auth/tokens")
def sign_in(world: World, call: Call) -> Answer:
    """A token for the project that the credential belongs to."""
    auth = call.document("auth")
    identity = _mapping(auth.get("identity"))
    if identity.get("methods") == ["token"]:
        raise RefusedError(403, _DELEGATED)
    if identity.get("methods") != [_METHOD]:
        raise RefusedError(401, UNAUTHENTICATED)
    if "scope" in auth:
        raise RefusedError(
            401,
            "Error authenticating with application credential: "
            "Application credentials cannot request a scope.",
        )
    given = _mapping(identity.get(_METHOD))
    if given.get("id") != world.credential_id:
        wanted = given.get("id")
        raise RefusedError(404, f"Could not find Application Credential: {wanted}.")
    secret = str(given.get("secret", ""))
    if secret[:_SIGNIFICANT] != world.credential_secret[:_SIGNIFICANT]:
        raise RefusedError(401, UNAUTHENTICATED)
    token = "gAAAAAB" + world.ids.hexadecimal() * 5
    # Both moments are cut to whole seconds, so a token lives a little less than it says.
    world.tokens[token] = int(world.schedule.now) + world.options.token_seconds
    return Answer(201, _shown(world, call, token), {"X-Subject-Token": token})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(world: World, call: Call, token: str) -> Document:
    ends, domain = world.tokens[token], {"id": "default", "name": "Default"}
    return {
        "token": {
            "methods": [_METHOD],
            "user": {
                "id": world.user_id,
                "name": "paas",
                "domain": domain,
                "password_expires_at": None,
            },
            "project": {"id": world.project_id, "name": "paas", "domain": domain},
            "roles": [{"id": f"role-{name}", "name": name} for name in _ROLES],
            "is_domain": False,
            "application_credential": {
                "id": world.credential_id,
                "name": "paas",
                "restricted": True,
            },
            "audit_ids": [token[7:29]],
            "issued_at": _moment(ends - world.options.token_seconds),
            "expires_at": _moment(ends),
            "catalog": catalogue(world, call.base),
        }
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _subject(world: World, call: Call) -> str:
    token = call.headers.get("x-subject-token")
    if token is None or not valid(world, token):
        raise RefusedError(404, "Could not recognize Fernet token")
    return token


@router("GET", "/auth/tokens")
def inspect(world: World, call: Call) -> Answer:
    token = _subject(world, call)
    return Answer(200, _shown(world, call, token), {"X-Subject-Token": token})


@router("DELETE", "/auth/tokens")
def revoke(world: World, call: Call) -> Answer:
    del world.tokens[_subject(world, call)]
    return Answer(204)


@router("GET", "/auth/catalog")
def show_catalogue(world: World, call: Call) -> Answer:
    return Answer(200, {"catalog": catalogue(world, call.base)})


@router("POST", "/users/{user_id}/application_credentials")
def make_credential(_world: World, _call: Call, **_names: str) -> Answer:
    """Refused: a token from a credential makes no other."""
    raise RefusedError(
        403,
        "You are not authorized to perform the requested action: "
        "Using method 'application_credential' is not allowed for managing additional application "
        "credentials..",
    )
