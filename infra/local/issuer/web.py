"""The pages: sign in, let a device in, choose a password."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from infra.local.issuer import accounts, grants
from infra.local.issuer.authorization import (
    PARAMETERS,
    Wanted,
    checked_client,
    checked_request,
    redirect,
)
from infra.local.issuer.grants import RefusedGrantError
from infra.local.issuer.pages import device_page, join_page, message_page, sign_in_page
from infra.local.issuer.parts import (
    Form,
    Issuer,
    Parts,
    SameOrigin,
    actor_of,
    address_of,
    origin_of,
)
from shared.domain.audit import Act
from shared.domain.errors import BadRequest, PlatformError, Unauthenticated
from shared.domain.sign_in import Member
from shared.http.deps import CurrentAct, Store
from shared.ports.store import UnitOfWork

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=255)]


@router.get("/oauth/authorize")
async def show_sign_in(request: Request, issuer: Issuer) -> Response:
    """The page where a browser signs in for a client."""
    given = {name: request.query_params.get(name, "") for name in PARAMETERS}
    wanted = _wanted(given, issuer)
    if isinstance(wanted, Response):
        return wanted
    return sign_in_page(given, to=origin_of(wanted.redirect_uri))


@router.post("/oauth/authorize", dependencies=[SameOrigin])
def sign_in(request: Request, given: Form, uow: Store, act: CurrentAct, issuer: Issuer) -> Response:
    """Check the password and send the browser back with a code."""
    kept = {name: given.get(name, "") for name in PARAMETERS}
    wanted = _wanted(kept, issuer)
    if isinstance(wanted, Response):
        return wanted
    try:
        member = _signed_in(request, given, uow, act, issuer)
    except PlatformError as error:
        return sign_in_page(
            kept,
            email=given.get("email", ""),
            problem=error.reason,
            status=error.status,
            to=origin_of(wanted.redirect_uri),
        )
    code = grants.grant_code(
        member,
        redirect_uri=wanted.redirect_uri,
        code_challenge=wanted.code_challenge,
        scope=wanted.scope,
        nonce=wanted.nonce,
        uow=uow,
    )
    return RedirectResponse(wanted.answered(issuer.url, code=code), 303)


def _wanted(given: Mapping[str, str], issuer: Parts) -> Wanted | Response:
    """What the client asks; else a page, or the way back to it with the error."""
    try:
        checked_client(given, issuer.url)
    except BadRequest as error:
        return message_page("This does not work", error.reason, status=400)
    try:
        return checked_request(given)
    except RefusedGrantError as error:
        said = {"error": error.code, "error_description": error.sentence}
        state = given.get("state", "")[:1000]
        return RedirectResponse(
            redirect(given["redirect_uri"], issuer.url, state=state, **said), 303
        )


def _signed_in(
    request: Request, given: Mapping[str, str], uow: UnitOfWork, act: Act, issuer: Parts
) -> Member:
    """The member of that address and password. Raises Unauthenticated, RateLimited."""
    address, email = address_of(request), given.get("email", "").strip().lower()[:255]
    issuer.attempts.check(address, email)
    try:
        member = accounts.authenticate(email, given.get("password", ""), uow)
    except Unauthenticated:
        issuer.attempts.failed(address, email)
        raise
    act.action, act.actor = "sign_in", actor_of(member)
    return member


@router.get("/device")
async def show_device(user_code: Text = "") -> Response:
    """The page where a person lets a device in."""
    return device_page(user_code)


@router.post("/device", dependencies=[SameOrigin])
def answer_device(
    request: Request, given: Form, uow: Store, act: CurrentAct, issuer: Issuer
) -> Response:
    """Let the device with the typed code in, or refuse it."""
    code, address = given.get("user_code", "")[:255], address_of(request)
    agreed = given.get("decision") == "approve"
    try:
        issuer.attempts.check(address)
        member = _signed_in(request, given, uow, act, issuer) if agreed else None
        grants.answer_device(code, member, uow)
    except PlatformError as error:
        if not isinstance(error, Unauthenticated):
            issuer.attempts.failed(address)
        email = given.get("email", "")
        return device_page(code, email=email, problem=error.reason, status=error.status)
    if member is None:
        return message_page("Refused", "The device was not signed in.")
    return message_page("Done", "The device is signed in. You can close this page.")


@router.get("/join")
async def show_join(code: Text = "", email: Text = "") -> Response:
    """The page where a person chooses a password."""
    return join_page(code=code, email=email)


@router.post("/join", dependencies=[SameOrigin])
def join(request: Request, given: Form, uow: Store, act: CurrentAct, issuer: Issuer) -> Response:
    """Set the password of an owner or of somebody who was invited."""
    shown = {name: given.get(name, "")[:255] for name in ("code", "email", "name")}
    address = address_of(request)
    try:
        issuer.attempts.check(address)
        _join(given, shown, uow, act, issuer)
    except PlatformError as error:
        if isinstance(error, Unauthenticated):
            issuer.attempts.failed(address)
        return join_page(**shown, problem=error.reason, status=error.status)
    return message_page("Welcome", "Your password is set. Sign in with it: c2d login, or here.")


def _join(
    given: Mapping[str, str], shown: Mapping[str, str], uow: UnitOfWork, act: Act, issuer: Parts
) -> None:
    if given.get("password") != given.get("again"):
        raise BadRequest("the two passwords are not the same")

    def joining(member: Member) -> None:
        act.action, act.actor = "members.join", actor_of(member)

    accounts.join(
        **shown,
        password=given.get("password", ""),
        setup=issuer.setup,
        uow=uow,
        joining=joining,
    )


def device_address(issuer: str, user_code: str) -> str:
    """The page with the code filled in."""
    return f"{issuer}/device?{urlencode({'user_code': user_code})}"
