"""Every endpoint in one process: `uvicorn shared.http.local:app`."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from shared import bootstrap
from shared.adapters.postgres.listener import Listener
from shared.http.app import build_app
from shared.runtime.schedules import Clock

CHANNELS = ("jobs", "deployments", "logs")


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Every endpoint module under functions/api, in path order."""
    package = import_module("functions.api")
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        if not found.ispkg:
            yield found.name, import_module(found.name)


@asynccontextmanager
async def platform(app: FastAPI) -> AsyncIterator[None]:
    """The engine, the wake-ups and the schedules live as long as the server."""
    settings = bootstrap.settings()
    current_default_thread_limiter().total_tokens = settings.database_pool
    listener = Listener(settings.database_url, CHANNELS)
    clock = Clock(settings.tick_seconds)
    bootstrap.dbos().launch()
    listener.start()
    app.state.signals = listener
    clock.start()
    try:
        yield
    finally:
        clock.stop()
        listener.close()
        bootstrap.dbos().close()


app: FastAPI = build_app((module.router for _, module in modules()), docs=True, lifespan=platform)
