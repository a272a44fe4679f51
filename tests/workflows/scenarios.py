"""Scenarios of the language: what happens, and how it must end on every engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.ports.workflows import JSON, ExecutionStatus
from tests.workflows.machines import (
    State,
    catch,
    document,
    failed,
    nested,
    queue_task,
    retry,
    task,
    token_task,
    wait,
)
from tests.workflows.script import Act, Answer, Do, Ignore, Raise, Refuse, Return, sleep

SUCCEEDED, FAILED = ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED
TIMED_OUT = ExecutionStatus.TIMED_OUT


@dataclass(frozen=True)
class Scenario:
    """One execution of the first machine, its functions scripted, and its expected end.

    `ministack` says why MiniStack cannot run it; `ministack_error` is the error it ends with
    where it is known to name another.
    """

    name: str
    machines: Mapping[str, Mapping[str, Any]]
    calls: Sequence[str]
    status: ExecutionStatus = SUCCEEDED
    error: str | None = None
    output: JSON = None
    plan: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    payload: Mapping[str, JSON] = field(default_factory=dict)
    default: Act = field(default_factory=Return)
    ministack: str | None = None
    ministack_error: str | None = None


def one(
    name: str,
    states: Mapping[str, State],
    calls: Sequence[str] = (),
    *,
    timeout: int = 300,
    others: Mapping[str, Mapping[str, State]] | None = None,
    **more: Any,
) -> Scenario:
    machines = {"m": document(states, timeout=timeout)}
    for other, inner in (others or {}).items():
        machines[other] = document(inner)
    return Scenario(name, machines, calls, **more)


def _pass(output: JSON, **more: Any) -> dict[str, State]:
    return {"P": {"Type": "Pass", "Output": output, **more}}


DONE: State = {"Type": "Succeed"}
CAUGHT: dict[str, State] = {"Done": DONE, "Failed": failed()}

NO_HEARTBEATS = "MiniStack ignores HeartbeatSeconds: the state waits for its TimeoutSeconds"
NO_MACHINE_TIMEOUT = "MiniStack ignores a machine's TimeoutSeconds"
SUBMIT_ERRORS_LOST = (
    "MiniStack drops the error of a function that hands out a token, and waits for the answer"
)
ASSIGN_IN_ORDER = "MiniStack lets an Assign see the variables that the same Assign sets"
CHOICE_TRUTHY = "MiniStack takes any truthy value for a condition's true"

DATA = [
    one(
        "results_flow_from_state_to_state",
        {"A": task("a"), "B": task("b", Output="{% $states.result.Payload %}")},
        ["a", "b"],
        plan={"a": [Return({"n": 1})], "b": [Return({"m": 2})]},
        output={"m": 2},
    ),
    one(
        "output_replaces_the_result_and_assign_keeps_it",
        {
            "A": task(
                "a",
                Output={"was": "{% $states.input.n %}"},
                Assign={"kept": "{% $states.result.Payload.image %}"},
            ),
            "P": {"Type": "Pass", "Output": {"kept": "{% $kept %}", "in": "{% $states.input %}"}},
        },
        ["a"],
        plan={"a": [Return({"image": "i:1"})]},
        payload={"n": 3},
        output={"kept": "i:1", "in": {"was": 3}},
    ),
    one(
        "assign_sees_the_variables_as_they_were",
        {
            "P": {"Type": "Pass", "Assign": {"a": 1, "b": 2}},
            "Q": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}},
            "R": {"Type": "Pass", "Output": ["{% $a %}", "{% $b %}"]},
        },
        output=[2, 1],
        ministack=ASSIGN_IN_ORDER,
    ),
    one(
        "expressions_of_the_subset",
        _pass(
            {
                "merged": "{% $merge([$states.input, {'y': 2}]) %}",
                "there": "{% $exists($states.input.x) %}",
                "absent": "{% $exists($states.input.zz) %}",
                "joined": "{% $states.input.name & '-release' %}",
                "cut": "{% $substring($states.input.name, 0, 3) %}",
                "sum": "{% $states.input.x + 1 - 3 %}",
                "both": "{% $states.input.x = 1 and $not($states.input.x > 1) %}",
                "either": "{% $states.input.x != 1 or $states.input.x <= 1 %}",
                "one of": "{% $states.input.x in [1, 2] %}",
                "chosen": "{% $states.input.flag ? 'on' : 'off' %}",
                "text": "{% $string($states.input.x) %}",
                "null": "{% $states.input.nothing %}",
                "literal": "plain",
            }
        ),
        payload={"x": 1, "name": "deployment", "flag": False, "nothing": None},
        output={
            "merged": {"x": 1, "name": "deployment", "flag": False, "nothing": None, "y": 2},
            "there": True,
            "absent": False,
            "joined": "deployment-release",
            "cut": "dep",
            "sum": -1,
            "both": True,
            "either": True,
            "one of": True,
            "chosen": "off",
            "text": "1",
            "null": None,
            "literal": "plain",
        },
    ),
    one(
        "a_missing_value_fails_the_execution",
        _pass("{% $states.input.missing %}"),
        status=FAILED,
        error="States.QueryEvaluationError",
    ),
    one(
        "arguments_that_cannot_be_evaluated_can_be_caught",
        {
            "A": task(
                "a",
                Arguments={"FunctionName": "a", "Payload": "{% $states.input.missing %}"},
                Catch=catch("Failed", "States.QueryEvaluationError"),
            ),
            **CAUGHT,
        },
        status=FAILED,
        error="States.QueryEvaluationError",
    ),
    one(
        "succeed_has_an_output",
        {"S": {"Type": "Succeed", "Output": {"n": "{% $states.input.n %}"}}},
        payload={"n": 1},
        output={"n": 1},
    ),
    one(
        "fail_ends_with_its_error",
        {"F": {"Type": "Fail", "Error": "{% $states.input.error %}", "Cause": "because"}},
        payload={"error": "Chosen"},
        status=FAILED,
        error="Chosen",
    ),
    one("a_wait_passes_its_input_on", {"W": wait(1)}, payload={"n": 1}, output={"n": 1}),
]


def _choice(condition: str, **more: Any) -> dict[str, State]:
    return {
        "C": {"Type": "Choice", "Choices": [{"Condition": condition, "Next": "A"}], **more},
        "A": task("a", End=True),
        "B": task("b", End=True),
    }


CHOICES = [
    one(
        "the_first_rule_that_holds_decides",
        _choice("{% $states.input.entry = 'release' %}", Default="B"),
        ["a"],
        payload={"entry": "release"},
        output={"Payload": {}, "StatusCode": 200},
    ),
    one(
        "else_the_default",
        _choice("{% $states.input.entry = 'release' %}", Default="B"),
        ["b"],
        payload={},
        output={"Payload": {}, "StatusCode": 200},
    ),
    one(
        "no_rule_and_no_default_fails",
        {
            "C": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.x = 1 %}", "Next": "A"}],
            },
            "A": task("a", End=True),
        },
        payload={"x": 2},
        status=FAILED,
        error="States.NoChoiceMatched",
    ),
    one(
        "a_condition_that_is_no_boolean_fails",
        _choice("{% $states.input.entry %}", Default="B"),
        payload={"entry": "text"},
        status=FAILED,
        error="States.QueryEvaluationError",
        ministack=CHOICE_TRUTHY,
    ),
]

ERRORS = [
    one(
        "an_uncaught_error_is_the_executions",
        {"A": task("a"), "B": task("b")},
        ["a"],
        plan={"a": [Raise("BuildFailed")]},
        status=FAILED,
        error="BuildFailed",
    ),
    one(
        "a_retry_makes_up_for_a_passing_error",
        {"A": task("a", Retry=retry("Transient", IntervalSeconds=1)), "B": task("b")},
        ["a", "a", "a", "b"],
        plan={"a": [Raise("Transient"), Raise("Transient"), Return()]},
        output={"Payload": {}, "StatusCode": 200},
    ),
    one(
        "retries_end_with_max_attempts",
        {"A": task("a", Retry=retry("States.ALL", MaxAttempts=2), Catch=catch("Failed")), **CAUGHT},
        ["a", "a", "a"],
        plan={"a": [Raise("Transient")]},
        status=FAILED,
        error="Transient",
    ),
    one(
        "another_error_is_not_retried",
        {"A": task("a", Retry=retry("Transient"))},
        ["a"],
        plan={"a": [Raise("BuildFailed")]},
        status=FAILED,
        error="BuildFailed",
    ),
    one(
        "the_first_retrier_that_matches_decides_even_when_it_is_spent",
        {
            "A": task(
                "a",
                Retry=[
                    *retry("Transient", MaxAttempts=1),
                    *retry("States.ALL", MaxAttempts=5),
                ],
            )
        },
        ["a", "a"],
        plan={"a": [Raise("Transient")]},
        status=FAILED,
        error="Transient",
    ),
    one(
        "the_count_of_retries_is_in_the_context",
        {
            "A": task(
                "a",
                Arguments={
                    "FunctionName": "a",
                    "Payload": {"retry": "{% $states.context.State.RetryCount %}"},
                },
                Retry=retry("Transient"),
                Output="{% $states.result.Payload %}",
            )
        },
        ["a", "a"],
        plan={"a": [Raise("Transient"), Do(lambda payload: payload)]},
        output={"retry": 1},
    ),
    one(
        "the_first_catcher_that_matches_takes_it",
        {
            "A": task("a", Catch=[*catch("B", "Other"), *catch("Failed", "BuildFailed")]),
            "B": task("b"),
            **CAUGHT,
        },
        ["a"],
        plan={"a": [Raise("BuildFailed")]},
        status=FAILED,
        error="BuildFailed",
    ),
    one(
        "a_catcher_without_output_passes_error_and_cause_on",
        {
            "A": task("a", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "P"}]),
            "Done": {**DONE},
            "P": {"Type": "Pass", "Output": "{% $states.input.Error %}", "End": True},
        },
        ["a"],
        plan={"a": [Raise("BuildFailed")]},
        output="BuildFailed",
    ),
    one(
        "states_task_failed_takes_a_functions_error",
        {"A": task("a", Catch=catch("Failed", "States.TaskFailed")), **CAUGHT},
        ["a"],
        plan={"a": [Raise("BuildFailed")]},
        status=FAILED,
        error="BuildFailed",
    ),
    one(
        "a_task_over_its_time_is_a_states_timeout",
        {
            "A": task("a", TimeoutSeconds=1, Catch=catch("Failed", "States.Timeout")),
            **CAUGHT,
        },
        ["a"],
        plan={"a": [Do(sleep(3))]},
        status=FAILED,
        error="States.Timeout",
    ),
    one(
        "states_task_failed_leaves_a_timeout",
        {
            "A": task(
                "a",
                TimeoutSeconds=1,
                Catch=[*catch("B", "States.TaskFailed"), *catch("Failed", "States.ALL")],
            ),
            "B": task("b"),
            **CAUGHT,
        },
        ["a"],
        plan={"a": [Do(sleep(3))]},
        status=FAILED,
        error="States.Timeout",
    ),
]

TOKENS = [
    one(
        "a_token_is_answered_by_its_own_function",
        {"T": token_task("t"), "B": task("b")},
        ["t", "b"],
        plan={"t": [Answer({"lease": 1})]},
        output={"Payload": {}, "StatusCode": 200},
    ),
    one(
        "the_answer_is_the_result",
        {
            "T": token_task("t", Assign={"lease": "{% $states.result.lease %}"}),
            **_pass("{% $lease %}"),
        },
        ["t"],
        plan={"t": [Answer({"lease": 7})]},
        output=7,
    ),
    one(
        "a_refused_token_is_the_states_error",
        {"T": token_task("t", Catch=catch("Failed", "Cancelled")), **CAUGHT},
        ["t"],
        plan={"t": [Refuse("Cancelled")]},
        status=FAILED,
        error="Cancelled",
    ),
    one(
        "a_refused_token_is_retried",
        {"T": token_task("t", Retry=retry("AgentLost"))},
        ["t", "t"],
        plan={"t": [Refuse("AgentLost"), Answer({"n": 2})]},
        output={"n": 2},
    ),
    one(
        "a_token_nobody_answers_times_out",
        {"T": token_task("t", timeout=2, heartbeat=1, Catch=catch("Failed")), **CAUGHT},
        ["t"],
        plan={"t": [Ignore()]},
        status=FAILED,
        error="States.HeartbeatTimeout",
        ministack=NO_HEARTBEATS,
    ),
    one(
        "states_timeout_takes_a_missed_heartbeat",
        {
            "T": token_task("t", timeout=3, heartbeat=1, Catch=catch("Failed", "States.Timeout")),
            **CAUGHT,
        },
        ["t"],
        plan={"t": [Ignore()]},
        status=FAILED,
        error="States.HeartbeatTimeout",
        ministack=NO_HEARTBEATS,
    ),
    one(
        "a_function_that_cannot_hand_its_token_out_is_retried",
        {"T": token_task("t", timeout=2, heartbeat=1, Retry=retry("Transient"))},
        ["t", "t"],
        plan={"t": [Raise("Transient"), Answer({"n": 2})]},
        output={"n": 2},
        ministack=SUBMIT_ERRORS_LOST,
    ),
    one(
        "a_message_carries_the_token",
        {"Q": queue_task("builds")},
        ["queue:builds"],
        plan={"queue:builds": [Answer({"n": 1})]},
        output={"n": 1},
    ),
    one(
        "a_machine_over_its_time_ends_past_every_catch",
        {"T": token_task("t", timeout=3, heartbeat=2, Catch=catch("Failed")), **CAUGHT},
        ["t"],
        plan={"t": [Ignore()]},
        timeout=1,
        status=TIMED_OUT,
        error="States.Timeout",
        ministack=NO_MACHINE_TIMEOUT,
    ),
]

INNER = {"inner": {"A": task("a", Output="{% $states.result.Payload %}")}}

NESTED = [
    one(
        "a_nested_executions_output_is_json",
        {"N": nested("inner", Output="{% $states.result.Output.n %}"), "B": task("b")},
        ["a", "b"],
        others=INNER,
        plan={"a": [Return({"n": 5})], "b": [Return()]},
        output={"Payload": {}, "StatusCode": 200},
    ),
    one(
        "a_nested_execution_has_its_status_and_name",
        {"N": nested("inner", Output="{% $states.result.Status %}")},
        ["a"],
        others=INNER,
        output="SUCCEEDED",
    ),
    one(
        "a_failed_nested_execution_is_a_failed_task",
        {"N": nested("inner", Catch=catch("Failed")), **CAUGHT},
        ["a"],
        others=INNER,
        plan={"a": [Raise("HealthCheckFailed")]},
        status=FAILED,
        error="States.TaskFailed",
        ministack_error="HealthCheckFailed",
    ),
]

SCENARIOS = [*DATA, *CHOICES, *ERRORS, *TOKENS, *NESTED]
