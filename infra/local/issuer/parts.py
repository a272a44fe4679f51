"""What the issuer's endpoints work with; tests put others in their place."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from infra.local.issuer.accounts import SetupCode
from infra.local.issuer.attempts import Attempts
from infra.local.issuer.keys import SigningKeys
from infra.local.issuer.tokens import Signer
from infra.local.state import State
from shared import bootstrap
from shared.domain.access import Actor, ActorKind, scopes_of
from shared.domain.errors import BadRequest, Forbidden, TooLarge
from shared.domain.sign_in import Member

MOST_BYTES = 16 * 1024
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parts:
    """The issuer of one machine."""

    signer: Signer
    attempts: Attempts
    setup: SetupCode

    @property
    def url(self) -> str:
        return self.signer.issuer


@cache
def parts() -> Parts:
    settings = bootstrap.settings()
    state = State(settings.home)
    signer = Signer(settings.reached_at, SigningKeys(state.issuer_keys))
    return Parts(signer, Attempts(), SetupCode(state.setup_code))


async def issuer_parts() -> Parts:
    return parts()


async def form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises BadRequest, TooLarge."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadRequest(f"send a form: Content-Type: {FORM}")
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise TooLarge(f"the form is larger than {MOST_BYTES // 1024} KiB")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=40)
    except ValueError as error:
        raise BadRequest("the form cannot be read") from error
    return dict(pairs)


async def same_origin(request: Request, issuer: Annotated[Parts, Depends(issuer_parts)]) -> None:
    """Refuse a form that another site sends. Raises Forbidden."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = {origin_of(issuer.url), f"{request.url.scheme}://{request.url.netloc}"}
    if site not in (None, "same-origin", "none") or origin not in (None, *own):
        raise Forbidden("this form was sent by another site: open the page here and try again")


def origin_of(url: str) -> str:
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}"


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def actor_of(member: Member) -> Actor:
    """Who a member is in the audit log."""
    roles = frozenset({member.role})
    id_ = str(member.id)
    return Actor(
        organization_id=member.organization_id,
        id=id_,
        name=member.name,
        kind=ActorKind.USER,
        scopes=scopes_of(roles),
        roles=roles,
        user_id=id_,
        email=member.email,
    )


Issuer = Annotated[Parts, Depends(issuer_parts)]
Form = Annotated[dict[str, str], Depends(form)]
SameOrigin = Depends(same_origin)
