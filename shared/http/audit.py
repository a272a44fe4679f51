"""The audit log between the API and the domain, also as files."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.domain.audit import AuditEvent
from shared.http.schemas import Out
from shared.ports.pages import Page

CSV: Final = "text/csv"
LINES: Final = "application/x-ndjson"
MOST_ROWS: Final = 10_000
"""How many a file holds; narrow it by time for more."""
_PAGE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Fetch = Callable[[int, str | None], Page[AuditEvent]]


class AuditEventOut(Out):
    id: UUID
    created_at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    resource_kind: str | None
    resource_id: str | None
    resource_name: str | None
    request_id: str | None
    address: str | None
    detail: dict[str, Any] | None


def wanted_type(accept: str) -> str | None:
    """The file type that the caller asks for; None is JSON in pages."""
    asked = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if CSV in asked:
        return CSV
    return LINES if asked & {LINES, "application/jsonl"} else None


def exported(kind: str, fetch: Fetch) -> Iterator[str]:
    """The events as a file, newest first, a page of them at a time."""
    if kind == CSV:
        yield _row(list(AuditEventOut.model_fields))
    cursor: str | None = None
    for _ in range(MOST_ROWS // _PAGE):
        page = fetch(_PAGE, cursor)
        yield "".join(_line(kind, AuditEventOut.model_validate(event)) for event in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(kind: str, out: AuditEventOut) -> str:
    return _cells(out) if kind == CSV else out.model_dump_json() + "\n"


def _cells(out: AuditEventOut) -> str:
    values = out.model_dump(mode="json", exclude={"detail"}).values()
    detail = "" if out.detail is None else json.dumps(out.detail, ensure_ascii=False)
    return _row(["" if value is None else str(value) for value in values] + [detail])


def _row(cells: list[str]) -> str:
    # a spreadsheet runs what begins like a formula
    safe = [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    text = io.StringIO()
    csv.writer(text).writerow(safe)
    return text.getvalue()
