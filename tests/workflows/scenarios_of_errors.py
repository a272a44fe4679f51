"""Scenarios of errors, task tokens and nested executions."""

from tests.workflows.machines import catch, nested, queue_task, retry, task, token_task
from tests.workflows.scenario import (
    CAUGHT,
    DONE,
    FAILED,
    NO_HEARTBEATS,
    NO_MACHINE_TIMEOUT,
    SUBMIT_ERRORS_LOST,
    TIMED_OUT,
    one,
    passing,
)
from tests.workflows.script import Answer, Do, Ignore, Raise, Refuse, Return, sleep

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
            **passing("{% $lease %}"),
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
