"""Passwords: scrypt, at most a few at a time, and as slow for who is not there."""

import hashlib
import secrets
import threading
import unicodedata
from typing import Final

from shared.domain.errors import Invalid

SHORTEST, LONGEST = 12, 200
_N, _R, _P, _BYTES = 2**15, 8, 1, 32
_MEMORY: Final = 64 * 1024 * 1024
_TURNS: Final = threading.BoundedSemaphore(2)
"""Each takes 32 MiB and a tenth of a second of a core: guessing must not stop the platform."""


def checked_password(password: str, email: str) -> str:
    """A password that may be chosen. Raises Invalid."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"a password has {SHORTEST} to {LONGEST} characters")
    if password.lower() in (email.lower(), email.partition("@")[0].lower()):
        raise Invalid("the password must not be the e-mail address")
    if len(set(password)) < 5:
        raise Invalid("a password has at least five different characters")
    return password


def hashed(password: str) -> str:
    """What is stored of a password, with its own salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_derived(password, salt, _N, _R, _P).hex()}"


def matches(password: str, stored: str | None) -> bool:
    """Whether it is the stored one. Without a stored one it takes as long to say no."""
    _, n, r, p, salt, expected = (stored or _NOBODY).split("$")
    found = _derived(password[:LONGEST], bytes.fromhex(salt), int(n), int(r), int(p))
    return secrets.compare_digest(found, bytes.fromhex(expected)) and stored is not None


def _derived(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    with _TURNS:
        return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=_BYTES)


_NOBODY: Final = f"scrypt${_N}${_R}${_P}${'00' * 16}${'00' * _BYTES}"
