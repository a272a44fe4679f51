"""GET /git/callback/{provider}"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from shared.domain.access import Actor, ActorKind
from shared.domain.errors import Forbidden, Invalid
from shared.domain.git import GitAuthorization, Provider
from shared.domain.ids import now
from shared.http.deps import CurrentAct
from shared.http.entry import lambda_handler
from shared.http.git import COOKIE, ConnectDesk
from shared.usecases.connecting import Arrived, arrive, claim

router = APIRouter(tags=["git"])
Said = Annotated[str | None, Query(max_length=2000)]


@router.get(
    "/git/callback/{provider}",
    response_class=HTMLResponse,
    responses={303: {"description": "To the terminal that waits on this machine"}, 403: {}},
)
def callback(
    provider: Provider,
    request: Request,
    desk: ConnectDesk,
    act: CurrentAct,
    state: Annotated[str, Query(min_length=1, max_length=200)],
    code: Said = None,
    error: Said = None,
    error_description: Said = None,
) -> Response:
    """Where a provider sends the browser back to, with its answer."""
    known = claim(provider, state, request.cookies.get(COOKIE), uow=desk.quiet, at=now())
    if error is not None:
        raise Forbidden(f"{provider} says: {error_description or error}")
    if not code:
        raise Invalid(f"{provider} answered without a code: begin again")
    act.actor = _who(known)
    return _page(arrive(known, code, desk))


def _who(known: GitAuthorization) -> Actor:
    """Whoever began it is who connects."""
    return Actor(
        known.organization_id,
        known.user_id,
        known.user_name,
        ActorKind.USER,
        frozenset(),
        user_id=known.user_id,
    )


def _page(arrived: Arrived) -> Response:
    if arrived.connection is not None:
        name, server = arrived.connection.account_name, arrived.connection.base_url
        return _html(f"{name} at {server} is connected. You can close this page.")
    shown = f"{(arrived.code or '')[:4]}-{(arrived.code or '')[4:]}"
    if arrived.authorization.port is not None:
        url = f"http://127.0.0.1:{arrived.authorization.port}/?code={shown}"
        return RedirectResponse(url, status_code=303)
    return _html(
        f"Your code: {shown} — enter it in the terminal where you began. "
        "If you did not begin this, close this page and tell nobody the code."
    )


def _html(sentence: str) -> Response:
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Click to Deploy</title>'
    return HTMLResponse(f"{head}<p>{escape(sentence)}</p></html>")


handler = lambda_handler(router)
