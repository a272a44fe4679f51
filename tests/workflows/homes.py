"""Where a scenario runs: the engine on DBOS, and Step Functions on MiniStack."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from shared.adapters.asl import Definition, parse
from shared.adapters.dbos import DbosWorkflows, EngineSettings
from shared.adapters.dbos.steps import DurableSteps
from shared.adapters.step_functions import StepFunctions
from shared.ports.workflows import JSON, Execution, Workflows
from tests.workflows.deadlines import ended
from tests.workflows.ministack import Invoke, MiniStack
from tests.workflows.scenario import Scenario
from tests.workflows.script import Script

PACE = 0.01
"""Waits and backoffs pass a hundred times as fast, on both engines."""


class DbosHome:
    """One engine for all scenarios; each brings its machines and its script."""

    name = "dbos"

    def __init__(self, url: str) -> None:
        self._machines: dict[str, Definition] = {}
        self._script: Invoke = Script()
        self._engine = DbosWorkflows(
            url, self._machines, self._invoke, self._send, EngineSettings(close_seconds=1)
        )

    def run(self, scenario: Scenario, script: Script) -> Execution:
        script.workflows = self.load(scenario.machines, script)
        return _run(self._engine, scenario)

    def load(self, documents: Mapping[str, Mapping[str, Any]], invoke: Invoke) -> Workflows:
        """The engine with these machines, whose functions `invoke` plays."""
        self._script = invoke
        self._machines.clear()
        for name, document in documents.items():
            self._machines[name] = parse(dict(document), name)
            self._engine.executions.store_definition(self._machines[name])
        return self._engine

    def open(self) -> None:
        self._engine.launch()

    def close(self) -> None:
        self._engine.close()

    def _invoke(self, function: str, payload: dict[str, Any]) -> Any:
        return self._script(function, payload)

    def _send(self, queue: str, body: JSON) -> None:
        assert isinstance(body, dict)
        self._script(f"queue:{queue}", body)


class MiniStackHome:
    name = "ministack"

    def __init__(self, stack: MiniStack) -> None:
        self._stack = stack

    def run(self, scenario: Scenario, script: Script) -> Execution:
        workflows = script.workflows = self.load(scenario.machines, script)
        with self._consuming(queues_of(scenario.machines.values()), script):
            return _run(workflows, scenario)

    def load(self, documents: Mapping[str, Mapping[str, Any]], invoke: Invoke) -> StepFunctions:
        """The emulator with these machines, whose functions `invoke` plays."""
        self._stack.create(documents, functions_of(documents.values()))
        self._stack.invoke = invoke
        return self._stack.workflows(documents)

    @contextmanager
    def _consuming(self, queues: Sequence[str], script: Script) -> Iterator[None]:
        """Messages go to the script while the scenario runs."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._stack.consume, args=(queue, script, stop))
            for queue in queues
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


Home = DbosHome | MiniStackHome


@contextmanager
def fast_dbos(url: str) -> Iterator[DbosHome]:
    pause = DurableSteps.pause

    def shorter(self: DurableSteps, state: str, seconds: float, *, jitter: bool = False) -> None:
        pause(self, state, seconds * PACE, jitter=jitter)

    home = DbosHome(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DurableSteps, "pause", shorter)
        home.open()
        try:
            yield home
        finally:
            home.close()


def functions_of(documents: Any) -> set[str]:
    return {
        found
        for document in documents
        for found in _values(document, "FunctionName")
        if not found.startswith("{%")
    }


def queues_of(documents: Any) -> list[str]:
    return sorted({found for each in documents for found in _values(each, "QueueUrl")})


def _values(document: Any, key: str) -> list[str]:
    """Every value under `key`, however deep."""
    if isinstance(document, Mapping):
        own = [document[key]] if key in document else []
        return [*own, *(found for value in document.values() for found in _values(value, key))]
    if isinstance(document, list):
        return [found for value in document for found in _values(value, key)]
    return []


def _run(workflows: Workflows, scenario: Scenario) -> Execution:
    name = str(uuid4())
    machine = next(iter(scenario.machines))
    payload = json.loads(json.dumps(scenario.payload))
    workflows.start(machine, name, payload)
    return ended(workflows, name, 30)
