"""Access tokens of an issuer: signature, shape, validity, and who they stand for."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jwt

from shared.adapters.oidc.claims import Rules, actor_of
from shared.adapters.oidc.keys import ALGORITHM, KeyRing
from shared.domain.access import Actor
from shared.domain.errors import Unauthenticated

LONGEST: Final = 16_384
"""Characters of a token; Casdoor's default format carries the whole user."""
_LONGEST_HEADER: Final = 2048
_TYPES: Final = {"jwt", "at+jwt", "application/at+jwt"}
_ACCESS: Final = {"at+jwt", "application/at+jwt"}
_NEEDED: Final = ["exp", "iss", "sub", "aud"]


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says about its signature, before anything of it is believed."""

    kid: str
    typ: str


class AccessTokens:
    """Checks tokens. The issuer's keys decide; what a token's header offers is not looked at."""

    def __init__(self, rules: Rules, keys: KeyRing) -> None:
        self._rules = rules
        self._keys = keys

    def ready(self, token: str) -> bool:
        """Whether `check` answers without waiting for the issuer. Raises Unauthenticated for
        what is no token at all."""
        return self._keys.ready(_header_of(token).kid)

    def check(self, token: str) -> Actor:
        """Who signs in with it. Raises Unauthenticated, and Transient when the issuer's keys
        cannot be had."""
        header = _header_of(token)
        key = self._keys.find(header.kid)
        with _translated():
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                leeway=self._rules.leeway,
                options={"require": _NEEDED, "verify_aud": False, "verify_iss": False},
            )
        _check_kind(header, claims)
        return actor_of(claims, self._rules)


def _header_of(token: str) -> Header:
    segment, dot, _ = token.partition(".")
    if not dot or token.count(".") != 2 or len(token) > LONGEST or len(segment) > _LONGEST_HEADER:
        raise Unauthenticated("this is neither an API token nor an access token: c2d login")
    return _header(segment)


@lru_cache(maxsize=64)
def _header(segment: str) -> Header:
    """Tokens of one key share their header, so it is read once."""
    try:
        padded = segment.encode() + b"=" * (-len(segment) % 4)
        header = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, RecursionError) as error:
        raise Unauthenticated("this is not an access token: its header cannot be read") from error
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM or "crit" in header:
        raise Unauthenticated(f"an access token must be signed with {ALGORITHM}")
    kid, typ = header.get("kid"), header.get("typ", "JWT")
    if not isinstance(kid, str) or not kid:
        raise Unauthenticated("an access token must name its key (kid)")
    if not isinstance(typ, str) or typ.lower() not in _TYPES:
        raise Unauthenticated("this token is no access token")
    return Header(kid, typ.lower())


def _check_kind(header: Header, claims: Mapping[str, Any]) -> None:
    """Only what says that it is an access token is one: never an ID or a refresh token."""
    said = claims.get("tokenType")
    if said is None and header.typ in _ACCESS:
        return
    if said != "access-token":
        raise Unauthenticated("this is an ID or refresh token; send the access token")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("this access token has expired: sign in again") from error
    except jwt.ImmatureSignatureError as error:
        raise Unauthenticated("this access token is not valid yet: compare the clocks") from error
    except jwt.InvalidSignatureError as error:
        raise Unauthenticated("this access token is not signed by its issuer") from error
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
        raise Unauthenticated("this is not a valid access token: sign in again") from error
