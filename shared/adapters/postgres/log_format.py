"""Log lines as stored: split to size, packed, and read again."""

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.logs import LogLine

CHUNK_BYTES: Final = 64 * 1024
"""Text one stored chunk holds at most."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Line = tuple[datetime, str, str]
"""When, on which stream, and what was said."""


def split(lines: Iterable[Line]) -> Iterator[tuple[list[Line], int]]:
    """Parts of at most CHUNK_BYTES of text, with their size. A line that is longer becomes more."""
    part: list[Line] = []
    size = 0
    for at, stream, text in lines:
        for piece in _pieces(text):
            piece_size = len(piece.encode("utf-8", "replace")) + 1
            if part and size + piece_size > CHUNK_BYTES:
                yield part, size
                part, size = [], 0
            part.append((at, stream, piece))
            size += piece_size
    if part:
        yield part, size


def _pieces(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "replace")
    if len(raw) < CHUNK_BYTES:
        yield text
        return
    start = 0
    while start < len(raw):
        end = min(start + CHUNK_BYTES - 1, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield raw[start:end].decode("utf-8")
        start = end


def pack(lines: Iterable[Line]) -> bytes:
    rows = [[(at - _EPOCH) // _MICROSECOND, stream, text] for at, stream, text in lines]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=3)


def unpack(content: bytes, source: str, first_sequence: int) -> list[LogLine]:
    rows = json.loads(zlib.decompress(content))
    return [
        LogLine(sequence, _EPOCH + timedelta(microseconds=at), source, stream, text)
        for sequence, (at, stream, text) in enumerate(rows, first_sequence)
    ]
