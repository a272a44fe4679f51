"""Wakeups reach threads and tasks, once the transaction commits and after a lost connection."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shared.adapters.postgres.listener import Listener
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork

pytestmark = pytest.mark.postgres


@pytest.fixture
def listener(database_url: str) -> Iterator[Listener]:
    with Listener(database_url, ["jobs", "logs"]) as listener:
        assert listener.connected(10)
        yield listener


def announce(engine: Engine, channel: str, payload: str) -> None:
    with SqlUnitOfWork(engine) as uow:
        uow.notify(channel, payload)


def test_a_thread_is_woken_by_its_own_key_and_by_any(listener: Listener, engine: Engine) -> None:
    with (
        listener.subscribe("jobs", "mine") as mine,
        listener.subscribe("jobs") as any_job,
        listener.subscribe("jobs", "other") as other,
        listener.subscribe("logs", "mine") as elsewhere,
    ):
        announce(engine, "jobs", "mine")
        assert mine.wait(5)
        assert any_job.wait(5)
        assert not other.wait(0)
        assert not elsewhere.wait(0)
        assert not mine.wait(0)


def test_a_wakeup_between_the_check_and_the_wait_is_not_lost(
    listener: Listener, engine: Engine
) -> None:
    with listener.subscribe("jobs", "one") as wakeup, listener.subscribe("jobs", "end") as end:
        announce(engine, "jobs", "one")
        announce(engine, "jobs", "end")
        assert end.wait(5)
        assert wakeup.wait(0)

    async def late() -> tuple[bool, bool]:
        with listener.subscribe("jobs", "one") as wakeup, listener.subscribe("jobs", "end") as end:
            announce(engine, "jobs", "one")
            announce(engine, "jobs", "end")
            assert await asyncio.to_thread(end.wait, 5)
            return await wakeup.wait_async(0), await wakeup.wait_async(0.01)

    assert asyncio.run(late()) == (True, False)


def test_many_threads_and_tasks_are_woken_at_once(listener: Listener, engine: Engine) -> None:
    ready = threading.Barrier(21)

    def wait(_: int) -> bool:
        with listener.subscribe("jobs", "all") as wakeup:
            ready.wait(10)
            return wakeup.wait(10)

    async def tasks() -> list[bool]:
        async def one() -> bool:
            with listener.subscribe("jobs", "all") as wakeup:
                subscribed.release()
                return await wakeup.wait_async(10)

        subscribed = asyncio.Semaphore(0)
        waiting = [asyncio.create_task(one()) for _ in range(20)]
        for _ in waiting:
            await subscribed.acquire()
        await asyncio.to_thread(announce, engine, "jobs", "all")
        return await asyncio.gather(*waiting)

    with ThreadPoolExecutor(20) as threads:
        found = [threads.submit(wait, n) for n in range(20)]
        ready.wait(10)
        announce(engine, "jobs", "all")
        assert all(future.result(10) for future in found)
    assert asyncio.run(tasks()) == [True] * 20


def test_only_a_committed_transaction_is_announced(listener: Listener, engine: Engine) -> None:
    def fail() -> None:
        with SqlUnitOfWork(engine) as uow:
            uow.notify("jobs", "never")
            raise ZeroDivisionError

    with listener.subscribe("jobs", "never") as never, listener.subscribe("jobs", "end") as end:
        with pytest.raises(ZeroDivisionError):
            fail()
        announce(engine, "jobs", "end")
        assert end.wait(5)
        assert not never.wait(0)


def test_a_lost_connection_comes_back_and_wakes_everybody(
    listener: Listener, engine: Engine
) -> None:
    with listener.subscribe("jobs", "mine") as wakeup:
        with engine.begin() as connection:
            cut = connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'click-to-deploy listener'"
                    " AND datname = current_database()"
                )
            )
            assert cut.scalars().all() == [True]
        assert wakeup.wait(10)
        assert listener.connected(10)
        announce(engine, "jobs", "mine")
        assert wakeup.wait(5)


def test_closing_wakes_whoever_waits(database_url: str) -> None:
    listener = Listener(database_url, ["jobs"]).start()
    with listener.subscribe("jobs") as wakeup, ThreadPoolExecutor(1) as threads:
        assert listener.connected(10)
        wakeup.wait(0)
        waiting = threads.submit(wakeup.wait, 10)
        began = time.monotonic()
        listener.close()
        assert waiting.result(10)
        assert time.monotonic() - began < 5


def test_a_channel_nobody_listens_on_is_refused(listener: Listener) -> None:
    with pytest.raises(ValueError, match="'other'"), listener.subscribe("other"):
        pass
