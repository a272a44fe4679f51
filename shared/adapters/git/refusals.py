"""What a provider's HTTP status means here: the one table both adapters use."""

import time
from collections.abc import Mapping
from typing import Final

from shared.domain.errors import AccessLost, Invalid, NotFound, PlatformError, Transient

_GONE: Final = {404, 410, 451}
_REFUSED: Final = {400, 405, 409, 422}
_MOST_SECONDS: Final = 3600


def refusal(name: str, status: int, said: str, headers: Mapping[str, str]) -> PlatformError:
    """The error for an answer with `status`; `said` is the provider's own sentence."""
    said = " ".join(said.split())[:300]
    wait = retry_after(headers)
    if status == 429 or (status == 403 and _throttled(said, headers)):
        return Transient(f"{name} asks us to slow down: {said}", retry_after=wait)
    if status in {401, 403}:
        return AccessLost(f"{name} refuses the connection's access: {said or status}")
    if status in _GONE:
        return NotFound(f"{name} does not have that, or hides it from this account: {said}")
    if status in _REFUSED:
        return Invalid(f"{name} refuses the request: {said}")
    return Transient(f"{name} answered {status}: {said}", retry_after=wait)


def unreachable(name: str, error: Exception) -> Transient:
    """The error where no answer came: a timeout, a broken line, a certificate."""
    if "CERTIFICATE" in str(error).upper():
        return Transient(f"{name}'s certificate is not trusted: set C2D_GIT_CA_FILE to its CA file")
    return Transient(f"{name} did not answer in time ({type(error).__name__})")


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds to wait by `Retry-After`, or by the moment when the quota is filled again."""
    low = {key.lower(): str(value) for key, value in headers.items()}
    after = low.get("retry-after", "")
    if after.isdigit():
        return min(int(after), _MOST_SECONDS)
    if low.get("x-ratelimit-remaining", low.get("ratelimit-remaining")) != "0":
        return None
    reset = low.get("x-ratelimit-reset", low.get("ratelimit-reset", ""))
    return min(max(int(reset) - int(time.time()), 1), _MOST_SECONDS) if reset.isdigit() else None


def _throttled(said: str, headers: Mapping[str, str]) -> bool:
    return retry_after(headers) is not None or "rate limit" in said.lower()
