"""Pages: a limit, a marker, and a link to the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from infra.simulator.calls import Call, Document, RefusedError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Cut:
    """How a service cuts: its page where none is asked for (None: all), its largest page, and the
    status for a marker that is none of its items."""

    largest: int
    usual: int | None = None
    bad_marker: int = 400


def limit_of(call: Call, cut: Cut) -> int | None:
    """How many items the page may have. A limit beyond the largest is cut without a word."""
    text = call.first("limit")
    if text is None:
        return cut.usual
    if not text.isdigit():
        raise RefusedError(400, "limit param must be an integer")
    return min(int(text), cut.largest) if int(text) else cut.usual or cut.largest


def page(
    call: Call, items: Sequence[Item], cut: Cut, marker_of: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """The items of the page that a call asks for, and the marker of the next. Raises
    RefusedError."""
    marker, rest = call.first("marker"), list(items)
    if marker:
        names = [marker_of(item) for item in items]
        if marker not in names:
            raise RefusedError(cut.bad_marker, f"marker [{marker}] not found")
        rest = rest[names.index(marker) + 1 :]
    limit = limit_of(call, cut)
    if limit is None:
        limit = cut.largest
    shown = rest[:limit]
    return shown, marker_of(shown[-1]) if len(rest) > len(shown) and shown else None


def following(call: Call, marker: str) -> str:
    """The query of the next page."""
    kept = [(key, value) for key, value in call.query if key != "marker"]
    return urlencode([*kept, ("marker", marker)])


def linked(
    plural: str, shown: Sequence[Any], address: str, call: Call, marker: str | None
) -> Document:
    """A page with its link, as Nova and Cinder write it."""
    body: Document = {plural: list(shown)}
    if marker is not None:
        href = f"{address}?{following(call, marker)}"
        body[f"{plural}_links"] = [{"rel": "next", "href": href}]
    return body
