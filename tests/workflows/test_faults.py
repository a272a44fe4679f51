"""A failure and a timeout in every state, with the platform's functions, on both engines."""

from collections.abc import Callable, Iterator

import pytest

from infra.generate.policies import nested, substituted
from shared.domain.deployments import DeploymentState
from tests.workflows.fault_cases import CASES, LIVES, NAMES, STATES, Case, Fault
from tests.workflows.faults import Ending, play
from tests.workflows.homes import MiniStackHome, fast_dbos
from tests.workflows.ministack import MiniStack, ministack
from tests.workflows.scenarios import SCENARIOS

__all__ = ["ministack"]

pytestmark = pytest.mark.postgres
Endings = dict[Case, Ending]
PARAMS = [pytest.param(case, id=case.name) for case in CASES]


@pytest.fixture(scope="module")
def on_dbos(fresh: Callable[[], str]) -> Iterator[Endings]:
    with fast_dbos(fresh()) as home:
        yield {**play(home, Fault.FAILURE), **play(home, Fault.TIMEOUT)}


@pytest.fixture(scope="module")
def on_ministack(ministack: MiniStack) -> Endings:
    home = MiniStackHome(ministack)
    return {**play(home, Fault.FAILURE), **play(home, Fault.TIMEOUT)}


@pytest.mark.parametrize("case", PARAMS)
def test_it_ends_truthfully_and_leaves_nothing_behind(case: Case, on_dbos: Endings) -> None:
    ending = on_dbos[case]
    lives = case.function in LIVES
    assert ending.state == (DeploymentState.LIVE if lives else DeploymentState.FAILED), ending
    assert ending.lease_is_free
    assert ending.unfinished == []
    assert ending.route_leads_to == served(case, lives=lives), ending
    assert all(outcome for _, outcome in ending.ledger), "no step stays open"


@pytest.mark.parametrize("case", PARAMS)
def test_both_engines_end_it_alike(case: Case, on_dbos: Endings, on_ministack: Endings) -> None:
    assert on_ministack[case] == on_dbos[case]


def test_no_state_of_a_machine_is_left_out() -> None:
    for machine, functions in STATES.items():
        files = [machine, *nested(machine), "compensate"]
        called = {NAMES[key] for file in files for key in substituted(file) if key in NAMES}
        optional = {"release.pre_deploy_command"} if machine == "rollback" else set()
        assert called - optional == set(functions), machine


def test_the_table_is_printed(on_dbos: Endings, on_ministack: Endings) -> None:
    print("\nafter a fault in every state: its end on DBOS and on MiniStack")
    for case in CASES:
        ends = {on_dbos[case].state, on_ministack[case].state}
        print(f"  {case.machine:9} {case.function:27} {case.fault:8} {' / '.join(sorted(ends))}")
    print("what MiniStack cannot run, in the scenarios of the language:")
    for scenario in SCENARIOS:
        if scenario.ministack:
            print(f"  {scenario.name}: {scenario.ministack}")
    assert len(CASES) == len(on_dbos) == len(on_ministack)


def served(case: Case, *, lives: bool) -> str:
    """The image that answers: the new one, or the one that did before."""
    if case.machine == "rollback":
        return "sha256:one" if lives else "sha256:two"
    return "sha256:new" if lives else "sha256:one"
