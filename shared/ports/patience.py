"""How long one invocation waits for the database in all, however many statements it sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

API_SECONDS: Final = 3.0
"""For whoever answers a person or a Git provider: far below the 30 s of API Gateway."""
_LEAST: Final = 0.5
"""Seconds that every wait has, so that an answer made late can still be kept."""


class Patience:
    """What is left of the time to wait. The threads of one invocation share it."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @property
    def exhausted(self) -> bool:
        return self._left <= 0

    @property
    def seconds(self) -> float:
        """For the next wait."""
        return max(self._left, _LEAST)

    def spend(self, seconds: float) -> None:
        self._left -= seconds


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Limit what is called inside to `seconds` of waiting; each wait beyond is a short one."""
    token = _current.set(Patience(seconds))
    try:
        yield
    finally:
        _current.reset(token)


def patience() -> Patience | None:
    """That of this invocation; None where nobody waits for it."""
    return _current.get()
