"""The one place API Gateway asks whether a request may reach its endpoint."""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from shared.domain.access import Actor
from shared.domain.errors import Transient, Unauthenticated
from shared.observing.lines import Log

log = Log(__name__)
_API_TOKEN: Final = re.compile(r"c2d_[\w-]{16,200}", re.ASCII)


class AccessTokens(Protocol):
    def check(self, token: str) -> Actor:
        """Raises Unauthenticated, and Transient when the issuer's keys cannot be had."""


def may_pass(
    event: Mapping[str, Any],
    machine_token: str | None,
    access_tokens: Callable[[], AccessTokens | None],
) -> bool:
    """Whether the bearer token is one that an endpoint has to look at: an access token signed by
    the issuer, or what has the shape of an API token.

    What checks access tokens is slow to import, so it is asked for when there is one.
    The answer may be cached: what is revoked, and what a caller may do, the endpoint decides. It
    also says 503 when the issuer cannot be asked, so that such a request passes.
    """
    token = _bearer(event)
    if machine_token and secrets.compare_digest(token.encode(), machine_token.encode()):
        return True
    if _API_TOKEN.fullmatch(token):
        return True
    known = access_tokens()
    if known is None:
        return False
    try:
        known.check(token)
    except Unauthenticated as error:
        log.info("refused", reason=error.reason)
        return False
    except Transient as error:
        log.warning("not checked", reason=error.reason)
    return True


def _bearer(event: Mapping[str, Any]) -> str:
    headers = event.get("headers") or {}
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    scheme, _, token = given.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
