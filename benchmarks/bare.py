"""The floor of `benchmarks/http.py`: Starlette, psycopg, one SQL statement, nothing else.

Served by `uvicorn benchmarks.bare:app`; `DATABASE_URL`, `BENCH_ORGANIZATION` and `BENCH_HOOKS`
say what to read and where to store.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.adapters.postgres.arrivals import TAKE
from shared.adapters.postgres.deployments import PLACED
from shared.adapters.postgres.engine import make_engine

URL = os.environ["DATABASE_URL"]
ORGANIZATION = UUID(os.environ["BENCH_ORGANIZATION"])
READ = str(PLACED.compile(dialect=make_engine(URL).dialect))
HOOKS = json.loads(os.environ["BENCH_HOOKS"])
NOTHING = dict.fromkeys(("verdict", "reason", "decided_at"))
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
    """The body as it came, stored and queued by the statement that the platform uses."""
    body = (await request.body()).decode()
    hook = HOOKS[request.headers["x-github-hook-id"]]
    id_, at = uuid4(), datetime.now(UTC)
    values = {
        **hook,
        **NOTHING,
        "id": id_,
        "delivery_id": request.headers["x-github-delivery"],
        "event": request.headers["x-github-event"],
        "payload": body,
        "created_at": at,
        "queued_at": at,
        "attempt": 1,
        "queue": "bench",
        "group": hook["hook_id"],
        "name": f"{id_}-1",
        "body": json.dumps({"delivery_id": str(id_), "attempt": 1}),
    }
    async with pool.connection() as connection:
        await connection.execute(TAKE, values)
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
