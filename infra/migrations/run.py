"""Bring a database to a version of the schema: `python -m infra.migrations.run`."""

import os
import sys
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER: Final = Path(__file__).parent
"""Where the migrations are."""
TURN: Final = 0x6D696772617465
"""The advisory lock by which those who migrate take turns."""
CONNECTION: Final = "connection"
"""The attribute of the configuration with the connection that migrations run on."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing up to `revision`; applying nothing is fine. Callers take turns."""
    command.upgrade(config(database_url), revision)


def downgrade(database_url: str, revision: str) -> None:
    """Go back to `revision` ("base": to an empty database)."""
    command.downgrade(config(database_url), revision)


def newest() -> str:
    """The revision this version of the platform needs."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise RuntimeError("there is no migration")
    return head


def config(database_url: str | None = None, connection: Connection | None = None) -> Config:
    """Alembic's configuration: migrations run on `connection`, in the caller's transaction, or on
    one of their own to `database_url`."""
    made = Config(FOLDER / "alembic.ini")
    if database_url is not None:
        made.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    if connection is not None:
        made.attributes[CONNECTION] = connection
    return made


if __name__ == "__main__":
    upgrade(os.environ["DATABASE_URL"], *sys.argv[1:2])
