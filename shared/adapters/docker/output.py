"""What an app wrote, as the engine kept it.

The engine keeps a line longer than 16 KiB in pieces, each with an instant of its own, and counts
pieces where it is asked for lines. Only whole lines are shown: a secret cut in two could not be
masked, be it still being written or cut by its process's end.
"""

import heapq
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import requests
from docker.errors import create_api_error_from_http_exception

from shared.adapters.docker.engine import Engine, translated
from shared.adapters.docker.reports import instant
from shared.ports.compute import OutputLine

_PIECE_BYTES = 16 * 1024
_HEADER = struct.Struct(">BxxxL")
"""Of each entry: the stream's number, three empty bytes, and its length."""
_SPARE = 64
"""Pieces read beyond what was asked for, so that the first lines shown are whole."""


@dataclass(frozen=True, slots=True)
class _Written:
    """One stream's whole lines, and of how many pieces the engine sent it."""

    lines: Sequence[OutputLine]
    pieces: int


def read_output(
    engine: Engine, provider_id: str, tail: int, since: datetime | None
) -> Sequence[OutputLine]:
    """Both streams, in the order of their timestamps: one request each, as one would mix them."""
    if tail <= 0:
        return ()
    asked = tail + 2 * _SPARE
    written = [_stream(engine, provider_id, name, asked) for name in ("stdout", "stderr")]
    # The engine counts both streams together, and what is written between the requests as well.
    cut = sum(stream.pieces for stream in written) >= asked - _SPARE
    streams = [stream.lines[1:] if cut else stream.lines for stream in written]
    both = heapq.merge(*streams, key=lambda line: line.at)
    wanted = [line for line in both if since is None or line.at >= since]
    return tuple(wanted[-tail:])


def _stream(engine: Engine, provider_id: str, stream: str, tail: int) -> _Written:
    lines, begun, pieces = [], list[bytes](), 0
    at: datetime | None = None
    for entry in _entries(engine, provider_id, stream, tail):
        stamp, _, piece = entry.partition(b" ")
        at = at if begun else instant(stamp.decode("ascii", "replace"))
        begun.append(piece)
        pieces += 1
        # Only a newline ends a line: progress bars use carriage returns, and apps any other byte.
        if piece.endswith(b"\n") and at is not None:
            text = b"".join(begun)[:-1].decode("utf-8", "replace")
            lines.append(OutputLine(at, stream, text.removesuffix("\r")))
        if piece.endswith(b"\n") or len(piece) < _PIECE_BYTES:
            begun = []  # a short piece without a newline: its process ended in the middle of it
    return _Written(lines, pieces)


def _entries(engine: Engine, provider_id: str, stream: str, tail: int) -> Iterator[bytes]:
    """What the engine kept, entry by entry: the SDK would run them together."""
    api = engine.api
    url = f"{api.base_url}/v{api.api_version}/containers/{provider_id}/logs"
    asked = {stream: 1, "timestamps": 1, "tail": tail}
    with translated(f"the output of instance {provider_id[:12]}"):
        response = api.get(url, params=asked, timeout=api.timeout)
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            create_api_error_from_http_exception(error)
    raw, place = response.content, 0
    while place < len(raw):
        _, length = _HEADER.unpack_from(raw, place)
        place += _HEADER.size
        yield raw[place : place + length]
        place += length
