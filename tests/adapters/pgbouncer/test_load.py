"""200 invocations at once through a pooler with 50 server connections, and with two."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psycopg
import pytest

from shared.adapters.vault import KeyFiles, MasterKey
from tests.adapters.pgbouncer.binding import binding
from tests.adapters.pgbouncer.invocations import Fleet, Stock, stocked
from tests.adapters.pgbouncer.servers import Pooler, Server, eventually, pgbouncer

pytestmark = pytest.mark.postgres
CALLERS = 200
PROBLEM = "application/problem+json"
WAITED_SECONDS = 10.0
"""For an overloaded database in all: 3 s and a few half seconds, and turns at a processor."""
LATEST_SECONDS = 25.0
"""For an answer, on a machine whose cores all those processes share; API Gateway waits 30."""
SHARED_CORES = 20
"""How much longer things take than where each environment has a processor of its own."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys")
    MasterKey.generate().store(KeyFiles(path).next_name())
    return path


@pytest.fixture
def stock(server: Server, keys: Path, rows: None) -> Stock:
    return stocked(server.url, keys)


@pytest.fixture
def fleet(stock: Stock, tmp_path: Path, keys: Path) -> Fleet:
    return Fleet(stock, tmp_path, keys)


@contextmanager
def watched(server: Server, pooler: Pooler) -> Iterator[Counter[str]]:
    """The most that were seen of the server's sessions and of what the pooler counts."""
    server.cut_off()
    most: Counter[str] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            # so busy that it does not answer us: the next look counts
            with suppress(psycopg.OperationalError):
                for name, count in {"sessions": server.sessions(), **pooler.counts()}.items():
                    most[name] = max(most[name], count)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join(10)


def shown(answers: list[dict[str, Any]]) -> str:
    """Latencies by function, and the statuses."""
    lines = [str(dict(Counter(each["status"] for each in answers)))]
    for function in sorted({each["function"] for each in answers}):
        took = [each["seconds"] * 1000 for each in answers if each["function"] == function]
        tail = quantiles(took, n=20)[-1]
        waited = max(each["waited"] * 1000 for each in answers if each["function"] == function)
        middle = f"p50 {median(took):5.0f} ms  p95 {tail:5.0f} ms  max {max(took):5.0f} ms"
        lines.append(f"{function:24} {len(took):4}  {middle}  waited at most {waited:5.0f} ms")
    return "\n".join(lines)


def test_200_invocations_at_once_share_50_server_connections(
    folder: Path, server: Server, stock: Stock, fleet: Fleet
) -> None:
    asked = [stock.get, stock.push, stock.list, stock.create]
    environments = [[asked[(n + k) % 4]() for k in range(2)] for n in range(CALLERS)]
    began, logged = time.monotonic(), server.logged()
    with (
        pgbouncer(folder / "large", server.port, most=50, patience=120) as pooler,
        watched(server, pooler) as most,
    ):
        answers = fleet.answers(pooler.url, environments, scale=SHARED_CORES)
    print(f"\n{time.monotonic() - began:.1f} s, {dict(most)}\n{shown(answers)}")
    assert Counter(each["status"] for each in answers) == {
        200: CALLERS,
        201: CALLERS // 2,
        202: CALLERS // 2,
    }
    assert most["sessions"] <= 50
    assert binding(server.statements(logged)) == []
    assert most["servers"] == 50
    assert most["clients"] > 150
    assert most["waiting"] > 0
    stored = server.ask("SELECT count(*) FROM webhook_deliveries")[0][0]
    assert stored == CALLERS // 2 + 1


@pytest.fixture
def slow_projects(server: Server) -> Iterator[None]:
    """Each new project takes the database 0.4 s."""
    server.ask(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END $$"
    )
    server.ask("CREATE TRIGGER slow BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION slow()")
    yield
    server.ask("DROP FUNCTION IF EXISTS slow() CASCADE")


def test_overload_is_answered_with_503_and_a_time_and_ends_with_its_cause(
    folder: Path, server: Server, stock: Stock, fleet: Fleet, slow_projects: None
) -> None:
    asked = [stock.get, stock.push, stock.create, stock.create]
    with pgbouncer(folder / "small", server.port, most=2) as pooler:
        environments = [[asked[n % 4]()] for n in range(CALLERS)]
        with watched(server, pooler) as most:
            answers = fleet.answers(pooler.url, environments)
        print(f"\n{dict(most)}\n{shown(answers)}")
        assert len(answers) == CALLERS
        _check_answers(answers)
        assert most["servers"] <= 2
        eventually(lambda: server.sessions() <= 2, 2)
        server.ask("DROP FUNCTION slow() CASCADE")
        asking = [[asked[n % 4]()] for n in range(20)]
        after = fleet.answers(pooler.url, asking, scale=SHARED_CORES)
        assert {each["status"] for each in after} <= {200, 201, 202}


def _check_answers(answers: list[dict[str, Any]]) -> None:
    refused = [each for each in answers if each["status"] == 503]
    served = [each for each in answers if 200 <= each["status"] < 300]
    assert len(refused) + len(served) == len(answers), shown(answers)
    assert refused
    for each in refused:
        assert each["kind"] == PROBLEM
        assert 1 <= int(each["retry_after"]) <= 5
        assert json.loads(each["body"])["type"] == "Transient"
    assert max(each["waited"] for each in answers) < WAITED_SECONDS
    assert max(each["seconds"] for each in answers) < LATEST_SECONDS
