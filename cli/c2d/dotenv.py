"""Reads and writes `.env` files: comments, `export`, quotes, values of several lines."""

import re
from typing import Final

from c2d.errors import CliError

_START: Final = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_./:@%+,=?&~^!*()|;<>\[\]{}$-]*")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse(text: str, name: str) -> dict[str, str]:
    """The variables of a file, in its order. Raises CliError with the line that is wrong.

    The message never repeats a line: it may hold a secret.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        end = _line_end(text, position)
        line = text[position:end].strip()
        if not line or line.startswith("#"):
            position = end + 1
            continue
        number = text.count("\n", 0, position) + 1
        start = _START.match(text, position)
        if start is None:
            raise CliError(f"{name}, line {number}: this is not KEY=VALUE")
        if start["key"] in variables:
            raise CliError(f"{name}, line {number}: {start['key']} is given twice")
        value, position = _value(text, start.end(), f"{name}, line {number}")
        variables[start["key"]] = value
    return variables


def line(key: str, value: str) -> str:
    """`KEY=value`, quoted where `parse` would read something else."""
    if _BARE.fullmatch(value):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
    return f'{key}="{escaped}"'


def _value(text: str, at: int, place: str) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        end = _line_end(text, at)
        return re.sub(r"(^|\s)#.*$", "", text[at:end]).strip(), end + 1
    value, after = _quoted(text, at + 1, quote, place)
    end = _line_end(text, after)
    rest = text[after:end].strip()
    if rest and not rest.startswith("#"):
        raise CliError(f"{place}: something follows the closing quote")
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
    raise CliError(f"{place}: the quote is never closed")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
