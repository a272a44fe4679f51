"""An open-loop HTTP load: requests leave at their time, however late the answers are."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ANSWER_SECONDS = 15.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: when it began and ended (monotonic), who answered, or what went wrong."""

    started: float
    finished: float
    slow: bool
    version: str = ""
    trouble: str = ""


class Load:
    """Half POST, half on new connections, half to /slow, all combinations equally often."""

    def __init__(self, port: int, host: str, rate: int) -> None:
        self.outcomes: list[Outcome] = []
        self._port = port
        self._host = host
        self._rate = rate
        self._idle: deque[Connection] = deque()
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The load, from a thread of its own, for as long as the block lasts."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(ANSWER_SECONDS * 3)

    async def _run(self) -> None:
        began, number = time.monotonic(), 0
        pending: set[asyncio.Task[None]] = set()
        while not self._stop.is_set():
            while number < (time.monotonic() - began) * self._rate:
                task = asyncio.create_task(self._one(number))
                pending.add(task)
                task.add_done_callback(pending.discard)
                number += 1
            await asyncio.sleep(1 / self._rate)
        if pending:
            await asyncio.wait(pending)
        for _, writer in self._idle:
            writer.close()

    async def _one(self, number: int) -> None:
        slow, started = bool(number & 4), time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                version, trouble = await self._ask(number, slow)
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
            version, trouble = "", f"{type(error).__name__}: {error}"
        self.outcomes.append(Outcome(started, time.monotonic(), slow, version, trouble))

    async def _ask(self, number: int, slow: bool) -> tuple[str, str]:
        post, fresh = bool(number & 1), bool(number & 2)
        body = b"n=%d" % number if post else b""
        if self._idle and not fresh:
            connection = self._idle.popleft()
        else:
            connection = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = connection
        done = False
        try:
            writer.write(self._request(post, slow, fresh, body))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            text = await reader.readexactly(length)
            done = not fresh
        finally:
            if done:
                self._idle.append(connection)
            else:
                writer.close()
        status = head.split(b" ", 2)[1].decode()
        version, _, echoed = text.partition(b" ")
        if status != "200" or echoed != body:
            return version.decode(), f"{status} {text[:80]!r}"
        return version.decode(), ""

    def _request(self, post: bool, slow: bool, fresh: bool, body: bytes) -> bytes:
        method, path = "POST" if post else "GET", "/slow" if slow else "/"
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        if post:
            lines.append(f"Content-Length: {len(body)}")
        if fresh:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
