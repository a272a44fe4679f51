"""References in values: `${{service.KEY}}`, `${{KEY}}` of the same service, `$${{` for the text."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.errors import Invalid

BUILT_IN: Final = ("HOST", "PORT", "URL")
"""What every service has without anybody setting it; a variable of that name comes first."""
Node = tuple[str, str]
"""A service's slug and one of its keys."""

_TOKEN: Final = re.compile(r"\$\$\{\{|\$\{\{(?P<inside>[^{}]*)\}\}|\$\{\{")
_NAME: Final = re.compile(
    r"\s*(?:(?P<service>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.)?(?P<key>[A-Za-z_][A-Za-z0-9_]{0,127})\s*"
)
_HOW: Final = (
    "write ${{KEY}} for a variable of this service, ${{service.KEY}} for another's, "
    "and $${{ where the text itself is meant"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value comes from; without a service from the one that refers."""

    service: str | None
    key: str

    def __str__(self) -> str:
        return f"{self.service}.{self.key}" if self.service else self.key

    @classmethod
    def read(cls, text: str) -> "Reference":
        """The inside of `${{…}}`. Raises Invalid."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise Invalid(f"a reference in the value names no variable: {_HOW}")
        return cls(found["service"], found["key"])

    def node(self, slug: str) -> Node:
        """What it means in a value of the service `slug`."""
        return (self.service or slug, self.key)


def references(value: str) -> tuple[Reference, ...]:
    """Those in `value`, each once, in their order. Raises Invalid for one that is not well formed.

    The message never repeats the value: it may be a secret.
    """
    found = [
        Reference.read(_inside(token)) for token in _TOKEN.finditer(value) if not _escape(token)
    ]
    return tuple(dict.fromkeys(found))


def substituted(value: str, given: Callable[[Reference], str]) -> str:
    """`value` with what `given` says in place of each reference, and without escapes."""

    def replaced(token: re.Match[str]) -> str:
        return "${{" if _escape(token) else given(Reference.read(_inside(token)))

    return _TOKEN.sub(replaced, value)


def _escape(token: re.Match[str]) -> bool:
    return token[0] == "$${{"


def _inside(token: re.Match[str]) -> str:
    if token["inside"] is None:
        raise Invalid(f"a reference in the value is never closed with }}}}: {_HOW}")
    return token["inside"]


def cycle(edges: Mapping[Node, Iterable[Node]], begin: Iterable[Node]) -> list[Node] | None:
    """A way that ends where it begins, reached from one of `begin` along `edges`; None if none is.

    Its first node is repeated at the end.
    """
    done: set[Node] = set()
    path: list[Node] = []
    waiting = [iter(begin)]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
            done.update(path[-1:])
            del path[-1:]
        elif node in path:
            return [*path[path.index(node) :], node]
        elif node not in done:
            path.append(node)
            waiting.append(iter(edges.get(node, ())))
    return None


def targets(node: Node, refers_to: Iterable[str]) -> tuple[Node, ...]:
    """What the value of `node` needs, of the names it is written with.

    What is built in never leads back to the variable of its name that refers to it.
    """
    named = (Reference.read(text).node(node[0]) for text in refers_to)
    return tuple(target for target in named if target != node or target[1] not in BUILT_IN)


def written(node: Node) -> str:
    """A node as people write it."""
    return f"{node[0]}.{node[1]}"
