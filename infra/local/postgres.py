"""The platform's own PostgreSQL: made once, reached through a Unix socket, run as its own user."""

import getpass
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.components import Account, Component, account, inherited_environment
from infra.local.errors import RefusedError
from infra.local.postgres_binaries import (
    Installation,
    choose,
    installations,
    passable,
    reachable,
)
from infra.local.state import State, write_private

ROLE, DATABASE, SYSTEM_USER = "c2d", "click_to_deploy", "click-to-deploy"
LONGEST_SOCKET_PATH, DEFAULT_PORT = 107, 5432


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder, the programs for it, and the user who owns it (None: the caller)."""

    data: Path
    socket: Path
    installation: Installation
    user: Account | None
    port: int | None

    def url(self, database: str = DATABASE) -> str:
        """Where programs on this machine connect; holds no password (the socket knows them)."""
        port = self.port or DEFAULT_PORT
        return f"postgresql://{ROLE}@/{database}?host={self.socket}&port={port}"


def server_account(data: Path) -> Account | None:
    """The user the server drops to: the folder's owner, else `postgres`, else an own one."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    found = account("postgres") or account(SYSTEM_USER)
    if found is None:
        argv = ["useradd", "--system", "--user-group", "--no-create-home"]
        argv += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(argv, check=True, timeout=30, capture_output=True)
        found = account(SYSTEM_USER)
    if found is None:
        raise RefusedError(f"The system user {SYSTEM_USER} could not be made; see `useradd`.")
    return found


def open_cluster(state: State, port: int | None) -> Cluster:
    """The cluster of this state folder with its programs; makes the data folder if missing."""
    user = server_account(state.postgres)
    chosen = choose(state.postgres, installations())
    if user is not None and not passable(state.postgres):
        raise RefusedError(
            f"The database's user {user.name} cannot reach {state.home}, because a folder above "
            "is closed to others; set C2D_HOME to another place, e.g. /var/lib/click-to-deploy."
        )
    if len(str(state.socket / ".s.PGSQL.5432")) > LONGEST_SOCKET_PATH:
        raise RefusedError(f"{state.home} is too long for a Unix socket; set a shorter C2D_HOME.")
    installation = reachable(chosen, user, state.home)
    cluster = Cluster(state.postgres, state.socket, installation, user, port)
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    _write_access(cluster, state)
    return cluster


def _own(path: Path, user: Account | None) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o700)
    if user is not None:
        os.chown(path, user.uid, user.gid)


def _initialise(cluster: Cluster) -> None:
    """Run initdb beside the final place, so that a crash leaves no half-made folder there."""
    part = cluster.data.with_name("postgres.part")
    shutil.rmtree(part, ignore_errors=True)
    _own(part, cluster.user)
    argv = [cluster.installation.program("initdb"), "--pgdata", str(part)]
    argv += [f"--username={ROLE}", "--encoding=UTF8", "--locale=C.UTF-8"]
    argv += ["--auth-local=peer", "--auth-host=scram-sha-256", "--data-checksums"]
    user = cluster.user
    done = subprocess.run(
        argv,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[user.gid] if user else None,
    )
    if done.returncode != 0:
        raise RefusedError(f"The database folder could not be made: {done.stderr.strip()}")
    part.replace(cluster.data)


def _write_access(cluster: Cluster, state: State) -> None:
    """Who may connect: the operating system vouches for the role's users on the socket."""
    _own(cluster.socket, cluster.user)
    names = dict.fromkeys(["root", "postgres", SYSTEM_USER, getpass.getuser()])
    allowed = "local all c2d peer map=platform\n"
    if cluster.port is not None:
        allowed += "host all c2d 127.0.0.1/32 scram-sha-256\n"
        if not (state.keys / "postgres.password").exists():
            write_private(state.keys / "postgres.password", secrets.token_urlsafe(24) + "\n")
    files = {
        "pg_hba.conf": allowed,
        "pg_ident.conf": "".join(f"platform {name} {ROLE}\n" for name in names),
    }
    for name, content in files.items():
        path = cluster.data / name
        write_private(path, content)
        if cluster.user is not None:
            os.chown(path, cluster.user.uid, cluster.user.gid)


def server_options(cluster: Cluster) -> dict[str, str]:
    """The server's settings; given on each start, so that they always match this code."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return {
        "listen_addresses": "127.0.0.1" if cluster.port else "",
        "port": str(cluster.port or DEFAULT_PORT),
        "unix_socket_directories": str(cluster.socket),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{min(512, max(32, pages // 16))}MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "log_min_messages": "warning",
        "dynamic_shared_memory_type": "posix" if Path("/dev/shm").is_dir() else "mmap",  # noqa: S108
    }


def postgres_component(cluster: Cluster) -> Component:
    """The server as a process of the supervisor."""
    argv = [cluster.installation.program("postgres"), "-D", str(cluster.data)]
    for name, value in server_options(cluster).items():
        argv += ["-c", f"{name}={value}"]
    return Component(
        name="postgres",
        argv=tuple(argv),
        environment=inherited_environment(),
        ready=lambda: probe(cluster.url("postgres")),
        stop_signal=signal.SIGINT,
        drain_signal=signal.SIGINT,
        grace_seconds=30,
        run_as=cluster.user,
        sweeps=False,  # its own processes notice the server's death and end by themselves
    )


def probe(url: str) -> str | None:
    """None when the server accepts a connection and answers, else why not."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            connection.execute("select 1")
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[-1]
    return None


def create_database(cluster: Cluster, state: State) -> None:
    """Make the platform's database if it is missing, and the password for TCP if one is used."""
    with psycopg.connect(cluster.url("postgres"), connect_timeout=5, autocommit=True) as connection:
        if cluster.port is not None:
            password = (state.keys / "postgres.password").read_text().strip()
            change = sql.SQL("alter role {} password {}")
            connection.execute(change.format(sql.Identifier(ROLE), sql.Literal(password)))
        found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
