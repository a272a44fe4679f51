"""Lists as Designate gives them: twenty at a time."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from infra.simulator.calls import Answer, Call, Document, RefusedError
from infra.simulator.paging import Cut, following, page
from infra.simulator.world import World

_USUAL: Final = 20
_PAGING: Final = {"limit", "marker", "sort_key", "sort_dir"}
_FILTERS: Final = {"name", "type", "status", "description", "ttl", "email", "data", "tld", "action"}


def answer(world: World, call: Call, plural: str, items: Iterable[Document]) -> Answer:
    """The page that a call asks for. Raises RefusedError."""
    unknown = sorted({name for name, _ in call.query} - _PAGING - _FILTERS)
    if unknown:
        raise RefusedError(400, f"Invalid filters {', '.join(unknown)}", "bad_request")
    if call.first("limit") == "0":
        raise RefusedError(400, "limit should be an integer between 1 and 1000", "invalid_limit")
    wanted = [(name, value) for name, value in call.query if name in _FILTERS]
    found = [item for item in items if all(_meets(item, n, v) for n, v in wanted)]
    cut = Cut(world.options.page_limit, usual=min(_USUAL, world.options.page_limit))
    try:
        shown, marker = page(call, found, cut, lambda item: str(item["id"]))
    except RefusedError as refused:
        kind = "invalid_limit" if "limit" in refused.message else "marker_not_found"
        raise RefusedError(400, refused.message, kind) from None
    address = f"{call.base}/dns/v2{call.path}"
    links = {"self": f"{address}?{urlencode(call.query)}" if call.query else address}
    if marker is not None:
        links["next"] = f"{address}?{following(call, marker)}"
    return Answer(200, {plural: shown, "links": links, "metadata": {"total_count": len(found)}})


def _meets(item: Document, name: str, value: str) -> bool:
    """Values may have an asterisk at an end."""
    if name == "data":
        return value in item.get("records", ())
    has = str(item.get(name))
    if value.startswith("*"):
        return has.endswith(value[1:])
    if value.endswith("*"):
        return has.startswith(value[:-1])
    return has == value
