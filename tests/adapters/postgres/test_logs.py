"""Log lines on every store: numbered without gaps, once each, up to a limit."""

import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from shared.adapters.postgres.logs import SqlLogs
from shared.adapters.postgres.tables.every import log_chunks
from shared.adapters.postgres.transaction import Transaction
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import NotFound
from shared.domain.logs import LogChunk, LogLine
from shared.domain.releases import ReleaseState
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import (
    ORG,
    OTHER_ORG,
    a_deployment,
    a_release,
    moment,
    stored_shop,
)

DATABASES = [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite", "mariadb"]
every_store = pytest.mark.parametrize("uow", ALL, indirect=True)
every_database = pytest.mark.parametrize("sql_engine", DATABASES, indirect=True)
KIB = 1024


def a_chunk(
    deployment: Deployment, number: int, texts: Sequence[str], source: str = "build"
) -> LogChunk:
    lines = tuple((moment(), "stdout", text) for text in texts)
    return LogChunk(deployment.organization_id, deployment.id, source, number, lines)


@every_store
def test_lines_are_numbered_in_the_order_they_came(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    first = a_chunk(deployment, 1, ["one", "\x1b[31mtwo\x1b[0m \x00 é"])
    second = a_chunk(deployment, 1, ["three"], source="release")
    with uow:
        assert uow.logs.append(first)
        assert uow.logs.append(second)
    expected = [
        LogLine(1, first.lines[0][0], "build", "stdout", "one"),
        LogLine(2, first.lines[1][0], "build", "stdout", "\x1b[31mtwo\x1b[0m \x00 é"),
        LogLine(3, second.lines[0][0], "release", "stdout", "three"),
    ]
    with uow:
        assert list(uow.logs.read(ORG, deployment.id, 0, 10)) == expected
        assert list(uow.logs.read(ORG, deployment.id, 1, 1)) == expected[1:2]
        assert list(uow.logs.read(ORG, deployment.id, 2, 10)) == expected[2:]
        assert list(uow.logs.read(ORG, deployment.id, 3, 10)) == []
        assert list(uow.logs.read(OTHER_ORG, deployment.id, 0, 10)) == []


@every_store
def test_a_chunk_sent_again_adds_nothing(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    with uow:
        assert uow.logs.append(a_chunk(deployment, 7, ["one"]))
    with uow:
        assert not uow.logs.append(a_chunk(deployment, 7, ["one"]))
        assert [line.text for line in uow.logs.read(ORG, deployment.id, 0, 10)] == ["one"]


@every_store
def test_lines_of_a_deployment_that_is_not_there_are_refused(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    with pytest.raises(NotFound), uow:
        uow.logs.append(a_chunk(replace(deployment, organization_id=OTHER_ORG), 1, ["x"]))


@every_store
def test_reading_in_small_steps_is_reading_everything(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    texts = [f"line {n}" for n in range(1, 101)]
    with uow:
        for number in range(20):
            uow.logs.append(a_chunk(deployment, number, texts[number * 5 : number * 5 + 5]))
    seen: list[LogLine] = []
    with uow:
        while lines := uow.logs.read(ORG, deployment.id, len(seen), 7):
            seen += lines
    assert [line.sequence for line in seen] == list(range(1, 101))
    assert [line.text for line in seen] == texts


@every_store
def test_old_logs_are_pruned_but_not_those_of_a_live_release(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    ended, live, running = (a_deployment(shop.service, number=n) for n in (2, 3, 4))
    with uow:
        for deployment in (ended, live, running):
            uow.deployments.add(deployment)
            uow.logs.append(a_chunk(deployment, 1, ["kept?"]))
        for deployment in (ended, live):
            uow.deployments.save(deployment.to(DeploymentState.FAILED))
        uow.releases.add(a_release(live, state=ReleaseState.LIVE))
        uow.releases.add(a_release(ended, number=2, state=ReleaseState.RETIRED))
        assert uow.logs.prune_everywhere(moment() - timedelta(days=365)) == 0
        later = uow.deployments.get(ORG, ended.id).updated_at + timedelta(seconds=1)
        assert uow.logs.prune_everywhere(later) == 1
        left = [d for d in (ended, live, running) if uow.logs.read(ORG, d.id, 0, 1)]
    assert left == [live, running]


@every_database
def test_a_stored_chunk_holds_at_most_64_kib_of_text(sql_engine: Engine) -> None:
    uow = SqlUnitOfWork(sql_engine)
    deployment = stored_shop(uow).deployment
    noise = secrets.token_hex(100 * KIB)
    texts = ["é" * 40 * KIB, noise, "", *("x" * 1000 for _ in range(150))]
    with uow:
        assert uow.logs.append(a_chunk(deployment, 1, texts))
        assert not uow.logs.append(a_chunk(deployment, 1, texts))
    with uow:
        lines = uow.logs.read(ORG, deployment.id, 0, 1000)
    with sql_engine.begin() as connection:
        sizes = connection.execute(select(log_chunks.c.raw_bytes)).scalars().all()
    assert len(sizes) > 5
    assert max(sizes) <= 64 * KIB
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    assert "".join(line.text for line in lines) == "".join(texts)


@every_database
def test_a_log_over_its_limit_keeps_head_and_newest_part_and_says_so(sql_engine: Engine) -> None:
    uow = SqlUnitOfWork(sql_engine, log_bytes=256 * KIB)
    deployment = stored_shop(uow).deployment
    tail: list[LogLine] = []
    for number in range(60):
        with uow:
            texts = [f"{number}.{n} {'x' * 1000}" for n in range(20)]
            assert uow.logs.append(a_chunk(deployment, number, texts))
            after = tail[-1].sequence if tail else 0
            tail += uow.logs.read(ORG, deployment.id, after, 1000)
    assert [line.sequence for line in tail] == list(range(1, 1201))
    assert {line.stream for line in tail} == {"stdout"}

    seen: list[LogLine] = []
    with uow:
        assert not uow.logs.append(a_chunk(deployment, 30, ["again"]))
        while lines := uow.logs.read(ORG, deployment.id, seen[-1].sequence if seen else 0, 50):
            seen += lines
    (said,) = (line for line in seen if line.stream == "system")
    head = [line for line in seen if line.sequence < said.sequence]
    rest = [line for line in seen if line.sequence > said.sequence]
    assert f"lines {head[-1].sequence + 1} to {said.sequence} are missing" in said.text
    assert head == tail[: len(head)]
    assert rest == tail[said.sequence :]
    assert 100 * KIB < sum(len(line.text) for line in head) <= 128 * KIB
    assert 100 * KIB < sum(len(line.text) for line in rest) <= 160 * KIB
    with sql_engine.begin() as connection:
        stored = select(log_chunks.c.raw_bytes).where(log_chunks.c.content.is_not(None))
        assert sum(connection.execute(stored).scalars().all()) <= 256 * KIB


@pytest.mark.postgres
def test_what_is_dropped_while_somebody_reads_is_said_not_skipped(engine: Engine) -> None:
    uow = SqlUnitOfWork(engine, log_bytes=256 * KIB)
    deployment = stored_shop(uow).deployment
    text = "x" * 1000
    with uow:
        for number in range(12):
            uow.logs.append(a_chunk(deployment, number, [text] * 20))
    with engine.connect() as connection:
        reader = SqlLogs(Transaction(connection))
        heads = reader._heads
        old = heads.get(ORG, deployment.id)
        with uow:
            for number in range(12, 40):
                uow.logs.append(a_chunk(deployment, number, [text] * 20))
        # a reader that read the head of the log before the chunks were dropped
        assert reader._stored(old, old.head_through, 100) == []
        lines = reader.read(ORG, deployment.id, old.head_through, 100)
    assert lines[0].stream == "system"
    assert lines[1].sequence == lines[0].sequence + 1


@every_database
def test_appends_from_eight_threads_leave_no_gap_and_no_duplicate(sql_engine: Engine) -> None:
    deployment = stored_shop(SqlUnitOfWork(sql_engine)).deployment
    barrier = threading.Barrier(8)

    def write(source: int) -> None:
        uow = SqlUnitOfWork(sql_engine)
        barrier.wait(10)
        for number in range(10):
            texts = [f"{source} {number} {n}" for n in range(3)]
            for _ in range(2):
                with uow:
                    uow.logs.append(a_chunk(deployment, number, texts, source=str(source)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    with SqlUnitOfWork(sql_engine) as uow:
        lines = uow.logs.read(ORG, deployment.id, 0, 1000)
    assert [line.sequence for line in lines] == list(range(1, 241))
    assert len({line.text for line in lines}) == 240
    for source in range(8):
        mine = [line.text for line in lines if line.source == str(source)]
        assert mine == [f"{source} {number} {n}" for number in range(10) for n in range(3)]
