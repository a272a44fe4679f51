"""What only a database with several connections can get wrong."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Engine, TextClause, text

from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.errors import Conflict, StaleFence, Transient
from shared.domain.jobs import JobKind, JobState
from tests.adapters.postgres.made import (
    ORG,
    a_job,
    a_project,
    a_service,
    moment,
    stored_shop,
)

pytestmark = pytest.mark.postgres
DATABASES = ["postgres", "sqlite", "mariadb"]


WAITS_FOR_A_ROW = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND datname = current_database()"
)
WAITS_FOR_A_TURN = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def wait_for(engine: Engine, condition: TextClause, future: "Future[object]") -> None:
    """Poll a count until it is not zero; the future must not end before.

    Each look is a transaction of its own: within one the server shows the same picture again.
    """
    deadline = time.monotonic() + 20
    watching = engine.execution_options(isolation_level="AUTOCOMMIT")
    with watching.connect() as connection:
        while not connection.execute(condition).scalar():
            assert not future.done(), "it did not wait"
            assert time.monotonic() < deadline


@pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
def test_services_added_at_once_have_different_ordinals(sql_engine: Engine) -> None:
    project = a_project()
    with SqlUnitOfWork(sql_engine) as uow:
        uow.projects.add(project)
    barrier = threading.Barrier(6)

    def add(thread: int) -> list[int]:
        uow = SqlUnitOfWork(sql_engine)
        barrier.wait(10)
        ordinals = []
        for number in range(5):
            with uow:
                service = a_service(project, slug=f"s{thread}-{number}")
                ordinals.append(uow.services.add(service).ordinal)
        return ordinals

    with ThreadPoolExecutor(6) as threads:
        found = sorted(ordinal for mine in threads.map(add, range(6)) for ordinal in mine)
    assert found == list(range(1, 31))


def test_two_transactions_never_claim_the_same_job(engine: Engine) -> None:
    deployment = stored_shop(SqlUnitOfWork(engine)).deployment
    jobs = [a_job(deployment) for _ in range(2)]
    with SqlUnitOfWork(engine) as uow:
        for job in jobs:
            uow.jobs.add(job)
    with SqlUnitOfWork(engine) as one, SqlUnitOfWork(engine) as two:
        claimed = [side.jobs.claim([JobKind.BUILD], "a", "h") for side in (one, two, two)]
    assert [job and job.id for job in claimed] == [jobs[0].id, jobs[1].id, None]


def test_a_hundred_jobs_are_handed_to_eight_threads_once_each(engine: Engine) -> None:
    deployment = stored_shop(SqlUnitOfWork(engine)).deployment
    jobs = [a_job(deployment) for _ in range(100)]
    with SqlUnitOfWork(engine) as uow:
        for job in jobs:
            uow.jobs.add(job)

    def claim_all(agent: int) -> list[object]:
        mine: list[object] = []
        uow = SqlUnitOfWork(engine)
        while True:
            with uow:
                job = uow.jobs.claim([JobKind.BUILD], str(agent), "h")
            if job is None:
                return mine
            mine.append(job.id)

    with ThreadPoolExecutor(8) as threads:
        claimed = [job for mine in threads.map(claim_all, range(8)) for job in mine]
    assert len(claimed) == 100
    assert set(claimed) == {job.id for job in jobs}


def test_two_writers_of_one_route_are_not_handed_out_at_once(engine: Engine) -> None:
    deployment = stored_shop(SqlUnitOfWork(engine)).deployment
    with SqlUnitOfWork(engine) as uow:
        for _ in range(2):
            uow.jobs.add(a_job(deployment, JobKind.SWITCH_ROUTE))
    one, two = SqlUnitOfWork(engine), SqlUnitOfWork(engine)

    def claim() -> object:
        with two:
            return two.jobs.claim([JobKind.SWITCH_ROUTE], "b", "h")

    with ThreadPoolExecutor(1) as threads:
        with one:
            first = one.jobs.claim([JobKind.SWITCH_ROUTE], "a", "h")
            second = threads.submit(claim)
            wait_for(engine, WAITS_FOR_A_TURN, second)
        assert second.result(10) is None
    assert first is not None
    with one:
        one.jobs.save(replace(first, state=JobState.SUCCEEDED))
    assert claim() is not None


def test_whoever_locks_a_lease_waits_for_the_one_before(engine: Engine) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    one, two = SqlUnitOfWork(engine), SqlUnitOfWork(engine)

    def number() -> object:
        with two:
            return two.leases.lock(ORG, shop.service.id).number

    with ThreadPoolExecutor(1) as threads:
        with one:
            lease = one.leases.lock(ORG, shop.service.id)
            second = threads.submit(number)
            wait_for(engine, WAITS_FOR_A_ROW, second)
            one.leases.save(replace(lease, number=7))
        assert second.result(10) == 7


def test_a_lease_cannot_change_hands_between_a_check_and_its_commit(engine: Engine) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    one, two = SqlUnitOfWork(engine), SqlUnitOfWork(engine)
    with one:
        lease = one.leases.lock(ORG, shop.service.id)
        held = replace(lease, number=1, holder=shop.deployment.id, acquired_at=moment())
        one.leases.save(held)

    def take_over() -> object:
        with two:
            two.leases.lock(ORG, shop.service.id)
            two.leases.save(replace(held, number=2, holder=uuid4()))
        return None

    with ThreadPoolExecutor(1) as threads:
        with one:
            one.leases.check(ORG, shop.service.id, 1)
            second = threads.submit(take_over)
            wait_for(engine, WAITS_FOR_A_ROW, second)
        second.result(10)
    with pytest.raises(StaleFence), one:
        one.leases.check(ORG, shop.service.id, 1)


def test_a_held_service_lets_its_children_be_added(engine: Engine) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    with SqlUnitOfWork(engine) as one:
        one.services.lock(ORG, shop.service.id)
        with SqlUnitOfWork(engine) as two:
            two.jobs.add(a_job(shop.deployment))


def test_numbers_of_releases_and_routes_wait_for_each_other(engine: Engine) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    two = SqlUnitOfWork(engine)

    def generation() -> object:
        with two:
            return two.routes.next_generation(ORG, shop.service.id)

    with ThreadPoolExecutor(1) as threads:
        with SqlUnitOfWork(engine) as one:
            one.releases.next_number(ORG, shop.service.id)
            second = threads.submit(generation)
            wait_for(engine, WAITS_FOR_A_ROW, second)
        assert second.result(10) == 1


def test_a_slug_taken_by_an_open_transaction_is_a_conflict_after_it(engine: Engine) -> None:
    two = SqlUnitOfWork(engine)

    def add() -> object:
        with two:
            two.projects.add(a_project())
        return None

    with ThreadPoolExecutor(1) as threads:
        with SqlUnitOfWork(engine) as one:
            one.projects.add(a_project())
            second = threads.submit(add)
            wait_for(engine, WAITS_FOR_A_ROW, second)
        with pytest.raises(Conflict):
            second.result(10)


def test_a_lock_that_does_not_come_is_worth_retrying(database_url: str, engine: Engine) -> None:
    shop = stored_shop(SqlUnitOfWork(engine))
    impatient = make_engine(database_url, statement_seconds=1)
    try:
        with SqlUnitOfWork(engine) as one:
            one.services.lock(ORG, shop.service.id)
            with pytest.raises(Transient), SqlUnitOfWork(impatient) as two:
                two.services.lock(ORG, shop.service.id)
    finally:
        impatient.dispose()
