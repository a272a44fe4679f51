"""As many requests as a server answers, on connections that are kept."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CONNECTIONS: Final = 16
ANSWER_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """`request(n)` is the n-th request as it goes over the wire; `status` its only good answer."""

    name: str
    port: int
    request: Callable[[int], bytes]
    status: int


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last is answered, until told to stop."""

    def __init__(self, target: Target, counter: list[int], stopped: asyncio.Event) -> None:
        self._target, self._counter, self._stopped = target, counter, stopped
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        if self._stopped.is_set():
            self._transport.close()
            self.done.set_result(self.answered)
            return
        self._counter[0] += 1
        self._transport.write(self._target.request(self._counter[0]))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        if int(head[9:12]) != self._target.status:
            self.done.set_exception(SystemExit(f"{self._target.name}: {self._buffer[:600]!r}"))
            return
        self._buffer = b""
        self.answered += 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError(f"{self._target.name} hung up"))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def _load(target: Target, seconds: float, counter: list[int]) -> float:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    made = [
        loop.create_connection(
            lambda: _Connection(target, counter, stopped), "127.0.0.1", target.port
        )
        for _ in range(CONNECTIONS)
    ]
    began = time.monotonic()
    protocols = [protocol for _, protocol in await asyncio.gather(*made)]
    loop.call_later(seconds, stopped.set)
    waiting = asyncio.gather(*(protocol.done for protocol in protocols))
    answered = sum(await asyncio.wait_for(waiting, seconds + ANSWER_SECONDS))
    return answered / (time.monotonic() - began)


def rate(target: Target, seconds: float, counter: list[int]) -> float:
    """Requests a second. Raises SystemExit for an answer that is not the good one."""
    return asyncio.run(_load(target, seconds, counter))
