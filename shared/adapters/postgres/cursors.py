"""Cursors: where a page ended, as an opaque text."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from shared.domain.errors import BadRequest
from shared.ports.pages import Page

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """The order of every list: by time of creation, and by id where times are equal."""

    created_at: datetime
    id: UUID


def encode(position: Position) -> str:
    micros = (position.created_at - _EPOCH) // timedelta(microseconds=1)
    raw = micros.to_bytes(8, "big", signed=True) + position.id.bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str) -> Position:
    """Raises BadRequest for a text that `encode` did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        micros = int.from_bytes(raw[:8], "big", signed=True)
        return Position(_EPOCH + timedelta(microseconds=micros), UUID(bytes=raw[8:]))
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadRequest(
            "the cursor is not one of ours: take it from `next_cursor` of the page before"
        ) from error


def page(found: Sequence[T], limit: int, position: Callable[[T], Position]) -> Page[T]:
    """A page of at most `limit` out of `limit + 1` items read ahead."""
    items = found[:limit]
    return Page(items, encode(position(items[-1])) if len(found) > limit else None)


def decode_number(cursor: str) -> int:
    """The number a page ended with. Raises BadRequest for a text that is none of ours."""
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 9:
        raise BadRequest(
            "the cursor is not one of ours: take it from `next_cursor` of the page before"
        )
    return int(cursor)


def numbered_page(found: Sequence[T], limit: int, number: Callable[[T], int]) -> Page[T]:
    """The same for items in the order of a number."""
    items = found[:limit]
    return Page(items, str(number(items[-1])) if len(found) > limit else None)
