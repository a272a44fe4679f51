"""The same on a real database: many at once, long pauses, and processes that die in between."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine

from functions.consumers.webhooks import handler
from infra.local import webhooks
from shared import bootstrap
from shared.adapters.postgres.listener import Listener
from shared.adapters.postgres.queues import PostgresQueue
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.ids import now
from shared.domain.webhooks import Verdict
from shared.http.app import build_app
from shared.runtime.queues import Poller
from shared.settings import Settings
from shared.usecases.preview_following import PreviewPolicy
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha
from tests.fakes.workflows import FakeWorkflows
from tests.workflows.deadlines import eventually

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]
PUSHES, REPOSITORIES = 500, 5


def queue_of(engine: Engine, seconds: float = 60) -> PostgresQueue:
    return PostgresQueue(engine, "webhooks", visibility_seconds=seconds, most_receives=5)


def inbox_of(engine: Engine, **more: Any) -> Inbox:
    return Inbox(SqlUnitOfWork(engine), queue_of(engine), **more)


@contextmanager
def consuming(
    inbox: Inbox, engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The consumer of one machine, as it runs there."""
    providers = {
        "unit_of_work": lambda: SqlUnitOfWork(engine),
        "workflows": lambda: inbox.workflows,
        "vault": lambda: inbox.vault,
        "git_access": lambda: inbox.tools().reach,
        "preview_policy": PreviewPolicy,
        "settings": Settings,
    }
    for name, provider in providers.items():
        monkeypatch.setattr(bootstrap, name, provider)
    with Listener(url, ["queues"]) as listener:
        poller = Poller("webhooks", queue_of(engine), handler, listener, threads=4)
        poller.start()
        try:
            yield
        finally:
            poller.stop()


