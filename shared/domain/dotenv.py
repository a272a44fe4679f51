"""Reads `.env` text: KEY=VALUE, comments, `export`, quotes, values of several lines."""

import re
from typing import Final

from shared.domain.errors import Invalid

_START: Final = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse(text: str) -> dict[str, str]:
    """The variables of a text, in its order. Raises Invalid with the line that is wrong.

    The message never repeats a line: it may hold a secret.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    variables: dict[str, str] = {}
    at = 0
    while at < len(text):
        end = _line_end(text, at)
        line = text[at:end].strip()
        if not line or line.startswith("#"):
            at = end + 1
            continue
        place = f"line {text.count(chr(10), 0, at) + 1}"
        start = _START.match(text, at)
        if start is None:
            raise Invalid(f"{place}: this is not KEY=VALUE")
        if start["key"] in variables:
            raise Invalid(f"{place}: {start['key']} is given twice")
        variables[start["key"]], at = _value(text, start.end(), place)
    return variables


def _value(text: str, at: int, place: str) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        end = _line_end(text, at)
        return _COMMENT.sub("", text[at:end]).strip(), end + 1
    value, after = _quoted(text, at + 1, quote, place)
    end = _line_end(text, after)
    rest = text[after:end].strip()
    if rest and not rest.startswith("#"):
        raise Invalid(f"{place}: something follows the closing quote")
    return value, end + 1


def _quoted(text: str, at: int, quote: str, place: str) -> tuple[str, int]:
    pieces: list[str] = []
    while at < len(text):
        character = text[at]
        if character == quote:
            return "".join(pieces), at + 1
        if character == "\\" and quote == '"' and at + 1 < len(text):
            following = text[at + 1]
            pieces.append(_ESCAPES.get(following, "\\" + following))
            at += 2
            continue
        pieces.append(character)
        at += 1
    raise Invalid(f"{place}: the quote is never closed")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
