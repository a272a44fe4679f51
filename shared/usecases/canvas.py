"""Where a project's parts lie on its canvas: read, and saved whole."""

import json
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from shared.domain.canvas import Canvas
from shared.domain.errors import Invalid, TooLarge
from shared.domain.ids import now
from shared.domain.versions import Expected, refuse_changed
from shared.ports.store import UnitOfWork

MOST_BYTES: Final = 256 * 1024


def read_canvas(organization_id: UUID, project_id: UUID, *, uow: UnitOfWork) -> Canvas:
    """The project's canvas; an empty one of version 0 before anybody saved one."""
    with uow:
        uow.projects.get(organization_id, project_id)
        found = uow.canvases.find(organization_id, project_id)
    return found or Canvas(organization_id, project_id, {}, now(), version=0)


def save_canvas(
    organization_id: UUID,
    project_id: UUID,
    document: dict[str, Any],
    *,
    expected: Expected,
    uow: UnitOfWork,
) -> Canvas:
    """Replace the canvas. Raises PreconditionFailed when it is not one of the `expected` versions
    or changes this moment, TooLarge, Invalid."""
    _check(document)
    with uow:
        project = uow.projects.get(organization_id, project_id)
        found = uow.canvases.find(organization_id, project_id)
        version = found.version if found else 0
        refuse_changed(expected, version, "canvas")
        canvas = found or Canvas(organization_id, project_id, {}, now(), version=0)
        saved = uow.canvases.save(replace(canvas, document=document, updated_at=now()))
        uow.audit.about("canvas", project_id, project.name)
    return saved


def _check(document: dict[str, Any]) -> None:
    try:
        size = len(json.dumps(document, allow_nan=False))
    except ValueError as error:
        raise Invalid("the canvas holds a number that JSON does not know") from error
    if size > MOST_BYTES:
        raise TooLarge(f"the canvas is larger than {MOST_BYTES // 1024} KiB")
