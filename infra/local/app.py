"""The platform's process: every endpoint, the engine, the wake-ups and the schedules.

Served by `uvicorn infra.local.app:app`.
"""

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, FastAPI

from functions.consumers.webhooks import handler as decide_webhook
from infra.local import webhooks
from infra.local.issuer import members, oauth, web
from infra.local.issuer.guard import refuse_open_door
from infra.local.issuer.parts import parts
from shared import bootstrap
from shared.adapters.postgres.arrivals import LoopArrivals
from shared.adapters.postgres.glances import LoopGlances
from shared.adapters.postgres.lines import Lines
from shared.adapters.postgres.listener import Listener
from shared.adapters.postgres.queues import PostgresQueue
from shared.http.app import build_app
from shared.http.local import modules
from shared.observing.lines import write_lines
from shared.runtime.queues import Poller, Precedence
from shared.runtime.schedules import Clock

CHANNELS = ("jobs", "deployments", "logs", "queues")


@asynccontextmanager
async def platform(app: FastAPI) -> AsyncIterator[None]:
    """The engine, the wake-ups and the schedules live as long as the server."""
    write_lines()
    settings = bootstrap.settings()
    if settings.signs_in == "local":
        parts().signer.keys.ensure()
        refuse_open_door(settings.host, bootstrap.unit_of_work())
    current_default_thread_limiter().total_tokens = settings.database_pool
    listener = Listener(settings.database_url, CHANNELS)
    clock = Clock(settings.tick_seconds)
    bootstrap.dbos().launch()
    app.state.deliveries = Precedence()
    deciding = _deciding(listener, app.state.deliveries)
    listener.start()
    app.state.signals = listener
    reading = Lines(settings.database_url, count=4)
    # each waits for the disk: the more at once, the more deliveries one write of the disk keeps
    taking = Lines(settings.database_url, count=12)
    await reading.open()
    app.state.glances = LoopGlances(reading)
    app.state.arrivals = LoopArrivals(taking, "webhooks")
    clock.start()
    deciding.start()
    _settle_memory()
    try:
        yield
    finally:
        deciding.stop()
        clock.stop()
        listener.close()
        await reading.close()
        await taking.close()
        bootstrap.dbos().close()


def _deciding(listener: Listener, arriving: Precedence) -> Poller:
    """What decides on deliveries, after those that arrive; one platform runs on a database."""
    queue = bootstrap.webhook_queue()
    if isinstance(queue, PostgresQueue):
        queue.reclaim()
    return Poller("webhooks", queue, decide_webhook, listener, precedence=arriving)


def _settle_memory() -> None:
    """What is loaded by now stays: a full collection that looked at it would hold up a switch."""
    gc.collect()
    gc.freeze()


def routers() -> Iterator[APIRouter]:
    """Every endpoint, and the issuer's where this machine signs people in itself."""
    yield from (module.router for _, module in modules())
    yield webhooks.router
    if bootstrap.settings().signs_in == "local":
        yield from (oauth.router, web.router, members.router)


app: FastAPI = build_app(routers(), docs=True, lifespan=platform)
