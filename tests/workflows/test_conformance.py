"""Every scenario ends the same on the engine and on an emulator of Step Functions.

What the emulator cannot run, and where it names another error, stands in the scenario with its
reason, and is expected to fail there: when the emulator learns it, the run says so. Both evaluate
JSONata with one library, so what they agree on there proves nothing about AWS: the expected
values are the language's.
"""

from collections.abc import Callable, Iterator, Sequence

import pytest
from _pytest.mark import ParameterSet

from shared.ports.workflows import JSON
from tests.workflows.homes import DbosHome, Home, MiniStackHome, fast_dbos
from tests.workflows.ministack import MiniStack, ministack
from tests.workflows.real import real_scenarios
from tests.workflows.scenario import Scenario
from tests.workflows.scenarios import SCENARIOS
from tests.workflows.script import Script

__all__ = ["ministack"]

pytestmark = pytest.mark.postgres

REAL = list(real_scenarios())


def on_dbos(scenarios: Sequence[Scenario]) -> list[ParameterSet]:
    return [pytest.param(scenario, id=scenario.name) for scenario in scenarios]


def on_ministack(scenarios: Sequence[Scenario]) -> list[ParameterSet]:
    return [
        pytest.param(scenario, id=scenario.name, marks=_expected_to_fail(scenario.ministack))
        for scenario in scenarios
    ]


def _expected_to_fail(reason: str | None) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason=reason, strict=True)] if reason else []


@pytest.fixture(scope="module")
def dbos_home(fresh: Callable[[], str]) -> Iterator[DbosHome]:
    with fast_dbos(fresh()) as home:
        yield home


@pytest.mark.parametrize("scenario", on_dbos(SCENARIOS))
def test_the_language_on_dbos(dbos_home: DbosHome, scenario: Scenario) -> None:
    assert check(dbos_home, scenario, scenario.error) == scenario.output


@pytest.mark.parametrize("scenario", on_ministack(SCENARIOS))
def test_the_language_on_ministack(ministack: MiniStack, scenario: Scenario) -> None:
    error = scenario.ministack_error or scenario.error
    assert check(MiniStackHome(ministack), scenario, error) == scenario.output


@pytest.mark.parametrize("scenario", on_dbos(REAL))
def test_the_platforms_machines_on_dbos(dbos_home: DbosHome, scenario: Scenario) -> None:
    check(dbos_home, scenario, scenario.error)


@pytest.mark.parametrize("scenario", on_ministack([s for s in REAL if s.ministack is None]))
def test_the_platforms_machines_on_ministack(ministack: MiniStack, scenario: Scenario) -> None:
    """Without those that wait for what the emulator lacks: the language's scenarios show that."""
    check(MiniStackHome(ministack), scenario, scenario.ministack_error or scenario.error)


def check(home: Home, scenario: Scenario, error: str | None) -> JSON:
    """Run it; its output, for those that say what it must be."""
    script = Script(scenario.plan, scenario.default)

    execution = home.run(scenario, script)

    assert (execution.status, execution.error) == (scenario.status, error), execution.cause
    assert script.calls == list(scenario.calls)
    return execution.output
