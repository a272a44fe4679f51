"""Connections: their deadlines, what a pooler needs, and no driver's error above the store."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine, text

from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.liveness import is_quiet
from shared.adapters.postgres.transaction import Transaction
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.errors import Invalid, NotFound, PlatformError, Transient
from tests.adapters.postgres.made import ORG, a_deployment, a_project, stored_shop
from tests.databases import Cluster

DATABASES = [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite", "mariadb"]


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_does_not_answer_is_given_up_on(silent_server: int) -> None:
    engine = make_engine(f"postgresql://u:p@127.0.0.1:{silent_server}/d", connect_seconds=2)
    began = time.monotonic()
    with pytest.raises(Transient), SqlUnitOfWork(engine):
        pass
    assert time.monotonic() - began < 10


def test_a_server_that_is_not_there_is_worth_retrying() -> None:
    engine = make_engine("postgresql://u:p@127.0.0.1:9/d")
    with pytest.raises(Transient), SqlUnitOfWork(engine):
        pass


@pytest.mark.postgres
def test_a_statement_that_takes_too_long_is_stopped(database_url: str) -> None:
    engine = make_engine(database_url, statement_seconds=1)
    with engine.connect() as connection, pytest.raises(Transient), translated():
        connection.execute(text("SELECT pg_sleep(30)"))
    engine.dispose()


@pytest.mark.postgres
def test_limits_come_with_the_connection_or_are_left_to_the_server(database_url: str) -> None:
    for seconds, expected in ((7, "7s"), (None, "0")):
        engine = make_engine(database_url, statement_seconds=seconds)
        with engine.connect() as connection:
            assert connection.execute(text("SHOW statement_timeout")).scalar() == expected
        engine.dispose()


@pytest.mark.postgres
def test_nothing_stays_prepared_on_a_connection(engine: Engine) -> None:
    uow = SqlUnitOfWork(engine)
    shop = stored_shop(uow)
    for _ in range(20):
        with uow:
            uow.services.get(ORG, shop.service.id)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar()
    assert count == 0


@pytest.mark.postgres
def test_an_ended_session_is_seen_without_a_statement(
    postgres: Cluster, database_url: str, engine: Engine
) -> None:
    with engine.connect() as connection:
        session = connection.connection.driver_connection
        assert isinstance(session, psycopg.Connection)
        assert is_quiet(session)
        postgres.disconnect(database_url)
        assert not is_quiet(session)


@pytest.mark.postgres
def test_connections_that_died_in_the_pool_are_not_noticed(
    postgres: Cluster, database_url: str, engine: Engine
) -> None:
    uow = SqlUnitOfWork(engine)
    shop = stored_shop(uow)
    postgres.disconnect(database_url)
    with uow:
        assert uow.services.get(ORG, shop.service.id) == shop.service


@pytest.mark.postgres
def test_a_connection_lost_in_a_transaction_is_worth_retrying(
    postgres: Cluster, database_url: str, engine: Engine
) -> None:
    uow = SqlUnitOfWork(engine)
    shop = stored_shop(uow)

    def lose_it() -> None:
        with uow:
            uow.services.get(ORG, shop.service.id)
            postgres.disconnect(database_url)
            uow.services.get(ORG, shop.service.id)

    with pytest.raises(Transient):
        lose_it()
    with uow:
        assert uow.services.get(ORG, shop.service.id) == shop.service


@pytest.mark.postgres
def test_a_pool_that_is_used_up_is_worth_retrying(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, max_overflow=0, connect_seconds=1)
    with SqlUnitOfWork(engine), pytest.raises(Transient), SqlUnitOfWork(engine):
        pass
    engine.dispose()


@pytest.mark.postgres
def test_a_database_without_tables_says_what_to_do(postgres: Cluster) -> None:
    with postgres.empty_database() as url:
        engine = make_engine(url)
        with pytest.raises(PlatformError, match="run the migrations"), SqlUnitOfWork(engine) as uow:
            uow.projects.add(a_project())
        engine.dispose()


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_what_the_database_cannot_store_is_invalid(sql_engine: Engine) -> None:
    if sql_engine.dialect.name == "sqlite":
        uow = SqlUnitOfWork(sql_engine)
        with uow:
            uow.projects.add(a_project(name="x" * 300))
        return
    with pytest.raises(Invalid), SqlUnitOfWork(sql_engine) as uow:
        uow.projects.add(a_project(name="x" * 300))


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_a_reason_may_hold_what_no_database_takes(sql_engine: Engine) -> None:
    uow = SqlUnitOfWork(sql_engine)
    shop = stored_shop(uow)
    with uow:
        uow.deployments.save(replace(shop.deployment, reason="nul \x00, half \ud83d of a pair"))
    with uow:
        stored = uow.deployments.get(ORG, shop.deployment.id).reason
    assert stored == "nul \ufffd, half ? of a pair"


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_an_error_names_no_value_of_its_statement(sql_engine: Engine) -> None:
    with pytest.raises(Exception, match="no_such_table") as failed, sql_engine.begin() as open_:
        open_.execute(text("insert into no_such_table values (:value)"), {"value": "canary-7b1"})
    assert "canary-7b1" not in str(failed.value)


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_a_missing_parent_is_not_found(sql_engine: Engine) -> None:
    uow = SqlUnitOfWork(sql_engine)
    shop = stored_shop(uow)
    with uow:
        uow.services.remove(ORG, shop.service.id)
    with pytest.raises(NotFound), uow:
        uow.deployments.add(a_deployment(shop.service, number=2))


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_a_row_inserted_where_one_is_leaves_the_transaction_usable(sql_engine: Engine) -> None:
    from shared.adapters.postgres.tables.every import counters

    with sql_engine.begin() as connection:
        transaction = Transaction(connection)
        assert transaction.insert_new(counters, {"name": "n", "value": 1})
        assert not transaction.insert_new(counters, {"name": "n", "value": 9})
        assert transaction.next_number("n") == 2
