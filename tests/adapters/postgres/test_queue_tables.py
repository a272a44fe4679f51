"""The queue in tables of PostgreSQL, beyond the contract of every queue."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.postgres.listener import Listener
from shared.adapters.postgres.queues import PostgresQueue, forget
from tests.adapters.test_queues import numbers, send

pytestmark = pytest.mark.postgres


def test_messages_of_another_queue_are_another_queues(engine: Any) -> None:
    first, second = (
        PostgresQueue(engine, name, visibility_seconds=60, most_receives=5) for name in ("a", "b")
    )
    send(first, 1, name="same")
    send(second, 2, name="same")
    assert numbers(second.receive(10)) == [2]
    assert numbers(first.receive(10)) == [1]


def test_a_deduplication_id_is_free_again_after_its_time(
    engine: Any, sql: Callable[[str], None]
) -> None:
    queue = PostgresQueue(engine, "a", visibility_seconds=60, most_receives=5)
    send(queue, 1, name="same")
    sql("UPDATE queue_deduplications SET until = now() - interval '1 second'")
    send(queue, 2, "other", name="same")
    assert numbers(queue.receive(10)) == [1, 2]


def test_what_a_dead_process_held_is_there_at_once(engine: Any) -> None:
    queue = PostgresQueue(engine, "a", visibility_seconds=60, most_receives=5)
    other = PostgresQueue(engine, "b", visibility_seconds=60, most_receives=5)
    for each in (queue, other):
        send(each, 1)
        assert numbers(each.receive(1)) == [1]
    queue.reclaim()
    [again] = queue.receive(1)
    assert again.receives == 2
    assert other.receive(1) == []


def test_old_dead_letters_and_deduplication_ids_are_dropped(
    engine: Any, sql: Callable[[str], None]
) -> None:
    queue = PostgresQueue(engine, "a", visibility_seconds=60, most_receives=1)
    send(queue, 1)
    queue.release(queue.receive(1)[0].handle, 0)
    assert queue.receive(1) == []
    forget(engine, days=14)
    assert len(queue.dead(10)) == 1
    sql("UPDATE queue_messages SET dead_at = now() - interval '15 days'")
    sql("UPDATE queue_deduplications SET until = now() - interval '1 second'")
    forget(engine, days=14)
    assert queue.dead(10) == []
    send(queue, 2)
    assert numbers(queue.receive(10)) == [2]


@pytest.fixture
def sql(engine: Any) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)

    return run


def test_whoever_listens_is_woken_by_a_message(engine: Any, database_url: str) -> None:
    queue = PostgresQueue(engine, "a", visibility_seconds=60, most_receives=5)
    with Listener(database_url, ["queues"]) as listener:
        assert listener.connected(10)
        with listener.subscribe("queues", "a") as wakeup, listener.subscribe("queues", "b") as no:
            wakeup.wait(0)
            no.wait(0)
            send(queue, 1)
            assert wakeup.wait(10)
            assert not no.wait(0)
