"""An issuer's public keys: kept for a while, asked for again when one is missing."""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.domain.errors import Transient, Unauthenticated

ALGORITHM: Final = "RS256"
LEAST_BITS: Final = 2048


class KeySource(Protocol):
    """Where an issuer publishes its keys."""

    def fetch(self) -> Mapping[str, Any]:
        """The JSON Web Key Set as it is now. Raises Transient when it cannot be had."""


class KeyRing:
    """The keys by their ids, for every thread of a process.

    Keys older than `ttl` seconds are fetched anew by whoever needs one next; others use what is
    there meanwhile, and for at most `stale` seconds while the issuer is down. An unknown id makes
    it ask at once, so that rotated keys work without a restart, but never twice within `pause`
    seconds: made-up ids cannot hammer the issuer.
    """

    def __init__(
        self,
        source: KeySource,
        *,
        ttl: float = 600.0,
        pause: float = 5.0,
        stale: float = 86_400.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._source = source
        self._ttl, self._pause, self._stale = ttl, pause, stale
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._failure: str | None = None
        self._asking = threading.Lock()

    def ready(self, kid: str) -> bool:
        """Whether `find` answers without asking the issuer or waiting for who does."""
        if kid in self._keys:
            return self._younger_than(self._ttl) or not self._may_ask()
        return not self._may_ask() and not self._asking.locked()

    def find(self, kid: str) -> RSAPublicKey:
        """The key of that id. Raises Unauthenticated when the issuer has none, and Transient
        when it cannot be asked."""
        if not self.ready(kid):
            self._refresh(wait=kid not in self._keys)
        found = self._keys.get(kid)
        if found is not None and self._younger_than(self._stale):
            return found
        if self._failure is not None:
            raise Transient(f"the identity provider's keys cannot be fetched: {self._failure}")
        raise Unauthenticated(
            "this token was signed with a key that its issuer does not publish: sign in again"
        )

    def _younger_than(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at < seconds

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._clock() - self._asked_at >= self._pause

    def _refresh(self, *, wait: bool) -> None:
        if not self._asking.acquire(blocking=wait):
            return
        try:
            if self._may_ask():
                self._ask()
        finally:
            self._asking.release()

    def _ask(self) -> None:
        try:
            self._keys = read_keys(self._source.fetch())
            self._fetched_at, self._failure = self._clock(), None
        except Transient as error:
            self._failure = error.reason
        finally:
            self._asked_at = self._clock()


def read_keys(published: Mapping[str, Any]) -> dict[str, RSAPublicKey]:
    """The keys that can check RS256, by id; others in the set are not for us.

    Raises Transient when there is none: an issuer that is being set up has none yet.
    """
    listed = published.get("keys")
    found = {}
    for entry in listed if isinstance(listed, list) else []:
        key = _key(entry)
        if key is not None:
            found[str(entry["kid"])] = key
    if not found:
        raise Transient(f"it publishes no {ALGORITHM} key of {LEAST_BITS} bits or more")
    return found


def _key(entry: Any) -> RSAPublicKey | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    for_signatures = entry.get("use", "sig") == "sig" and entry.get("alg", ALGORITHM) == ALGORITHM
    if not for_signatures or entry.get("kty") != "RSA":
        return None
    public = {name: entry.get(name) for name in ("kty", "n", "e")}
    try:
        key = jwt.PyJWK(public, algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_BITS else None
