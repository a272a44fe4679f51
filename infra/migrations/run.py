"""Bring a database to a version of the schema: `python -m infra.migrations.run`."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing up to `revision`; applying nothing is fine. Callers take turns."""
    command.upgrade(_config(database_url), revision)


def downgrade(database_url: str, revision: str) -> None:
    """Go back to `revision` ("base": to an empty database)."""
    command.downgrade(_config(database_url), revision)


def newest() -> str:
    """The revision this version of the platform needs."""
    head = ScriptDirectory.from_config(Config(_ini())).get_current_head()
    if head is None:
        raise RuntimeError("there is no migration")
    return head


def _ini() -> Path:
    return Path(__file__).with_name("alembic.ini")


def _config(database_url: str) -> Config:
    config = Config(_ini())
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


if __name__ == "__main__":
    upgrade(os.environ["DATABASE_URL"], *sys.argv[1:2])
