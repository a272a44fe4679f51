"""An agent that answers what functions ask of the cloud: `compute` jobs, over one in memory."""

import threading
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine

from infra.agent.edge.calls import EngineCalls
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.errors import PlatformError
from shared.domain.jobs import Job, JobKind
from shared.ports.compute import Cloud
from shared.usecases import jobs
from tests.sam.scenes import Scene

TOKEN = "c2dj_of_the_agent"


class _Hands:
    """The job as EngineCalls sees it; values of variables do not matter to a cloud in memory."""

    def check(self) -> None:
        """Nobody cancels it."""

    def secrets(self) -> dict[str, Any]:
        return {"env": {}, "registry": {"host": None, "username": None, "password": None}}


class CloudAgent:
    """Works in a thread until the block ends; other jobs stay where they are."""

    def __init__(self, engine: Engine, scene: Scene) -> None:
        memory: Any = scene.compute
        names: Any = scene.names
        cloud = Cloud(compute=memory, images=memory, names=names, networks=memory, volumes=memory)
        self._calls = EngineCalls(lambda _pulls: cloud)
        self._uow: Any = SqlUnitOfWork(engine)
        self._line: Any = {"uow": self._uow, "workflows": scene.workflows, "vault": scene.vault}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(30)

    def _work(self) -> None:
        while not self._stop.wait(0.05):
            with self._uow as uow:
                job = uow.jobs.claim([JobKind.COMPUTE], "sample-edge", jobs.token_hash(TOKEN))
            if job is not None:
                self._serve(job)

    def _serve(self, job: Job) -> None:
        said: dict[str, Any] = {"outcome": "succeeded", "output": {}, "error": None, "reason": None}
        try:
            said["output"] = self._calls.serve(dict(job.spec), _Hands())
        except PlatformError as error:
            said |= {"outcome": "failed", "error": type(error).__name__, "reason": error.reason}
        jobs.finish(job.id, TOKEN, **said, **self._line)
