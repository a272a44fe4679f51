"""A small HTTP app for load: names its version, takes its time on request, dies without grace.

    python benchmarks/upstream.py 127.64.0.5:17080 --version v2

GET or POST /        answers the version at once
GET or POST /slow    the same after 500 ms
/status/503          that status; /stream one chunk every 100 ms, ten times
Upgrade: websocket   echoes bytes until either side closes
"""

import argparse
import asyncio
import re
from collections.abc import Coroutine

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
SLOW_SECONDS = 0.5


class App(asyncio.Protocol):
    """One connection; requests come one after the other, as a proxy sends them."""

    def __init__(self, version: str) -> None:
        self._version = version.encode()
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._upgraded:
            self._write(data)
            return
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        wanted = int(length[1]) if length else 0
        if end and len(body) >= wanted:
            self._buffer = body[wanted:]
            self._answer(head, body[:wanted])

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if b"upgrade: websocket" in head.lower():
            self._upgraded = True
            self._write(b"HTTP/1.1 101 Switching Protocols\r\n")
            self._write(b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        elif path == b"/slow":
            self._later(self._reply_slowly(body))
        elif path == b"/stream":
            self._later(self._stream())
        elif path.startswith(b"/status/"):
            self._reply(path.removeprefix(b"/status/"), body)
        else:
            self._reply(b"200", body)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply_slowly(self, body: bytes) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        self._reply(b"200", body)

    async def _stream(self) -> None:
        self._write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(10):
            self._write(b"3\r\n" + b"%02d\n" % number + b"\r\n")
            await asyncio.sleep(0.1)
        self._write(b"0\r\n\r\n")

    def _reply(self, status: bytes, body: bytes) -> None:
        text = self._version + b" " + body
        self._write(
            b"HTTP/1.1 %s Answer\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text)
        )

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)


async def serve(address: str, version: str) -> None:
    """Answer on `address` until the process is killed."""
    host, _, port = address.partition(":")
    server = await asyncio.get_running_loop().create_server(
        lambda: App(version), host, int(port), backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--version", default="v1")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.address, arguments.version))


if __name__ == "__main__":
    main()
