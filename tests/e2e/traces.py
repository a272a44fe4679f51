"""Secrets that can be recognised wherever a part of them turns up, also encoded."""

import base64
import re
import secrets
import string
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LETTERS = string.ascii_lowercase[6:]
"""No hexadecimal digits: no id or digest looks like a part of a secret."""
PART = 10
CHUNK = 4 * 1024 * 1024
_HEX = re.compile(rb"\\x([0-9a-f]{16,})")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


@dataclass(frozen=True)
class Canary:
    """A secret of four random parts, joined by what encodings change."""

    parts: tuple[str, ...]

    @classmethod
    def new(cls) -> "Canary":
        return cls(tuple("".join(secrets.choice(LETTERS) for _ in range(PART)) for _ in range(4)))

    @property
    def value(self) -> str:
        one, two, three, four = self.parts
        return f'{one}/+{two}é {three}&="{four}~?'

    @property
    def needles(self) -> list[bytes]:
        """Each part, plain and in base64 at every alignment."""
        return [needle for part in self.parts for needle in (part.encode(), *in_base64(part))]


def in_base64(part: str) -> Iterator[bytes]:
    """The characters that `part` alone decides, wherever in a base64 text it stands."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + part.encode())
        first, last = -(-before * 8 // 6), (before + len(part)) * 8 // 6
        yield encoded[first:last]


class Search:
    """Looks for the parts of several canaries, and says where it found one."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._needles = [needle for canary in canaries for needle in canary.needles]

    def within(self, data: bytes) -> list[str]:
        """Every finding with a little of what stands around it."""
        found = []
        for needle in self._needles:
            at = data.find(needle)
            if at >= 0:
                found.append(repr(data[max(0, at - 60) : at + 60]))
        return found

    def in_files(self, folder: Path) -> list[str]:
        """Findings in all files below `folder`, one for each file."""
        found = []
        for path in folder.rglob("*"):
            try:
                if path.is_file() and not path.is_symlink():
                    with path.open("rb") as file:
                        seen = self.in_stream(iter(lambda f=file: f.read(CHUNK), b""))
                    found += [f"{path}: {what}" for what in seen[:1]]
            except FileNotFoundError:
                continue
        return found

    def in_output(self, argv: list[str]) -> list[str]:
        """Findings in what a program prints, however much that is."""
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            out = program.stdout
            found = self.in_stream(iter(lambda: out.read(CHUNK), b""))
        assert program.returncode == 0, argv
        return found

    def in_stream(self, chunks: Iterable[bytes]) -> list[str]:
        found: list[str] = []
        rest = b""
        for chunk in chunks:
            text = rest + chunk
            found += self.within(text)
            rest = text[-64:]
        return found


def opened(dump: bytes) -> bytes:
    """What a dump of a database holds in packed form: log chunks, and the engine's own values."""
    blobs = [bytes.fromhex(match[1].decode()) for match in _HEX.finditer(dump)]
    unpacked = [text for blob in blobs if (text := _inflated(blob))]
    decoded = [_debased(match[0]) for match in _BASE64.finditer(dump)]
    return b"\n".join([*blobs, *unpacked, *decoded])


def _inflated(blob: bytes) -> bytes:
    try:
        return zlib.decompress(blob)
    except zlib.error:
        return b""


def _debased(text: bytes) -> bytes:
    whole = text.rstrip(b"=")
    return base64.b64decode(whole[: len(whole) // 4 * 4])
