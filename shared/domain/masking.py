"""Secret values leave no line: masks them in text and in streams, also where they are encoded."""

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus, unquote

MASK: Final = "***"
SHORTEST: Final = 4
"""Characters a value needs to be masked: shorter ones would blank out ordinary text."""
_HOLD_LIMIT: Final = 64 * 1024
_PASSWORD: Final = re.compile(r"(?<=://)[^\s/@:]*:(?P<password>[^\s/@]+)@")


class Masker:
    """Replaces every appearance of the given values, and of their usual encodings, by `***`.

    Covered: the value itself, each line of a value with several, the password in a URL, base64 at
    all three alignments (plain and URL-safe), URL-encoding and JSON escapes. Not covered: any
    other encoding, base64 wrapped over several lines, and values shorter than four characters
    (see `unmasked`).
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._variants: tuple[str, ...] = ()
        self._known: set[str] = set()
        self.unmasked = 0
        """How many values were too short to mask."""
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Masks these values too, from now on."""
        found = set(self._variants)
        for secret in secrets:
            if secret in self._known or not secret:
                continue
            self._known.add(secret)
            if not _maskable(secret):
                self.unmasked += 1
                continue
            found |= _variants(secret)
        self._variants = tuple(sorted(found))

    @property
    def longest(self) -> int:
        """Length of the longest text looked for, in characters."""
        return max(map(len, self._variants), default=0)

    def mask(self, text: str) -> str:
        """`text` without the secrets."""
        spans = self.spans(text)
        return _replaced(text, spans) if spans else text

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets are in `text`, overlapping ones joined, in order."""
        found: list[tuple[int, int]] = []
        for variant in self._variants:
            at = text.find(variant)
            while at >= 0:
                found.append((at, at + len(variant)))
                at = text.find(variant, at + 1)
        return _joined(found)


class StreamMasker:
    """Masks a stream that arrives in pieces cut anywhere, a secret's middle included.

    What could still become a secret is held back: at most the longest secret's length, and never
    across a line end, for no looked-for text holds one.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, piece: str) -> str:
        """The part of the stream that is safe to show now."""
        text = self._held + piece
        line_start = text.rfind("\n") + 1
        cut = max(line_start, len(text) - max(0, self._masker.longest - 1))
        spans = self._masker.spans(text)
        for start, end in spans:
            if start < cut < end:
                cut = start
        if len(text) - cut > _HOLD_LIMIT + self._masker.longest:
            return self._drop(text, cut)
        self._held = text[cut:]
        return _replaced(text[:cut], [span for span in spans if span[1] <= cut])

    def flush(self) -> str:
        """What was held back, masked: nothing more will come to complete it."""
        held, self._held = self._held, ""
        return self._masker.mask(held)

    def _drop(self, text: str, cut: int) -> str:
        """An endless run of secrets without a line end: masked whole rather than held for ever."""
        self._held = ""
        return self._masker.mask(text[:cut]) + MASK


def _variants(secret: str) -> set[str]:
    lines = [line.strip("\r") for line in secret.split("\n")]
    found: set[str] = set()
    inside = {part for line in lines for part in _passwords(line)}
    for plain in {secret, secret.strip(), *lines, *(line.strip() for line in lines), *inside}:
        if _maskable(plain):
            found |= _encoded(plain)
    return {text for text in found if len(text) >= SHORTEST and "\n" not in text}


def _passwords(line: str) -> set[str]:
    """The password of a URL, as it is written there and as it is typed."""
    found = {match["password"] for match in _PASSWORD.finditer(line)}
    return found | {unquote(password) for password in found}


def _maskable(value: str) -> bool:
    return len(value) >= SHORTEST and not value.isspace()


def _encoded(plain: str) -> set[str]:
    data = plain.encode("utf-8", "surrogatepass")
    found = {plain, quote_plus(data), quote(data, safe=""), quote(data)}
    found |= {_lower_escapes(text) for text in found}
    for ascii_only in (True, False):
        escaped = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
        found |= {escaped, escaped.replace("/", "\\/")}
    for offset in range(3):
        aligned = _base64_core(data, offset)
        found |= {aligned, aligned.replace("+", "-").replace("/", "_")}
    return found


def _lower_escapes(text: str) -> str:
    """Percent escapes in lower case, as some encoders write them."""
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64_core(data: bytes, offset: int) -> str:
    """The base64 characters that depend on `data` alone, `offset` bytes into a group of three."""
    encoded = base64.b64encode(b"\x00" * offset + data).decode("ascii")
    first = -(-offset * 8 // 6)
    last = (offset + len(data)) * 8 // 6
    return encoded[first:last]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _replaced(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]])
