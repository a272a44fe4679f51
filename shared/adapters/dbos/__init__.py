"""The workflow engine: Amazon States Language on DBOS, in Postgres."""

from shared.adapters.dbos.client import DbosClient
from shared.adapters.dbos.database import Database
from shared.adapters.dbos.engine import DbosWorkflows, EngineSettings, ProtocolMismatch
from shared.adapters.dbos.hold import EngineBusy

__all__ = [
    "Database",
    "DbosClient",
    "DbosWorkflows",
    "EngineBusy",
    "EngineSettings",
    "ProtocolMismatch",
]
