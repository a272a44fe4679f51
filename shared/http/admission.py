"""Whether a request may go on: who sends it, and how often they have asked already."""

from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from shared import bootstrap
from shared.domain.access import Actor
from shared.domain.errors import RateLimited, Transient
from shared.domain.limits import Rule, subject_of
from shared.http.identity import identify

STANDING: Final = "standing"
"""Where the request's state keeps how its caller stands, for the answer's headers."""


async def admitted(request: Request) -> Actor:
    """The caller, with one request more on their account; asking again charges nothing.

    Raises Unauthenticated, RateLimited.
    """
    known: Actor | None = getattr(request.state, "admitted", None)
    if known is None:
        known = await identify(request)
        await _charge(request, _rule("user"), f"{known.organization_id}:{known.id}")
        request.state.admitted = known
    return known


async def by_address(request: Request) -> None:
    """For endpoints that ask nobody who they are. Raises RateLimited."""
    await _charge(request, _rule("address"), _address(request))


async def charge_failure(request: Request) -> RateLimited | None:
    """One more failed attempt to sign in from this address; a refusal when there were too many.

    Only those who fail are refused: a key has 256 random bits, so guessing needs no lock, and an
    office must not be locked out by one program in it whose token has expired.
    """
    try:
        await _charge(request, _rule("failed"), _address(request))
    except RateLimited as refused:
        return refused
    return None


def _rule(name: str) -> Rule:
    settings = bootstrap.settings()
    limits = {
        "user": settings.rate_limit_user,
        "address": settings.rate_limit_address,
        "failed": settings.rate_limit_failed,
    }
    return Rule(name, limits[name])


def _address(request: Request) -> str:
    return subject_of(request.client.host if request.client else None)


async def _charge(request: Request, rule: Rule, subject: str) -> None:
    if not rule.limit:
        return
    limiter = bootstrap.limiter()
    standing = limiter.spend(rule, subject)
    if standing is None:
        try:
            standing = await run_in_threadpool(limiter.lease, rule, subject)
        except Transient:
            return  # without the database the endpoint itself says so, and health still answers
    request.state.standing = standing
    if not standing.admitted:
        raise RateLimited(
            f"more than {rule.limit} requests in {rule.seconds} s: wait {standing.reset} s",
            retry_after=standing.reset,
        )
