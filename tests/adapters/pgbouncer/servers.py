"""PostgreSQL over TCP with a PgBouncer before it, which stands for RDS Proxy."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

ROLE, PASSWORD, DATABASE = "platform", "a password", "c2d"
_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_ACCOUNT = "postgres"
_OWN = re.compile(r"statement: SET application_name='[\w-]+';$")
"""What PgBouncer itself sends to a connection that a client with another name had before."""
_COUNTED = ("cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")
_BOUNCER = """
[databases]
{database} = host=127.0.0.1 port={server} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pidfile = {folder}/pid
auth_type = md5
auth_file = {folder}/users
admin_users = {role}
pool_mode = transaction
default_pool_size = {most}
max_db_connections = {most}
max_client_conn = {clients}
query_wait_timeout = {patience}
server_login_retry = 1
log_connections = 0
log_disconnections = 0
"""


def url(port: int, database: str = DATABASE) -> str:
    return f"postgresql://{ROLE}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/{database}"


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Fail unless it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


@dataclass(frozen=True)
class Server:
    """A server; every statement it runs is a line of its log."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return url(self.port)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """As its administrator, without the pooler. No row where a statement gives none."""
        admin = f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/{DATABASE}"
        with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def sessions(self, where: str = "true") -> int:
        """How many sessions the platform's role has."""
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}' AND {where}"
        return int(self.ask(asked)[0][0])

    def cut_off(self) -> None:
        """End the sessions of the platform's role."""
        self.ask(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        )

    def logged(self) -> int:
        """How long its log is."""
        return self.log.stat().st_size

    def statements(self, since: int = 0) -> list[str]:
        """What the platform's role has sent, in order, each behind how it was sent."""
        with self.log.open("rb") as file:
            file.seek(since)
            lines = file.read().decode(errors="replace").split("\n@")
        mine = [line.partition("LOG:  ")[2] for line in lines if line.startswith(f"{ROLE}|")]
        return [line for line in mine if line and not _OWN.match(line)]


@dataclass(frozen=True)
class Pooler:
    """A pooler; `console` is its own database."""

    port: int

    @property
    def url(self) -> str:
        return url(self.port)

    def console(self, command: str) -> list[dict[str, Any]]:
        with psycopg.connect(
            url(self.port, "pgbouncer"), autocommit=True, connect_timeout=5
        ) as connection:
            cursor = psycopg.ClientCursor(connection)
            cursor.execute(command.encode())
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in (cursor if names else ())]

    def counts(self) -> dict[str, int]:
        """Its clients, those of them that wait for a turn, and its connections to the server."""
        rows = [row for row in self.console("SHOW POOLS") if row["database"] == DATABASE]
        total = {name: sum(int(row[name]) for row in rows) for name in _COUNTED}
        return {
            "clients": total["cl_active"] + total["cl_waiting"],
            "waiting": total["cl_waiting"],
            "servers": sum(n for name, n in total.items() if name.startswith("sv_")),
        }


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    data, log, port = folder / "data", folder / "log", _free_port()
    _give(folder)
    _run([_PROGRAMS / "initdb", "-D", data, "-U", _ACCOUNT, "-A", "trust", "--no-sync"])
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": 80,
        "log_statement": "all",
        "log_min_error_statement": "panic",
        "log_line_prefix": "@%u|",
    }
    given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("w") as output:
        process = _start([_PROGRAMS / "postgres", "-D", data, *given], output)
    try:
        admin = f"postgresql://{_ACCOUNT}@127.0.0.1:{port}/postgres"
        _ready(process, admin, log)
        with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}".encode())
        yield Server(port, log)
    finally:
        _stop(process, signal.SIGQUIT)


@contextmanager
def pgbouncer(
    folder: Path, server: int, *, most: int = 50, clients: int = 400, patience: int = 2
) -> Iterator[Pooler]:
    """With at most `most` connections to the server; clients wait `patience` seconds for one."""
    folder.mkdir()
    port = _free_port()
    (folder / "users").write_text(f'"{ROLE}" "{PASSWORD}"\n')
    (folder / "ini").write_text(
        _BOUNCER.format(
            database=DATABASE,
            server=server,
            port=port,
            folder=folder,
            role=ROLE,
            most=most,
            clients=clients,
            patience=patience,
        )
    )
    _give(folder)
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer"
    with (folder / "log").open("w") as output:
        process = _start([program, folder / "ini"], output)
    try:
        _ready(process, url(port, "pgbouncer"), folder / "log")
        yield Pooler(port)
    finally:
        _stop(process, signal.SIGTERM)


def _as_account() -> dict[str, Any]:
    """Neither server runs as root."""
    return {"user": _ACCOUNT, "group": _ACCOUNT} if os.geteuid() == 0 else {}


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, _ACCOUNT, _ACCOUNT)


def _run(argv: list[Any]) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=60, cwd="/", **_as_account())


def _start(argv: list[Any], output: Any) -> "subprocess.Popen[bytes]":
    account = _as_account()
    return subprocess.Popen(argv, stdout=output, stderr=output, cwd="/", **account)


def _ready(process: "subprocess.Popen[bytes]", database_url: str, log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(database_url, connect_timeout=2).close()
            return True
        return False

    eventually(answers, 20)


def _stop(process: "subprocess.Popen[bytes]", kind: signal.Signals) -> None:
    process.send_signal(kind)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
