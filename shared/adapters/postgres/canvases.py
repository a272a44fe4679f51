"""Canvases in the database."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import update

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.access import canvases
from shared.adapters.postgres.transaction import Transaction
from shared.domain.canvas import Canvas
from shared.domain.errors import PreconditionFailed


class SqlCanvases:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, canvases, Canvas, key=("organization_id", "project_id"))

    def find(self, organization_id: UUID, project_id: UUID) -> Canvas | None:
        return self._rows.one(
            self._rows.where(organization_id=organization_id, project_id=project_id)
        )

    def save(self, canvas: Canvas) -> Canvas:
        saved = replace(canvas, version=canvas.version + 1)
        replaced = (
            (canvases.c.organization_id == canvas.organization_id)
            & (canvases.c.project_id == canvas.project_id)
            & (canvases.c.version == canvas.version)
        )
        row = values(saved)
        if canvas.version == 0:
            stored = self._tx.insert_new(canvases, row)
        else:
            rest = {k: v for k, v in row.items() if k not in ("organization_id", "project_id")}
            stored = self._tx.changed(update(canvases).where(replaced).values(rest)) > 0
        if not stored:
            raise PreconditionFailed(
                "the canvas has been changed in the meantime: load it again and repeat the change"
            )
        return saved
