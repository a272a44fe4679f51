"""Lists as Neutron gives them: any attribute filters, unknown ones are ignored without a word."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from infra.simulator.calls import Answer, Call, Document, RefusedError
from infra.simulator.neutron.refusals import UNKNOWN
from infra.simulator.world import World

_OURS: Final = {"limit", "marker", "page_reverse", "fields", "sort_key", "sort_dir"}
_BY_MARKER: Final = {"networks", "routers", "ports"}
_TAGS: Final = {"tags", "tags-any", "not-tags", "not-tags-any"}


def answer(world: World, call: Call, plural: str, items: Iterable[Document]) -> Answer:
    """The items of the page that a call asks for. Raises RefusedError."""
    wanted = {name: call.every(name) for name, _ in call.query if name not in _OURS}
    found = [i for i in items if all(_meets(i, n, v) for n, v in wanted.items())]
    found.sort(key=lambda item: str(item["id"]))
    shown, links = _page(world, call, plural, found)
    fields = call.every("fields")
    kept = [{f: i[f] for f in fields if f in i} if fields else i for i in shown]
    body: Document = {plural: kept}
    if links:
        body[f"{plural}_links"] = links
    return Answer(200, body)


def _meets(item: Document, name: str, values: list[str]) -> bool:
    if name in _TAGS:
        return _tagged(set(item.get("tags", ())), name, set(",".join(values).split(",")))
    if name not in item:
        return True
    if name == "fixed_ips":
        return _at(item["fixed_ips"], values)
    has = item[name]
    texts = {_text(value) for value in has} if isinstance(has, list) else {_text(has)}
    return any(value.lower() in texts for value in values)


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()


def _at(fixed: list[Mapping[str, str]], values: list[str]) -> bool:
    pairs = [value.partition("=") for value in values]
    return any(ip.get(name) == text for ip in fixed for name, _, text in pairs)


def _tagged(has: set[str], name: str, tags: set[str]) -> bool:
    match name:
        case "tags":
            return tags <= has
        case "tags-any":
            return bool(tags & has)
        case "not-tags":
            return not tags <= has
        case _:
            return not tags & has


def _page(
    world: World, call: Call, plural: str, items: list[Document]
) -> tuple[list[Document], list[Document]]:
    """There are links only where a limit is asked for, and "next" also when nothing follows."""
    limit_text, marker = call.first("limit") or "", call.first("marker")
    limit = _limit(world, limit_text, len(items))
    backwards = (call.first("page_reverse") or "").lower() == "true"
    names = [item["id"] for item in items]
    if marker and marker not in names and plural not in _BY_MARKER:
        place = sum(1 for name in names if str(name) <= marker)  # no error: from where it would be
        items = items[:place] if backwards else items[place:]
    elif marker:
        if marker not in names:
            kind, message = UNKNOWN[plural]
            raise RefusedError(404, message.format(marker), kind)
        place = names.index(marker)
        items = items[:place] if backwards else items[place + 1 :]
    if not limit:
        return items, []
    shown = items[-limit:] if backwards else items[:limit]
    links = []
    if len(shown) == limit or backwards:
        links.append({"rel": "next", "href": _link(call, plural, shown[-1:], {})})
    if len(shown) == limit or not backwards:
        reverse = {"page_reverse": "True"}
        links.append({"rel": "previous", "href": _link(call, plural, shown[:1], reverse)})
    return shown, links


def _limit(world: World, text: str, count: int) -> int:
    """How many there are on a page; 0 for all."""
    if text and not text.isdigit():
        raise RefusedError(
            400,
            f"Bad limit request: Limit must be an integer 0 or greater and not '{text}'.",
            "BadRequest",
        )
    largest = world.options.page_limit
    if text:
        return min(int(text), largest)
    return largest if count > largest else 0


def _link(call: Call, plural: str, at: list[Document], more: dict[str, str]) -> str:
    kept = [(key, value) for key, value in call.query if key not in ("marker", "page_reverse")]
    query = urlencode([*kept, *more.items(), *(("marker", item["id"]) for item in at)])
    return f"{call.base}/network/v2.0/{plural.replace('_', '-')}?{query}"
