"""Requests, answers and refusals, as every simulated service sees them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

Document = dict[str, Any]
"""A JSON object as a client sends it or a service shows it."""


@dataclass(frozen=True, slots=True)
class Call:
    """`path` is below the service's prefix; header names are in lower case; `base` is the address
    that the client used, which absolute links begin with."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    content: bytes
    base: str
    request_id: str = ""

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def every(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def document(self, envelope: str = "") -> Document:
        """The body, or what is in its envelope. Raises RefusedError where it is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            raise RefusedError(400, "Malformed request body") from None
        if envelope and isinstance(found, dict):
            found = found.get(envelope)
        if not isinstance(found, dict):
            raise RefusedError(400, f"'{envelope or 'body'}' is a required property")
        return found


@dataclass(slots=True)
class Answer:
    """`body` is sent as JSON where it is an object, as it is where it is text."""

    status: int = 200
    body: Document | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A service says no. `kind` is its own word for the reason, where it has one; `body` replaces
    the service's usual shape."""

    def __init__(
        self,
        status: int,
        message: str = "",
        kind: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        body: Document | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind
        self.headers, self.body = dict(headers or {}), body


Handler = TypeVar("Handler", bound=Callable[..., Answer])
_NAME: Final = re.compile(r"\{(\w+)\}")


class Router:
    """What a service answers: a handler gets the world, the call and the path's names."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = []

    def __call__(self, method: str, path: str) -> Callable[[Handler], Handler]:
        pattern = re.compile(f"^{_NAME.sub(lambda m: f'(?P<{m[1]}>[^/]+)', path)}/?$")

        def register(handler: Handler) -> Handler:
            self._routes.append((method, pattern, handler))
            return handler

        return register

    def include(self, other: "Router") -> None:
        """Answer what the other does as well."""
        self._routes += other._routes

    def find(self, method: str, path: str) -> tuple[Callable[..., Answer], dict[str, str]] | None:
        """The handler and the names; None for an unknown path. Raises RefusedError with 405."""
        known = False
        for verb, pattern, handler in self._routes:
            found = pattern.match(path)
            if found and verb == method:
                return handler, found.groupdict()
            known = known or found is not None
        if known:
            raise RefusedError(405, "The method is not allowed for this resource.")
        return None
