"""PostgreSQL over TCP, where containers reach it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.local.components import Account
from infra.local.postgres import server_account
from infra.local.postgres_binaries import choose, installations, reachable
from infra.migrations import run as migrations
from tests.e2e.platform import free_port, until

ROLE, PASSWORD = "c2d", "of this test run"
DATABASE = "click_to_deploy"


@dataclass(frozen=True)
class Server:
    port: int

    def url(self, host: str, database: str = DATABASE) -> str:
        secret = PASSWORD.replace(" ", "%20")
        return f"postgresql://{ROLE}:{secret}@{host}:{self.port}/{database}"


@contextmanager
def server(folder: Path, address: str) -> Iterator[Server]:
    """A server on `address` and loopback with a migrated database; needs a passable folder."""
    data = folder / "data"
    account = server_account(data)
    programs = reachable(choose(data, installations()), account, folder)
    _initialise(data, programs.program("initdb"), account)
    port = free_port()
    argv = [programs.program("postgres"), "-D", str(data), "-c", f"port={port}"]
    argv += ["-c", f"listen_addresses=127.0.0.1,{address}", "-c", "unix_socket_directories="]
    argv += ["-c", "max_connections=300", "-c", "fsync=off", "-c", "jit=off"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, cwd="/", stdout=log, stderr=log, **_as(account))
    running = Server(port)
    try:
        until(lambda: _answers(running), "PostgreSQL", 30)
        with psycopg.connect(running.url("127.0.0.1", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        migrations.upgrade(running.url("127.0.0.1"))
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _initialise(data: Path, initdb: str, account: Account | None) -> None:
    data.mkdir(mode=0o700, parents=True)
    password = data.parent / "password"
    password.write_text(PASSWORD)
    if account is not None:
        os.chown(data, account.uid, account.gid)
    argv = [initdb, "--pgdata", str(data), f"--username={ROLE}", f"--pwfile={password}"]
    argv += ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"]
    subprocess.run(argv, cwd="/", check=True, capture_output=True, timeout=120, **_as(account))
    with (data / "pg_hba.conf").open("a") as access:
        access.write(f"host all {ROLE} 0.0.0.0/0 scram-sha-256\n")


def _as(account: Account | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": [account.gid]}


def _answers(running: Server) -> bool:
    try:
        with psycopg.connect(running.url("127.0.0.1", "postgres"), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
