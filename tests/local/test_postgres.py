"""The own database server: made once, closed to the network, pinned to its major version."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local import postgres_binaries
from infra.local.components import Component
from infra.local.errors import RefusedError
from infra.local.postgres import (
    Cluster,
    create_database,
    open_cluster,
    postgres_component,
    probe,
)
from infra.local.postgres_binaries import Installation, choose, embedded_installation
from infra.local.state import State
from tests.local.harness import eventually

pytestmark = pytest.mark.postgres


class Server:
    """The server's process, started as the supervisor starts it."""

    def __init__(self, component: Component) -> None:
        self.component = component
        user = component.run_as
        self.process = subprocess.Popen(
            component.argv,
            env=dict(component.environment),
            cwd="/",
            stderr=subprocess.DEVNULL,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[user.gid] if user else None,
        )
        eventually(lambda: component.ready() is None, f"postgres answers: {component.ready()}")

    def stop(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture(params=["embedded", "installed"])
def cluster(
    request: pytest.FixtureRequest, state: State, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    embedded = embedded_installation()
    assert embedded is not None
    found = [embedded]
    if request.param == "installed":
        found = postgres_binaries.system_installations()
    monkeypatch.setattr("infra.local.postgres.installations", lambda: found)
    return open_cluster(state, None)


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    server = Server(postgres_component(cluster))
    yield server
    server.stop()


def test_rows_survive_a_kill_of_the_server(cluster: Cluster, server: Server, state: State) -> None:
    create_database(cluster, state)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (42)")
    server.stop(signal.SIGKILL)
    assert probe(cluster.url()) is not None
    again = Server(server.component)
    try:
        with psycopg.connect(cluster.url()) as connection:
            assert connection.execute("select n from kept").fetchone() == (42,)
    finally:
        again.stop()


def test_the_server_listens_on_no_network_and_runs_as_another_user_than_root(
    cluster: Cluster, server: Server
) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        settings = dict(
            connection.execute(
                "select name, setting from pg_settings "
                "where name in ('listen_addresses', 'fsync', 'max_connections')"
            ).fetchall()
        )
    assert settings == {"listen_addresses": "", "fsync": "on", "max_connections": "200"}
    owner = Path(f"/proc/{server.process.pid}").stat().st_uid
    assert owner != 0
    assert cluster.data.stat().st_mode & 0o077 == 0


def test_another_system_user_is_not_let_in(cluster: Cluster, server: Server) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can become another user for this test")
    # The folder is opened on purpose: the server itself has to refuse.
    cluster.socket.chmod(0o755)
    (cluster.socket / ".s.PGSQL.5432").chmod(0o777)
    done = subprocess.run(
        ["/usr/bin/python3", "-c", _raw_login(cluster)],
        capture_output=True,
        text=True,
        user=65534,
        group=65534,
        extra_groups=[],
        check=False,
    )
    assert "authentication failed" in done.stdout


def _raw_login(cluster: Cluster) -> str:
    """The PostgreSQL start-up message by hand: the test user cannot read a private checkout."""
    path = str(cluster.socket / ".s.PGSQL.5432")
    return (
        "import socket, struct\n"
        "body = struct.pack('!I', 196608) + b'user\\0c2d\\0database\\0postgres\\0\\0'\n"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        f"s.connect({path!r})\n"
        "s.sendall(struct.pack('!I', len(body) + 4) + body)\n"
        "print(s.recv(4096))\n"
    )


def test_a_data_folder_of_another_major_version_is_refused_with_the_way_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "PG_VERSION").write_text("14\n")
    available = [Installation(18, tmp_path, embedded=True)]
    with pytest.raises(RefusedError, match=r"PostgreSQL 14.*backup FILE.*restore FILE") as refused:
        choose(tmp_path, available)
    assert "has 18" in str(refused.value)


def test_a_data_folder_decides_which_installed_version_runs(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    newest, pinned = Installation(17, tmp_path, False), Installation(18, tmp_path, True)
    assert choose(tmp_path, [newest, pinned]) is pinned


def test_a_state_folder_the_servers_user_cannot_reach_is_refused(state: State) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root drops to another user")
    closed = state.home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(RefusedError, match="set C2D_HOME"):
        open_cluster(State(closed / "home"), None)


def test_a_port_is_guarded_by_a_password(state: State) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cluster = open_cluster(state, port)
    server = Server(postgres_component(cluster))
    try:
        create_database(cluster, state)
        password = (state.keys / "postgres.password").read_text().strip()
        address = f"host=127.0.0.1 port={port} user=c2d dbname=click_to_deploy connect_timeout=5"
        with psycopg.connect(address, password=password) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address, password="wrong")
    finally:
        server.stop()
