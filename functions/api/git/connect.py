"""GET /git/connect/{provider}"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from shared.domain.git import Provider
from shared.http.app import BASE
from shared.http.deps import Config, Writer
from shared.http.entry import lambda_handler
from shared.http.git import COOKIE, ConnectDesk
from shared.usecases.connecting import LIFETIME, Place, begin

router = APIRouter(tags=["git"])


class ConnectOut(BaseModel):
    """Where to send the browser. From a terminal, `id` is what is confirmed afterwards."""

    id: UUID
    url: str
    expires_at: datetime


@router.get(
    f"{BASE}/git/connect/{{provider}}",
    response_model=ConnectOut,
    responses={303: {"description": "To the provider, for a browser"}},
)
def connect(
    provider: Provider,
    request: Request,
    caller: Writer,
    desk: ConnectDesk,
    settings: Config,
    terminal: Annotated[bool, Query(description="No cookie: a code is confirmed instead")] = False,
    port: Annotated[int | None, Query(ge=1024, le=65535, description="The terminal's own")] = None,
) -> Response:
    """Begin to connect an account; a browser that shall keep the cookie is sent there at once."""
    begun = begin(caller, provider, Place(terminal, port if terminal else None), desk)
    known = begun.authorization
    out = ConnectOut(id=known.id, url=begun.url, expires_at=known.expires_at)
    response = _answer(request, out)
    if begun.cookie is not None:
        age, https = int(LIFETIME.total_seconds()), settings.reached_at.startswith("https://")
        path = "/git/callback"
        response.set_cookie(COOKIE, begun.cookie, age, path=path, secure=https, httponly=True)
    return response


def _answer(request: Request, out: ConnectOut) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return Response(status_code=303, headers={"Location": out.url})
    return Response(out.model_dump_json(), media_type="application/json")


handler = lambda_handler(router)
