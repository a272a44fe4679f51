"""Lists in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in a stable order, and where the next ones start (None: nowhere)."""

    items: Sequence[T]
    next_cursor: str | None = None
