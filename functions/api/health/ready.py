"""GET /health/ready"""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared import bootstrap
from shared.http.app import BASE
from shared.http.entry import lambda_handler
from shared.usecases.health import check_all

router = APIRouter(tags=["health"])
REQUIRED = ("postgres", "workflows")
"""Without these nothing is accepted; while others are away, deployments wait for them."""


class ReadyOut(BaseModel):
    status: str
    checks: dict[str, dict[str, Any]]


@router.get(f"{BASE}/health/ready", responses={503: {"model": ReadyOut}})
def get_ready(response: Response) -> ReadyOut:
    """Whether the platform can do its work: each part, with its latency."""
    checks = check_all(bootstrap.health_checks())
    ready = all(checks[name]["ok"] for name in REQUIRED)
    response.status_code = 200 if ready else 503
    return ReadyOut(status="ready" if ready else "not_ready", checks=checks)


handler = lambda_handler(router)
