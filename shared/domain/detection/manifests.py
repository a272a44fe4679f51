"""Tolerant readers of the manifests that projects carry."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from shared.domain.detection.tree import Tree

Table: TypeAlias = dict[str, Any]

_LINE_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA: Final = re.compile(r",(\s*[}\]])")


def read_json(tree: Tree, path: str) -> Table | None:
    """A JSON object (comments and trailing commas allowed), or None: absent or unreadable."""
    text = tree.read(path)
    if text is None:
        return None
    for candidate in (text, _strip_comments(text)):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def read_toml(tree: Tree, path: str) -> Table | None:
    """A TOML document, or None: absent or unreadable."""
    text = tree.read(path)
    if text is None:
        return None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def table(document: Table | None, *keys: str) -> Table:
    """A nested table by its keys, empty where any of them is missing or no table."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def text_of(document: Table | None, *keys: str) -> str | None:
    """A nested string by its keys, None where missing, blank or of another type."""
    value = table(document, *keys[:-1]).get(keys[-1])
    return value.strip() if isinstance(value, str) and value.strip() else None


def strings(value: object) -> list[str]:
    """The strings of a list, nothing where it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def read_any(tree: Tree, *paths: str) -> Iterator[tuple[str, str]]:
    """(path, text) of those of `paths` that exist and can be read, in the order given."""
    for path in paths:
        text = tree.read(path)
        if text is not None:
            yield path, text


def first_line(text: str) -> str:
    """The first line that says something: neither blank nor a comment."""
    for line in text.splitlines():
        stripped = line.split("#", 1)[0].strip()
        if stripped:
            return stripped
    return ""


def _strip_comments(text: str) -> str:
    without = _LINE_COMMENT.sub(lambda match: match.group(1) or "", text)
    return _TRAILING_COMMA.sub(r"\1", without)
