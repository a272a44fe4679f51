"""GET /health"""

from fastapi import APIRouter

from shared import VERSION
from shared.http.app import BASE
from shared.http.entry import lambda_handler

router = APIRouter(tags=["health"])


@router.get(f"{BASE}/health")
def get_health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": VERSION}


handler = lambda_handler(router)
