"""Where a project's parts lie on its canvas."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Canvas:
    """`document` holds nodes and the viewport, as the web UI wants them back."""

    organization_id: UUID
    project_id: UUID
    document: dict[str, Any]
    updated_at: datetime
    version: int = 1
