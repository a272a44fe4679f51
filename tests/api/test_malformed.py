"""1 000 requests that nobody should send: each is refused with problem details, none fails us."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.api.conftest import Platform
from tests.api.operations import Operation, operations
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

REQUESTS: Final = 1000
OF_CALLERS = [o for o in operations() if o.by_caller]


@dataclass(frozen=True)
class Sent:
    """One request; `content` is its body as it goes over the wire."""

    operation: Operation
    url: str
    headers: dict[str, bytes] = field(default_factory=dict)
    content: bytes | None = None


Maker = Callable[[random.Random, Operation, Scene], Sent]


def takes_json(operation: Operation) -> bool:
    content = operation.described.get("requestBody", {}).get("content", {})
    return "application/json" in content


BODIES: Final[list[Callable[[random.Random, bytes], bytes]]] = [
    lambda r, sample: sample[: r.randrange(1, max(2, len(sample) - 1))],
    lambda r, _: b"[" * r.choice([1, 50, 5000, 200_000]),
    lambda r, _: b'{"a":' * r.choice([10, 5000, 100_000]),
    lambda r, _: bytes(r.randrange(256) for _ in range(r.randrange(1, 200))) + b"\xff",
    lambda r, _: r.choice([b"0", b"true", b"[]", b"1e999", b'"text"', b"NaN", b"-", b"{]"]),
    lambda r, sample: sample + b"}" * r.randrange(1, 9),
    lambda r, _: json.dumps({"x" * r.randrange(1, 4000): r.random()}).encode(),
    lambda r, _: b'{"name": "\\ud800", "\\u0000": ' + b"9" * r.choice([1, 400, 5000]) + b"}",
    lambda r, sample: sample.replace(b'"', b"'"),
    lambda r, sample: b"\xef\xbb\xbf" + sample.replace(b":", b"=", 1),
]
"""What is no JSON, or no object that any operation knows."""
KEYS: Final = [b"", b"a b", b"\xff\xfe", b"k" * 256, b"tab\there", "schlüssel".encode()]
IDS: Final = [
    "1",
    "null",
    "00000000-0000-0000-0000-00000000000",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "' OR 1=1 --".replace(" ", "%20"),
    "%F0%9F%9B%92",
    "%ff%fe",
    "x" * 3000,
    "{project_id}",
    "00000000-0000-4000-8000-000000000001%0d%0aX-Injected:1",
]
QUERIES: Final = [
    ("limit", ["0", "100001", "-1", "ten", "1e3", "9" * 400]),
    ("cursor", ["%00", "x" * 501, "====", "AAAA", "%F0%9F%9B%92", "' OR 1=1"]),
    ("dry_run", ["maybe", "2", "", "%00"]),
    ("wait", ["-1", "26", "NaN", "inf", "soon"]),
    ("after", ["-1", "x", "9" * 40 + ".5"]),
    ("tail", ["0", "5001", "all"]),
    ("since", ["yesterday", "2026-13-01", "9" * 30, "2026-01-01T00:00:00"]),
    ("state", ["no such state", "%00"]),
]
TOKENS: Final = [b"", b"Bearer", b"Bearer  ", b"Basic Zm9vOmJhcg==", b"Bearer \xff", b"Bearer a b"]


def broken_body(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    sample = json.dumps(operation.sample or {"name": "x"}).encode()
    kinds = [b"application/json", b"application/json; charset=utf-16", b"application/vnd.api+json"]
    body = r.choice(BODIES)(r, sample)
    return Sent(operation, scene.url(operation), {"Content-Type": r.choice(kinds)}, body)


def wrong_type(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    """Each field of the sample becomes something that it cannot be."""
    odd: list[Any] = [{"$gt": ""}, [[]], {"a": {"b": []}}, [None, 1]]
    body = {name: r.choice(odd) for name in operation.sample or {}} | {"no such field": 1}
    json_type = {"Content-Type": b"application/json"}
    return Sent(operation, scene.url(operation), json_type, json.dumps(body).encode())


def other_media_type(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    kind = r.choice([b"text/xml", b"image/png", b"multipart/form-data", b"x", b"application/xml"])
    return Sent(operation, scene.url(operation), {"Content-Type": kind}, b"<name>x</name>")


def broken_key(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    sample = json.dumps(operation.sample or {}).encode()
    headers = {"Idempotency-Key": r.choice(KEYS), "Content-Type": b"application/json"}
    return Sent(operation, scene.url(operation), headers, sample)


def broken_token(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    return Sent(operation, scene.url(operation), {"Authorization": r.choice(TOKENS)})


def broken_id(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    name = r.choice([n for n in operation.names("path") if n.endswith("_id")])
    url = scene.url(operation, **{name: "THE-ID"}).replace("THE-ID", r.choice(IDS))
    sample = json.dumps(operation.sample or {}).encode()
    return Sent(operation, url, {"Content-Type": b"application/json"}, sample)


def broken_query(r: random.Random, operation: Operation, scene: Scene) -> Sent:
    known = set(operation.names("query"))
    name, values = r.choice([(n, v) for n, v in QUERIES if n in known])
    return Sent(operation, f"{scene.url(operation)}?{name}={r.choice(values)}")


MAKERS: Final[list[tuple[Maker, list[Operation]]]] = [
    (broken_body, [o for o in OF_CALLERS if takes_json(o)]),
    (wrong_type, [o for o in OF_CALLERS if takes_json(o) and o.sample]),
    (other_media_type, [o for o in OF_CALLERS if takes_json(o) and o.id != "variables.replace"]),
    (broken_key, [o for o in OF_CALLERS if o.writes]),
    (broken_token, OF_CALLERS),
    (broken_id, [o for o in OF_CALLERS if any(n.endswith("_id") for n in o.names("path"))]),
    (broken_query, [o for o in OF_CALLERS if set(o.names("query")) & {n for n, _ in QUERIES}]),
]


def requests(scene: Scene) -> Iterator[Sent]:
    """Always the same ones, over all operations in turn."""
    r = random.Random(20260101)
    for number in range(REQUESTS):
        maker, known = MAKERS[number % len(MAKERS)]
        yield maker(r, known[number // len(MAKERS) % len(known)], scene)


def test_a_thousand_malformed_requests_are_refused_and_change_nothing(
    platform: Platform, ours: Scene
) -> None:
    before = platform.rows(ours.organization_id)
    wrong: list[str] = []
    sent = 0
    with platform.client(ours.owner) as client:
        for request in requests(ours):
            sent += 1
            answer = client.request(
                request.operation.method,
                request.url,
                headers=request.headers,
                content=request.content,
            )
            if trouble := _trouble(answer):
                wrong.append(f"{request}: {answer.status_code} {trouble}"[:600])
    assert wrong == []
    assert sent == REQUESTS
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(ours.organization_id) == []


def _trouble(answer: Any) -> str | None:
    if not 400 <= answer.status_code < 500:
        return f"is no refusal: {answer.text[:200]}"
    if answer.headers["content-type"] != "application/problem+json":
        return f"is {answer.headers['content-type']}"
    problem = answer.json()
    if problem["status"] != answer.status_code or not problem["detail"] or not problem["type"]:
        return f"says {problem}"
    return None if answer.headers["x-content-type-options"] == "nosniff" else "has no headers"
