"""Every operation of the OpenAPI document, and the requests that exercise it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from infra.generate.events import BODIES
from infra.generate.openapi import FILE, render

METHODS_THAT_WRITE = {"post", "put", "patch", "delete"}
OF_THE_OPERATOR = {
    "agents.create_token",
    "agents.forget",
    "agents.list_tokens",
    "agents.revoke_token",
}
Document = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    described: Document = field(repr=False)

    @property
    def writes(self) -> bool:
        return self.method in METHODS_THAT_WRITE

    @property
    def tags(self) -> list[str]:
        return list(self.described.get("tags", []))

    @property
    def by_caller(self) -> bool:
        """A person or an API token calls it: not an agent, and not just anybody."""
        return {"caller": []} in self.described.get("security", [])

    @property
    def by_operator(self) -> bool:
        """Only the platform's operator may: what it changes is no organisation's."""
        return self.id in OF_THE_OPERATOR

    def names(self, where: str) -> list[str]:
        """Its parameters in `where`: path, query or header."""
        return [p["name"] for p in self.described.get("parameters", []) if p["in"] == where]

    def ids_in_query(self) -> list[str]:
        found = self.described.get("parameters", [])
        return [p["name"] for p in found if p["in"] == "query" and _is_id(p["name"], p["schema"])]

    @property
    def sample(self) -> Document | None:
        """The body of its sample event; an empty one where it has none but takes one."""
        body = BODIES.get(f"api.{self.id}")
        return body if body is not None or "requestBody" not in self.described else {}

    def url(self, ids: Mapping[str, object]) -> str:
        """Its path with the ids put in. Raises KeyError for one that nobody made."""
        return self.path.format(**{name: quote(str(ids[name])) for name in self.names("path")})

    def ids_in_body(self, document: Document) -> list[str]:
        """The top-level fields of its body, and those of groups (`a.b`), that name a row."""
        return sorted(_id_fields(_body_schema(self.described), document["components"]["schemas"]))


def operations() -> Iterator[Operation]:
    for path, item in document()["paths"].items():
        for method, described in item.items():
            yield Operation(described["operationId"], method, path, described)


def document() -> Document:
    """As the code says it now; that the committed file says the same is checked elsewhere."""
    import json

    return dict(json.loads(render()[FILE]))


def _body_schema(described: Document) -> Document:
    content = described.get("requestBody", {}).get("content", {})
    return dict(content.get("application/json", {}).get("schema", {}))


def _id_fields(schema: Document, known: Document, prefix: str = "", deep: int = 2) -> set[str]:
    found: set[str] = set()
    for option in [schema, *schema.get("anyOf", []), *schema.get("allOf", [])]:
        resolved = known[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        for name, inner in resolved.get("properties", {}).items():
            if _is_id(name, inner):
                found.add(f"{prefix}{name}")
            elif deep:
                found |= _id_fields(inner, known, f"{prefix}{name}.", deep - 1)
    return found


def _is_id(name: str, schema: Document) -> bool:
    options = [schema, *schema.get("anyOf", [])]
    return any(option.get("format") == "uuid" for option in options)
