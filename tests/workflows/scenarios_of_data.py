"""Scenarios of data and choices."""

from typing import Any

from tests.workflows.machines import State, catch, task, wait
from tests.workflows.scenario import ASSIGN_IN_ORDER, CAUGHT, CHOICE_TRUTHY, FAILED, one, passing
from tests.workflows.script import Return

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
        passing(
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
        passing("{% $states.input.missing %}"),
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