def test_five_times_the_same_delivery_at_once_is_one_deployment(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = inbox_of(engine)
    web = inbox.service()
    incoming = inbox.incoming(json.dumps(inbox.push()).encode())

    def take(_: int) -> bool:
        mine = replace_store(inbox, engine)
        return mine.take(incoming).duplicate

    with consuming(inbox, engine, database_url, monkeypatch), ThreadPoolExecutor(5) as threads:
        duplicates = list(threads.map(take, range(5)))
        eventually(lambda: inbox.all()[0].verdict, "a verdict")
        take(0)
    assert sorted(duplicates) == [False, True, True, True, True]
    assert len(inbox.all()) == len(inbox.deployments(web)) == 1
    assert queue_of(engine).receive(10) == []


def replace_store(inbox: Inbox, engine: Engine) -> Inbox:
    """The same inbox for another thread."""
    made = object.__new__(Inbox)
    made.__dict__ = {**inbox.__dict__, "store": SqlUnitOfWork(engine), "queue": queue_of(engine)}
    return made


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The platform's own routes for webhooks."""
    unlimited = Settings(rate_limit_user=0, rate_limit_address=0, rate_limit_failed=0)
    monkeypatch.setattr(bootstrap, "settings", lambda: unlimited)
    with TestClient(build_app([webhooks.router]), base_url="http://test") as client:
        yield client


def post(door: TestClient, inbox: Inbox, number: int, patch: pytest.MonkeyPatch) -> Response:
    """A push as the provider sends it, when the inbox's clock says."""
    inbox.later(milliseconds=1)
    with patch.context() as at:
        at.setattr(webhooks, "now", lambda: inbox.at)
        at.setattr(bootstrap, "unit_of_work", lambda _act=None: inbox.store)
        at.setattr(bootstrap, "vault", lambda: inbox.vault)
        at.setattr(bootstrap, "known_hooks", lambda: inbox.known)
        at.setattr(bootstrap, "arrivals", inbox.arrivals)
        body = json.dumps(inbox.push(str(number), before=str(number - 1))).encode()
        incoming = inbox.incoming(body)
        return door.post("/webhooks/github", content=body, headers=dict(incoming.headers))


def test_500_pushes_while_the_consumer_is_away_are_all_taken_and_decided_in_their_order(
    engine: Engine, database_url: str, door: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = inbox_of(engine)
    inboxes = [first]
    inboxes += [
        Inbox(first.store, first.queue, UUID(int=n), workflows=first.workflows)
        for n in range(2, REPOSITORIES + 1)
    ]
    services = [inbox.service() for inbox in inboxes]
    began = min(inbox.at for inbox in inboxes)
    for number in range(PUSHES // REPOSITORIES):
        for inbox in inboxes:
            answer = post(door, inbox, number, monkeypatch)
            assert answer.status_code == 202, answer.text
            inbox.later(seconds=7)
        inboxes[0].queue_again()
    for inbox in inboxes:
        assert (inbox.at - began).total_seconds() > 600, "ten minutes and more have passed"
    first.queue_again()
    with consuming(first, engine, database_url, monkeypatch):
        eventually(lambda: not open_in(inboxes), "all are decided", 120)
        eventually(lambda: not waiting_in(engine), "repetitions are done with too", 60)
    expected = [a_sha(str(number)) for number in range(PUSHES // REPOSITORIES)]
    for inbox, service in zip(inboxes, services, strict=True):
        deliveries = inbox.all()
        assert len(deliveries) == PUSHES // REPOSITORIES
        assert {delivery.verdict for delivery in deliveries} == {Verdict.DEPLOYED}
        deployments = inbox.deployments(service)
        assert [deployment.sha for deployment in deployments] == expected
        assert [deployment.number for deployment in deployments] == list(
            range(1, len(expected) + 1)
        )
    assert len(first.workflows.executions) == PUSHES


def open_in(inboxes: list[Inbox]) -> int:
    return sum(delivery.verdict is None for inbox in inboxes for delivery in inbox.all())


def waiting_in(engine: Engine) -> int:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM queue_messages").scalar()
        return int(found or 0)


RECEIVER = """
import os, sys
from tests.consumers.test_on_postgres import resumed

class Dies:
    def send(self, *_, **__):
        os._exit(9)

inbox, body, headers = resumed()
inbox.queue = Dies()
inbox.take(inbox.incoming(body, **headers))
"""
CONSUMER = """
import os
from tests.consumers.test_on_postgres import resumed

inbox, _, _ = resumed()
inbox.workflows.start = lambda *_, **__: os._exit(9)
inbox.consume()
"""


def resumed() -> tuple[Inbox, bytes, dict[str, str]]:
    """The inbox of the parent process, in this one."""
    from shared.adapters.postgres.engine import make_engine

    engine = make_engine(os.environ["URL"])
    inbox = object.__new__(Inbox)
    template = Inbox()
    inbox.__dict__ = {**template.__dict__, "store": SqlUnitOfWork(engine)}
    inbox.queue, inbox.workflows = queue_of(engine, seconds=0.2), FakeWorkflows()
    with inbox.store as uow:
        [inbox.hook] = uow.hooks.all_everywhere()
        inbox.connection = uow.connections.get(inbox.hook.organization_id, inbox.hook.connection_id)
    inbox.org = inbox.hook.organization_id
    inbox.repository = replace(inbox.repository, id=inbox.hook.repository_id)
    body = json.dumps(inbox.push()).encode()
    return inbox, body, {"x-github-delivery": "the delivery"}


def die(script: str, url: str) -> None:
    """Run it in a process that ends in the middle, as by a kill."""
    environment = {**os.environ, "URL": url, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 9, done.stderr


def test_a_receiver_that_dies_between_store_and_queue_leaves_a_push_that_is_decided_once(
    engine: Engine, database_url: str
) -> None:
    inbox = inbox_of(engine)
    web = inbox.service()
    die(RECEIVER, database_url)
    [stored] = inbox.all()
    assert stored.verdict is None
    assert inbox.consume() == 0, "it was not queued"
    inbox.at = now()
    inbox.later(seconds=61)
    assert inbox.queue_again() == 1
    inbox.consume()
    [decided] = inbox.all()
    assert (decided.verdict, decided.attempt) == (Verdict.DEPLOYED, 2)
    assert len(inbox.deployments(web)) == len(inbox.workflows.executions) == 1


def test_a_consumer_that_dies_between_decision_and_start_leaves_one_verdict_that_is_carried_out(
    engine: Engine, database_url: str
) -> None:
    inbox = inbox_of(engine)
    web = inbox.service()
    inbox.queue = queue_of(engine, seconds=0.2)
    delivery = inbox.deliver(inbox.push(), **{"x-github-delivery": "the delivery"}).delivery
    die(CONSUMER, database_url)
    decided = inbox.get(delivery)
    assert decided.verdict is Verdict.DEPLOYED
    [deployment] = inbox.deployments(web)
    assert inbox.workflows.executions == {}
    eventually(inbox.consume, "the message comes again")
    assert inbox.get(delivery) == decided
    assert inbox.deployments(web) == [deployment]
    assert list(inbox.workflows.executions) == [deployment.execution]


def test_many_consumers_at_once_decide_each_delivery_once(engine: Engine) -> None:
    inbox = inbox_of(engine)
    web = inbox.service()
    delivery = inbox.deliver(inbox.push()).delivery
    barrier = threading.Barrier(8)

    def decide(_: int) -> None:
        mine = replace_store(inbox, engine)
        barrier.wait(10)
        mine._decide(delivery.organization_id, delivery.id)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(decide, range(8)))
    assert inbox.get(delivery).verdict is Verdict.DEPLOYED
    assert len(inbox.deployments(web)) == len(inbox.workflows.executions) == 1
