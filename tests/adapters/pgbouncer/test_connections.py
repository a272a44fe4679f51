"""What a pooler may do to a connection, and what is tried again because of it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from infra.migrations.role import LIMITS
from shared.adapters.postgres.engine import make_engine, pooled_engine
from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.errors import Transient
from shared.ports.patience import patient
from tests.adapters.pgbouncer.servers import DATABASE, Pooler, Server, eventually, pgbouncer
from tests.adapters.postgres.made import ORG, a_project, stored_shop

pytestmark = pytest.mark.postgres


def test_a_pooler_refuses_the_options_that_one_machine_uses(pooler: Pooler) -> None:
    engine = make_engine(pooler.url)
    with pytest.raises(Exception, match="unsupported startup parameter: options"):
        engine.connect()


def test_the_limits_of_the_role_hold_behind_the_pooler(engine: Engine) -> None:
    with engine.connect() as connection:
        found = {name: connection.scalar(text(f"SHOW {name}")) for name in LIMITS}
    assert found == LIMITS


def test_a_statement_nobody_waits_for_is_given_up_and_ended(
    server: Server, engine: Engine, uow: SqlUnitOfWork
) -> None:
    began = time.monotonic()
    with (
        patient(1),
        pytest.raises(Transient) as refused,
        translated(),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(14)"))
    assert time.monotonic() - began < 2
    assert refused.value.retry_after
    eventually(lambda: server.sessions("query LIKE '%pg_sleep%' AND state = 'active'") == 0, 5)
    assert stored_shop(uow)


def test_what_waits_for_a_turn_is_given_up_whatever_the_pooler_says(
    folder: Path, server: Server
) -> None:
    with pgbouncer(folder / "patient", server.port, most=1, patience=120) as pooler:
        holds, waits = pooled_engine(pooler.url), pooled_engine(pooler.url)
        with holds.connect() as connection:
            connection.execute(text("SELECT 1"))
            began = time.monotonic()
            with patient(1), pytest.raises(Transient), SqlUnitOfWork(waits) as uow:
                uow.projects.get(ORG, ORG)
            assert time.monotonic() - began < 2
        assert stored_shop(SqlUnitOfWork(waits))
        holds.dispose()
        waits.dispose()


def test_all_waits_of_an_invocation_are_one_wait(engine: Engine) -> None:
    began = time.monotonic()
    with patient(1):
        for _ in range(4):
            with pytest.raises(Transient), translated(), engine.connect() as connection:
                connection.execute(text("SELECT pg_sleep(14)"))
    assert time.monotonic() - began < 4


def test_a_connection_closed_between_invocations_is_replaced(
    folder: Path, server: Server, rows: None
) -> None:
    place = folder / "restarted"
    with pgbouncer(place, server.port) as pooler:
        engine = pooled_engine(pooler.url)
        uow = SqlUnitOfWork(engine)
        shop = stored_shop(uow)
        _hang_up(pooler)
        with uow:
            assert uow.services.get(ORG, shop.service.id) == shop.service
        engine.dispose()


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def session() -> object:
        with engine.connect() as connection:
            return connection.connection.driver_connection

    first = session()
    assert session() is first
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 300)
    assert session() is not first


def test_a_server_connection_that_died_at_the_pooler_costs_nobody_an_error(
    server: Server, uow: SqlUnitOfWork
) -> None:
    for _ in range(3):
        server.cut_off()
        with uow:
            uow.projects.add(a_project(slug=f"p{time.monotonic_ns()}"))
    with uow:
        assert len(uow.projects.list(ORG, 10, None).items) == 3


def _hang_up(pooler: Pooler) -> None:
    """The pooler closes all connections of its clients."""
    pooler.console(f"KILL {DATABASE}")
    pooler.console(f"RESUME {DATABASE}")


def test_a_connection_that_breaks_before_its_first_statement_is_replaced(
    pooler: Pooler, uow: SqlUnitOfWork
) -> None:
    stored_shop(uow)
    with uow:
        _hang_up(pooler)
        uow.projects.add(a_project(slug="second"))
    with uow:
        assert len(uow.projects.list(ORG, 10, None).items) == 2


def test_what_commits_by_itself_is_repeated_only_where_it_reads(
    pooler: Pooler, engine: Engine
) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    single = SqlUnitOfWork(engine, single=True)
    with single:
        _hang_up(pooler)
        assert single.projects.get(ORG, shop.project.id) == shop.project

    def write() -> None:
        with single:
            _hang_up(pooler)
            single.projects.add(a_project(slug="second"))

    with pytest.raises(Transient):
        write()


def test_a_transaction_that_was_under_way_is_never_repeated(
    server: Server, uow: SqlUnitOfWork
) -> None:
    shop = stored_shop(uow)

    def lose_it() -> None:
        with uow:
            uow.services.get(ORG, shop.service.id)
            server.cut_off()
            uow.projects.add(a_project(slug="second"))

    with pytest.raises(Transient):
        lose_it()
    with uow:
        assert len(uow.projects.list(ORG, 10, None).items) == 1


@pytest.fixture
def dying_commit(server: Server) -> Iterator[None]:
    """The server ends the session while it commits a project."""
    server.ask(
        "CREATE FUNCTION die() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    server.ask(
        "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON projects DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()"
    )
    yield
    server.ask("DROP FUNCTION die() CASCADE")


def test_a_commit_whose_outcome_is_unknown_is_never_repeated(
    server: Server, uow: SqlUnitOfWork, dying_commit: None
) -> None:
    def inserts() -> int:
        return sum("INSERT INTO projects" in line for line in server.statements())

    before = inserts()
    with pytest.raises(Transient), uow:
        uow.projects.add(a_project(slug="once"))
    assert inserts() - before == 1


@pytest.fixture
def refusing() -> Iterator[tuple[int, list[float]]]:
    """A port whose connections end at once, and when each came."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                connection.close()

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_refused_connect_is_tried_once_more_after_a_pause(
    refusing: tuple[int, list[float]],
) -> None:
    port, came = refusing
    engine = pooled_engine(f"postgresql://u:p@127.0.0.1:{port}/d?sslmode=disable")
    began = time.monotonic()
    with pytest.raises(Transient), SqlUnitOfWork(engine):
        pass
    assert len(came) == 2
    assert came[1] - came[0] >= 0.05
    assert time.monotonic() - began < 1.5


def test_a_pooler_that_takes_no_more_clients_is_worth_retrying(
    folder: Path, server: Server
) -> None:
    with pgbouncer(folder / "full", server.port, clients=1) as pooler:
        engine = pooled_engine(pooler.url)
        with (
            psycopg.connect(pooler.url, connect_timeout=5),
            pytest.raises(Transient) as refused,
            SqlUnitOfWork(engine),
        ):
            pass
        assert refused.value.retry_after
        eventually(lambda: _connects(engine))
        engine.dispose()


def _connects(engine: Engine) -> bool:
    try:
        with SqlUnitOfWork(engine):
            return True
    except Transient:
        return False


def test_an_environment_holds_one_connection(engine: Engine) -> None:
    with SqlUnitOfWork(engine), pytest.raises(Transient), SqlUnitOfWork(engine):
        pass
