"""What an app wrote, as the engine kept it."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.adapters.docker.engine import Engine, translated
from shared.adapters.docker.reports import instant
from shared.ports.compute import OutputLine


def read_output(
    engine: Engine, provider_id: str, tail: int, since: datetime | None
) -> Sequence[OutputLine]:
    """Both streams, in the order of their timestamps: one request each, as one would mix them."""
    both = heapq.merge(
        _stream(engine, provider_id, "stdout", tail, since),
        _stream(engine, provider_id, "stderr", tail, since),
        key=lambda line: line.at,
    )
    return tuple(both)[-tail:] if tail > 0 else ()


def _stream(
    engine: Engine, provider_id: str, stream: str, tail: int, since: datetime | None
) -> Iterator[OutputLine]:
    with translated(f"the output of instance {provider_id[:12]}"):
        raw: bytes = engine.api.logs(
            provider_id,
            stdout=stream == "stdout",
            stderr=stream == "stderr",
            timestamps=True,
            tail=tail,
            since=since.timestamp() if since else None,
        )
    # Only a newline ends a line: progress bars use carriage returns, and apps any other byte.
    for entry in raw.decode("utf-8", "replace").split("\n"):
        stamp, _, text = entry.partition(" ")
        at = instant(stamp)
        if at is not None:
            yield OutputLine(at, stream, text.removesuffix("\r"))
