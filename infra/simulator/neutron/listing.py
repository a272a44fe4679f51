"""Lists as Neutron gives them: any attribute filters, unknown ones are ignored without a word."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from infra.simulator.calls import Answer, Call, Document, RefusedError
from infra.simulator.world import World

_OURS: Final = {"limit", "marker", "page_reverse", "fields", "sort_key", "sort_dir"}
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
    limit = min(int(limit_text), world.options.page_limit) if limit_text.isdigit() else 0
    if not limit_text and len(items) > world.options.page_limit:
        limit = world.options.page_limit
    backwards = (call.first("page_reverse") or "").lower() == "true"
    names = [item["id"] for item in items]
    if marker:
        if marker not in names:
            raise RefusedError(404, f"{plural[:-1]} {marker} could not be found", "NotFound")
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


def _link(call: Call, plural: str, at: list[Document], more: dict[str, str]) -> str:
    kept = [(key, value) for key, value in call.query if key not in ("marker", "page_reverse")]
    query = urlencode([*kept, *more.items(), *(("marker", item["id"]) for item in at)])
    return f"{call.base}/network/v2.0/{plural.replace('_', '-')}?{query}"
