"""Claims of a verified token, in Casdoor's shape or a plain one, as an Actor."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.domain.access import (
    LOCAL_ORGANIZATION,
    LOCAL_OWNER,
    Actor,
    ActorKind,
    Credential,
    Role,
    scopes_of,
)
from shared.domain.errors import Unauthenticated

LONGEST: Final = 255
"""What subjects and names are stored with."""
_OURS: Final = {str(role): role for role in Role}
_NAMES: Final = ("displayName", "name", "preferred_username", "email", "sub")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say.

    `organizations` makes the platform's organisation of the issuer's name for it, which the claim
    `organization_claim` holds. `leeway` is how many seconds clocks may differ.
    """

    issuer: str
    audience: str
    organizations: Callable[[str], UUID]
    organization_claim: str = "owner"
    leeway: float = 30.0


def organization_of(issuer: str, name: str) -> UUID:
    """The organisation that an issuer calls `name`: always the same, another one per issuer."""
    return uuid5(uuid5(NAMESPACE_URL, issuer.rstrip("/")), name)


def local_organization(name: str) -> UUID:
    """The only organisation of this machine's own issuer. Raises Unauthenticated for others."""
    if name != LOCAL_OWNER:
        raise Unauthenticated(f"there is no organisation {name!r} on this machine")
    return LOCAL_ORGANIZATION


def actor_of(claims: Mapping[str, Any], rules: Rules) -> Actor:
    """Who verified claims stand for. Raises Unauthenticated when they are for somebody else."""
    owner = claims.get(rules.organization_claim)
    if str(claims["iss"]).rstrip("/") != rules.issuer.rstrip("/"):
        raise Unauthenticated("this access token is from another issuer")
    if not isinstance(owner, str) or not 0 < len(owner) <= LONGEST:
        raise Unauthenticated(
            f"this access token names no organisation (claim {rules.organization_claim})"
        )
    _check_audience(claims["aud"], owner, rules)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
        raise Unauthenticated("this access token names nobody (claim sub)")
    if claims.get("isForbidden") or claims.get("isDeleted"):
        raise Unauthenticated("this account has been closed at the identity provider")
    roles = frozenset(_roles(claims, owner))
    email = claims.get("email")
    return Actor(
        organization_id=rules.organizations(owner),
        id=subject,
        name=_name(claims),
        kind=ActorKind.USER,
        scopes=scopes_of(roles),
        roles=roles,
        user_id=subject,
        email=email if isinstance(email, str) and email else None,
        credential=Credential.ACCESS_TOKEN,
    )


def _check_audience(said: Any, owner: str, rules: Rules) -> None:
    """Casdoor's shared applications add the organisation to their client id."""
    given = said if isinstance(said, list) else [said]
    if rules.audience not in given and f"{rules.audience}-org-{owner}" not in given:
        raise Unauthenticated("this access token is for another application (claim aud)")


def _roles(claims: Mapping[str, Any], owner: str) -> Iterator[Role]:
    """The roles that are ours; one that another organisation made gives nothing here."""
    if claims.get("isAdmin") is True:
        yield Role.ADMIN
    listed = claims.get("roles")
    for role in listed if isinstance(listed, list) else []:
        if isinstance(role, dict):
            foreign = role.get("owner", owner) != owner
            name = None if foreign or role.get("isEnabled") is False else role.get("name")
        else:
            name = role
        if isinstance(name, str) and name in _OURS:
            yield _OURS[name]


def _name(claims: Mapping[str, Any]) -> str:
    for claim in _NAMES:
        value = claims.get(claim)
        if isinstance(value, str):
            shown = "".join(c for c in value if c.isprintable()).strip()[:LONGEST]
            if shown:
                return shown
    return str(claims["sub"])
