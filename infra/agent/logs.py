"""Log lines on their way to the control plane: batched, numbered, resent, bounded in memory."""

import codecs
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from infra.agent.control import JobGone, Refused, Unreachable, backoff
from shared.domain.masking import Masker, StreamMasker

MIB: Final = 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024
FLUSH_SECONDS: Final = 0.25
LINE_CHARACTERS: Final = 8 * 1024
"""A longer line is cut into several: one line must always fit into a chunk."""


class LogBuffer:
    """What a job has printed and nobody has taken yet.

    The first `head` bytes go out as they come. Beyond them the newest `tail` bytes are kept until
    the job ends, and a line says how much between them is missing. Sizes are of the encoded lines.
    """

    def __init__(
        self, head: int = 32 * MIB, tail: int = 8 * MIB, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self._flush_seconds = flush_seconds
        self._head_left = head
        self._tail_limit = tail
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped_lines = 0
        self._dropped_bytes = 0
        self._sealed: deque[bytes] = deque()
        self._open: list[bytes] = []
        self._open_size = 0
        self._opened_at = 0.0
        self._chunks = 0
        self._closed = False
        self._changed = threading.Condition()

    def add(self, stream: str, text: str) -> None:
        """Takes one line; never blocks on the network."""
        encoded = _encoded(stream, text)
        with self._changed:
            if self._closed:
                return
            if self._head_left >= len(encoded):
                self._head_left -= len(encoded)
                self._append(encoded)
            else:
                self._keep_newest(encoded)

    def close(self) -> None:
        """No more lines: what was held back joins the queue."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            if self._dropped_lines:
                self._append(_encoded("system", self._gap()))
            for encoded in self._tail:
                self._append(encoded)
            self._tail.clear()
            self._seal()
            self._changed.notify_all()

    def take(self) -> bytes | None:
        """The next chunk, waiting for it to fill or to age; None when closed and empty."""
        with self._changed:
            while not self._sealed:
                if self._closed:
                    return None
                age = time.monotonic() - self._opened_at
                if self._open and age >= self._flush_seconds:
                    self._seal()
                else:
                    self._changed.wait(self._flush_seconds - age if self._open else None)
            return self._sealed.popleft()

    def _append(self, encoded: bytes) -> None:
        if self._open_size + len(encoded) > CHUNK_BYTES - 64:
            self._seal()
        if not self._open:
            self._opened_at = time.monotonic()
            self._changed.notify_all()
        self._open.append(encoded)
        self._open_size += len(encoded) + 1

    def _seal(self) -> None:
        if self._open:
            lines = b",".join(self._open)
            self._sealed.append(b'{"chunk":%d,"lines":[%b]}' % (self._chunks, lines))
            self._chunks += 1
            self._open, self._open_size = [], 0
            self._changed.notify_all()

    def _keep_newest(self, encoded: bytes) -> None:
        if not self._tail and not self._dropped_lines:
            said = "The log is very long: from here on only its newest part is kept, until the end."
            self._append(_encoded("system", said))
        self._head_left = 0
        self._tail.append(encoded)
        self._tail_size += len(encoded)
        while self._tail_size > self._tail_limit:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._dropped_lines += 1
            self._dropped_bytes += len(gone)

    def _gap(self) -> str:
        size = self._dropped_bytes / MIB
        return (
            f"{self._dropped_lines} lines ({size:.1f} MiB) are missing here: the log was too long."
        )


class LogShipper:
    """Sends the buffer's chunks in order, each until it is accepted, from a thread of its own."""

    def __init__(self, buffer: LogBuffer, send: Callable[[bytes], None]) -> None:
        self._buffer = buffer
        self._send = send
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Sends what is left, for at most `seconds`; whether all of it was accepted."""
        self._buffer.close()
        self._thread.join(seconds)
        complete = not self._thread.is_alive() and not self._abandoned.is_set()
        self._abandoned.set()
        return complete

    def abandon(self) -> None:
        """Nobody takes these lines any more."""
        self._abandoned.set()
        self._buffer.close()

    def _run(self) -> None:
        while (chunk := self._buffer.take()) is not None and not self._abandoned.is_set():
            self._send_until_accepted(chunk)

    def _send_until_accepted(self, chunk: bytes) -> None:
        for pause in backoff():
            try:
                return self._send(chunk)
            except JobGone:
                return self._abandoned.set()
            except Refused as error:
                sys.stderr.write(f"a log chunk was refused and is lost: {error}\n")
                return None
            except Unreachable:
                if self._abandoned.wait(pause):
                    return None
        return None


class LineWriter:
    """Turns the bytes of one output stream into masked lines."""

    def __init__(self, masker: Masker, emit: Callable[[str], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._masker = StreamMasker(masker)
        self._emit = emit
        self._partial = ""

    def write(self, data: bytes) -> None:
        self._take(self._masker.feed(self._decoder.decode(data)))

    def close(self) -> None:
        """The stream has ended: what is left is the last line."""
        rest = self._masker.feed(self._decoder.decode(b"", final=True)) + self._masker.flush()
        self._take(rest)
        if self._partial:
            self._emit(self._partial)
            self._partial = ""

    def _take(self, text: str) -> None:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._emit(line.removesuffix("\r"))
        while len(self._partial) > LINE_CHARACTERS:
            self._emit(self._partial[:LINE_CHARACTERS])
            self._partial = self._partial[LINE_CHARACTERS:]


def cut_lines(text: str) -> list[str]:
    """`text` as lines short enough to be sent; NUL, which no database stores, is replaced."""
    lines: list[str] = []
    for line in text.replace("\x00", "\N{REPLACEMENT CHARACTER}").split("\n"):
        pieces = range(0, max(len(line), 1), LINE_CHARACTERS)
        lines += [line[at : at + LINE_CHARACTERS] for at in pieces]
    return lines


def _encoded(stream: str, text: str) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"at": now, "stream": stream, "text": text}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
