"""What an app wrote, as the engine kept it.

The engine keeps a line longer than 16 KiB in pieces, each with an instant of its own, and counts
pieces where it is asked for lines. Only whole lines are shown: a secret cut in two could not be
masked.
"""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.docker.engine import Engine, translated
from shared.adapters.docker.reports import instant
from shared.ports.compute import OutputLine

_PIECE_BYTES = 16 * 1024
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")
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
    with translated(f"the output of instance {provider_id[:12]}"):
        raw: bytes = engine.api.logs(
            provider_id,
            stdout=stream == "stdout",
            stderr=stream == "stderr",
            timestamps=True,
            tail=tail,
        )
    lines, pieces = [], 0
    # Only a newline ends a line: progress bars use carriage returns, and apps any other byte.
    # What follows the last one is a line still being written.
    for entry in raw.split(b"\n")[:-1]:
        stamp, _, rest = entry.partition(b" ")
        parts = _parts(rest)
        pieces += len(parts)
        at = instant(stamp.decode("ascii", "replace"))
        if at is not None:
            text = b"".join(parts).decode("utf-8", "replace")
            lines.append(OutputLine(at, stream, text.removesuffix("\r")))
    return _Written(lines, pieces)


def _parts(text: bytes) -> list[bytes]:
    """A line's pieces, without the instants between them."""
    parts = []
    while len(text) > _PIECE_BYTES and (stamp := _STAMP.match(text, _PIECE_BYTES)):
        parts.append(text[:_PIECE_BYTES])
        text = text[stamp.end() :]
    return [*parts, text]
