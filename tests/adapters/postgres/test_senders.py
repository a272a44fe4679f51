"""Reports on a real database, with many tellers: each state once, in order, within five seconds."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from shared import bootstrap
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import Transient
from shared.domain.git import GitConnection
from shared.domain.ids import now
from shared.domain.routes import PublicAddresses
from shared.runtime import schedules
from shared.runtime.senders import Line, Senders, senders
from shared.settings import Settings
from shared.usecases import reporting
from shared.usecases.addresses import Addresses
from shared.usecases.outbox import Reach
from tests.adapters.postgres.made import ORG, a_deployment, stored_shop
from tests.adapters.postgres.made_git import SHA, a_report, a_source, stored_connection
from tests.fakes.git_host import FakeHost

pytestmark = pytest.mark.postgres
ADDRESSES = Addresses("https://deploy.example", PublicAddresses("localhost", "http", 80))
WAY = [DeploymentState(s) for s in ("waiting", "building", "releasing", "live")]


def line(engine: Engine, reach: Reach) -> Line:
    return Line(
        lambda busy: reporting.claim_report(uow=SqlUnitOfWork(engine), at=now(), busy=busy),
        lambda claimed: reporting.send_report(
            claimed, uow=SqlUnitOfWork(engine), reach=reach, at=ADDRESSES
        ),
    )


def reported(engine: Engine, slug: str, account: str, count: int = 1) -> list[Deployment]:
    """Deployments of one service, each of a commit of its own, that a provider is to be told of."""
    uow = SqlUnitOfWork(engine)
    shop = stored_shop(uow, slug)
    connection = stored_connection(uow, account_id=account)
    made = [shop.deployment, *(a_deployment(shop.service, number=n + 2) for n in range(count - 1))]
    with uow:
        uow.sources.put(a_source(shop.service, connection))
        for number, deployment in enumerate(made):
            if number:
                uow.deployments.add(deployment)
            uow.reports.add(a_report(deployment, connection, sha=f"{number:040x}"))
    return made


def move(engine: Engine, deployment: Deployment, state: DeploymentState) -> None:
    with SqlUnitOfWork(engine) as uow:
        present = uow.deployments.lock(ORG, deployment.id)
        uow.deployments.save(present.to(state))


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, what
        time.sleep(0.01)
    return time.monotonic() - began


def told(host: FakeHost) -> dict[str, list[str]]:
    """Per deployment what its provider heard."""
    heard = defaultdict(list)
    for _, report in list(host.told):
        heard[report.deployment].append(report.description)
    return heard


def test_tellers_in_parallel_never_tell_the_same_state_twice_nor_an_older_one_later(
    engine: Engine,
) -> None:
    deployments = reported(engine, "shop", "1", 10) + reported(engine, "other", "2", 10)
    host = FakeHost()
    tellers = [Senders(4) for _ in range(2)]
    stop = threading.Event()

    def tell(senders: Senders) -> None:
        while not stop.is_set():
            senders.finish(line(engine, host.reach))

    def walk(deployment: Deployment) -> None:
        for state in WAY:
            move(engine, deployment, state)

    with ThreadPoolExecutor(6) as threads:
        running = [threads.submit(tell, each) for each in tellers]
        list(threads.map(walk, deployments))
        ids = {str(d.id) for d in deployments}
        live = {"Live"}
        try:
            until(lambda: {k for k, v in told(host).items() if live & set(v)} == ids, 20, "late")
        finally:
            stop.set()
        for each in running:
            each.result(10)
    for each in tellers:
        assert each.finish(line(engine, host.reach)) == 0
        each.close()
    order = ["Queued", *(state.capitalize() for state in WAY)]
    for heard in told(host).values():
        assert len(heard) == len(set(heard)), heard
        assert heard == sorted(heard, key=order.index)
        assert heard[-1] == "Live"


def test_a_hundred_looks_at_one_report_claim_it_once(engine: Engine) -> None:
    reported(engine, "shop", "1")
    claims = []

    def claim(_: int) -> None:
        claimed = reporting.claim_report(uow=SqlUnitOfWork(engine), at=now())
        claims.append(claimed)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(claim, range(100)))
    assert sum(claimed is not None for claimed in claims) == 1


@pytest.fixture
def clock(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """The platform's clock with nothing but reports; connection `2` is to a host that hangs."""
    host, hanging = FakeHost(), threading.Event()

    class Hung(FakeHost):
        def report(self, *_: Any) -> str | None:
            hanging.wait(60)
            raise Transient("GitHub did not answer in time")

    hung = Hung()

    def reach(connection: GitConnection) -> tuple[FakeHost, str]:
        return (hung if connection.account_id == "2" else host), "token"

    monkeypatch.setattr(bootstrap, "unit_of_work", lambda: SqlUnitOfWork(engine))
    monkeypatch.setattr(bootstrap, "git_access", lambda: reach)
    monkeypatch.setattr(bootstrap, "addresses", lambda: ADDRESSES)
    monkeypatch.setattr(bootstrap, "settings", Settings)
    pace = {"reports": schedules.LOCAL["reports"]}
    monkeypatch.setattr(schedules, "LOCAL", pace)
    senders.cache_clear()
    ticking = schedules.Clock()
    ticking.start()
    yield host
    hanging.set()
    ticking.stop()
    senders().close()
    senders.cache_clear()


def test_each_change_is_told_within_five_seconds_while_another_provider_hangs(
    engine: Engine, clock: FakeHost
) -> None:
    reported(engine, "hanging", "2", 6)
    [deployment] = reported(engine, "shop", "1")
    took = [until(lambda: "Queued" in told(clock)[str(deployment.id)], 5, "queued")]
    for state in WAY:
        move(engine, deployment, state)
        said = state.capitalize()
        took.append(until(lambda said=said: said in told(clock)[str(deployment.id)], 5, said))
    assert max(took) < 5
    assert told(clock)[str(deployment.id)] == ["Queued", "Waiting", "Building", "Releasing", "Live"]
    assert {report.sha for _, report in clock.told} == {SHA.replace("a", "0")}
