"""Reading a provider's document: what is missing or of another kind is said by its place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shared.domain.errors import Invalid

NO_COMMIT: Final = frozenset("0")
"""The digits of the SHA that means: nothing there."""
MOST_PATHS: Final = 3000
"""More changed files than this are not kept: whoever asks is told that nobody knows."""
_MESSAGE: Final = 2000
_NAME: Final = 255
_REF: Final = 255


class Fields:
    """A document and where in the payload it stands."""

    def __init__(self, document: object, place: str = "") -> None:
        if not isinstance(document, Mapping):
            raise Invalid(f"{place or 'the payload'} is not an object")
        self._document = document
        self._place = place

    def raw(self, name: str) -> Any:
        return self._document.get(name)

    def has(self, name: str) -> bool:
        return self._document.get(name) is not None

    def inner(self, name: str) -> "Fields":
        """Raises Invalid when there is none."""
        return Fields(self._document.get(name), self._named(name))

    def maybe(self, name: str) -> "Fields":
        """The document of that name, or an empty one."""
        found = self._document.get(name)
        return Fields(found if isinstance(found, Mapping) else {}, self._named(name))

    def text(self, name: str) -> str:
        """Raises Invalid when it is not a text with something in it."""
        found = self._document.get(name)
        if not isinstance(found, str) or not found:
            raise Invalid(f"{self._named(name)} is not a text")
        return clean(found)

    def ref(self, name: str) -> str:
        """The name of a branch or tag. Raises Invalid for one no Git server takes."""
        found = self.text(name)
        if len(found) > _REF:
            raise Invalid(f"{self._named(name)} is longer than the name of a branch can be")
        return found

    def said(self, name: str, longest: int = _NAME) -> str:
        """The text of that name, cut to `longest`; empty without one."""
        found = self._document.get(name)
        return clean(found)[:longest] if isinstance(found, str) else ""

    def message(self, name: str) -> str:
        return self.said(name, _MESSAGE)

    def number(self, name: str) -> int:
        """Raises Invalid when it is not a whole number."""
        found = self._document.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**31:
            raise Invalid(f"{self._named(name)} is not a number")
        return found

    def id(self, name: str) -> str:
        """An id, which providers write as a number or a text; empty without one."""
        found = self._document.get(name)
        known = isinstance(found, int | str) and not isinstance(found, bool)
        return str(found)[:64] if known else ""

    def flag(self, name: str) -> bool:
        return self._document.get(name) is True

    def each(self, name: str) -> Iterator["Fields"]:
        """The documents of a list; none without it."""
        found = self._document.get(name)
        for number, item in enumerate(found if isinstance(found, list) else ()):
            yield Fields(item, f"{self._named(name)}[{number}]")

    def count(self, name: str) -> int:
        found = self._document.get(name)
        return len(found) if isinstance(found, list) else 0

    def texts(self, name: str) -> list[str]:
        found = self._document.get(name)
        return [clean(t) for t in found if isinstance(t, str)] if isinstance(found, list) else []

    def _named(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name


def clean(text: str) -> str:
    """What databases refuse is replaced: NUL, and halves of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def sha(text: str) -> str:
    """The SHA, or an empty text for the one of zeros. Raises Invalid when it is none."""
    if len(text) not in (40, 64) or not set(text) <= set("0123456789abcdef"):
        raise Invalid(f"{text[:80]!r} is not the SHA of a commit")
    return "" if set(text) <= NO_COMMIT else text


def changed_paths(commits: Sequence[Fields]) -> tuple[str, ...] | None:
    """What these commits touch, sorted; None when it is more than is kept."""
    found: set[str] = set()
    for commit in commits:
        for kind in ("added", "modified", "removed"):
            found.update(commit.texts(kind))
        if len(found) > MOST_PATHS:
            return None
    return tuple(sorted(found))
