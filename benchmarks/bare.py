"""The floor of `benchmarks/http.py`: Starlette, psycopg, one SQL statement, nothing else.

Served by `uvicorn benchmarks.bare:app`; `DATABASE_URL` and `BENCH_ORGANIZATION` say what to read.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.adapters.postgres.deployments import PLACED
from shared.adapters.postgres.engine import make_engine

URL = os.environ["DATABASE_URL"]
ORGANIZATION = UUID(os.environ["BENCH_ORGANIZATION"])
READ = str(PLACED.compile(dialect=make_engine(URL).dialect))
STORE = """
INSERT INTO webhook_deliveries (
    organization_id, id, hook_id, connection_id, provider, delivery_id, event, repository_id,
    payload, created_at, attempt, failures, dead, deployment_ids
) SELECT organization_id, %(id)s, id, connection_id, provider, %(delivery)s, 'push', repository_id,
    %(payload)s, now(), 1, 0, false, '[]'
FROM git_hooks WHERE provider_hook_id = %(hook)s
ON CONFLICT DO NOTHING
"""
pool = AsyncConnectionPool(
    URL, min_size=10, max_size=20, open=False, kwargs={"autocommit": True, "row_factory": dict_row}
)


async def deployment(request: Request) -> Response:
    """The row as JSON, as the database gives it."""
    key = {"organization_id": ORGANIZATION, "id": UUID(request.path_params["id"])}
    async with pool.connection() as connection:
        found = await (await connection.execute(READ, key)).fetchone()
    return Response(json.dumps(found, default=str), media_type="application/json")


async def intake(request: Request) -> Response:
    """The body as it came, in one row."""
    body = (await request.body()).decode()
    values: dict[str, Any] = {
        "id": uuid4(),
        "delivery": request.headers["x-github-delivery"],
        "hook": request.headers["x-github-hook-id"],
        "payload": body,
    }
    async with pool.connection() as connection:
        await connection.execute(STORE, values)
    return Response(status_code=202)


@asynccontextmanager
async def connected(_: Starlette) -> AsyncIterator[None]:
    await pool.open(wait=True, timeout=10)
    yield
    await pool.close()


app = Starlette(
    routes=[
        Route("/deployments/{id}", deployment),
        Route("/webhooks/github", intake, methods=["POST"]),
    ],
    lifespan=connected,
)
