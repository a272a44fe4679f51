"""What is outside the subset is refused when it loads, with its file, state and field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.asl import InvalidDefinition, load_file, load_folder, parse
from shared.adapters.asl.expressions import ExpressionRefused, check
from tests.workflows.machines import document, nested, retry, task, token_task, wait
from tests.workflows.real import machines

State = dict[str, Any]


def refused(states: dict[str, State], **top: Any) -> InvalidDefinition:
    with pytest.raises(InvalidDefinition) as caught:
        parse({**document(states), **top}, "m", source="m.asl.yaml")
    return caught.value


def test_the_platforms_own_machines_load() -> None:
    loaded = machines(heartbeat=10)

    assert {"compensate", "deploy", "release", "rollback"} <= loaded.keys()
    assert loaded["deploy"].start_at == "AcquireLease"


def test_the_place_is_named() -> None:
    error = refused({"A": task("a", Retry=retry("X", MaxAttempts=-1))})

    assert str(error) == "m.asl.yaml: A: Retry[0].MaxAttempts: " + error.reason
    assert "at least 0" in error.reason


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_parallel_and_map_are_not_yet_supported(kind: str) -> None:
    assert "not yet supported" in refused({"A": {"Type": kind, "End": True}}).reason


def _changed(**more: Any) -> dict[str, State]:
    return {"A": {**task("a"), **more}}


def _without(field: str) -> dict[str, State]:
    return {"A": {key: value for key, value in task("a").items() if key != field}}


@pytest.mark.parametrize(
    ("states", "field", "reason"),
    [
        ({"A": {"Type": "Activity"}}, "Type", "outside the declared subset"),
        (_changed(Resource="arn:aws:states:::dynamodb:putItem"), "Resource", "is not one of"),
        (_changed(Resource="arn:aws:states:::lambda:invoke.sync"), "Resource", "is not one of"),
        (_without("TimeoutSeconds"), "TimeoutSeconds", "is required"),
        (_without("Arguments"), "Arguments", "is required"),
        (_changed(Parameters={}), "Parameters", "JSONPath"),
        (_changed(ResultPath="$.x"), "ResultPath", "JSONPath"),
        (_changed(QueryLanguage="JSONPath"), "QueryLanguage", "must be JSONata"),
        (_changed(Credentials={}), "Credentials", "outside the declared subset"),
        (_changed(TimeoutSeconds=0), "TimeoutSeconds", "at least 1"),
        (_changed(TimeoutSeconds=1.5), "TimeoutSeconds", "whole number"),
        (_changed(TimeoutSeconds="soon"), "TimeoutSeconds", "at least 1"),
        (_changed(HeartbeatSeconds=5), "HeartbeatSeconds", "waits for a task token"),
        (_changed(End=False), "End", "true or absent"),
        (_changed(Next="A", End=True), "End", "stands beside Next"),
        (_changed(Retry=retry("X", JitterStrategy="SOME")), "Retry[0].JitterStrategy", "FULL"),
        (_changed(Retry=retry("States.ALL", "X")), "Retry[0].ErrorEquals", "stands alone"),
        (_changed(Retry=[{"MaxAttempts": 1}]), "Retry[0].ErrorEquals", "is required"),
        (_changed(Catch=[{"ErrorEquals": ["X"]}]), "Catch[0].Next", "is required"),
        (
            _changed(Arguments={"FunctionName": "a", "Payload": {}, "InvocationType": "Event"}),
            "Arguments.InvocationType",
            "outside the declared subset",
        ),
        (_changed(Arguments={"FunctionName": "a"}), "Arguments.Payload", "is required"),
        (_changed(Assign={"states": 1}), "Assign", "reserved"),
        ({"W": {"Type": "Wait", "Timestamp": "x"}}, "Seconds", "is required"),
        ({"C": {"Type": "Choice", "Default": "C"}}, "Choices", "is required"),
        ({"F": {"Type": "Fail", "Error": "X"}}, "Cause", "is required"),
    ],
)
def test_a_field_outside_the_subset_is_refused(
    states: dict[str, State], field: str, reason: str
) -> None:
    error = refused(states)

    assert error.field == field
    assert error.state == next(iter(states))
    assert reason in error.reason


def test_a_wait_for_a_token_needs_heartbeats_unless_it_waits_for_a_lease() -> None:
    state = token_task("t")
    del state["HeartbeatSeconds"]

    assert refused({"T": state}).field == "HeartbeatSeconds"
    assert parse(document({"AcquireLease": state}), "m").start_at == "AcquireLease"


def test_heartbeats_come_faster_than_the_timeout() -> None:
    assert "smaller" in refused({"T": token_task("t", timeout=5, heartbeat=5)}).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"QueryLanguage": "JSONPath"}, "must be JSONata"),
        ({"StartAt": "Nowhere"}, "there is no state Nowhere"),
        ({"TimeoutSeconds": 0}, "at least 1"),
        ({"ProcessorConfig": {}}, "outside the declared subset"),
    ],
)
def test_a_machine_outside_the_subset_is_refused(change: dict[str, Any], reason: str) -> None:
    assert reason in refused({"A": task("a")}, **change).reason


def test_a_machine_says_its_language_and_its_timeout() -> None:
    for field in ("QueryLanguage", "TimeoutSeconds", "StartAt", "States"):
        lacking = document({"A": task("a")})
        del lacking[field]
        with pytest.raises(InvalidDefinition, match=f"{field}: is required"):
            parse(lacking, "m")


def test_every_named_state_exists_is_reached_and_can_end() -> None:
    nowhere = refused({"A": task("a", Next="B")})
    unreached = refused({"A": task("a", End=True), "B": task("b")})
    endless = refused({"A": task("a", Next="B"), "B": task("b", Next="A")})

    assert (nowhere.state, nowhere.reason) == ("A", "there is no state B")
    assert (unreached.state, unreached.reason) == ("B", "is never reached")
    assert (endless.state, endless.reason) == ("A", "no end can be reached from here")


def test_a_variable_that_nobody_assigns_is_refused() -> None:
    error = refused({"P": {"Type": "Pass", "Output": "{% $image %}"}})

    assert error.reason == "the variable $image is read but never assigned"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (task("a", Output="{% $states.errorOutput %}"), "does not exist here"),
        (wait(1) | {"Output": "{% $states.result %}"}, "does not exist here"),
        (
            task("a", Arguments={"FunctionName": "a", "Payload": "{% $states.result %}"}),
            "does not exist here",
        ),
        (
            task(
                "a",
                Arguments={"FunctionName": "a", "Payload": "{% $states.context.Task.Token %}"},
            ),
            "no task token here",
        ),
    ],
)
def test_what_does_not_exist_in_a_place_cannot_be_read_there(state: State, reason: str) -> None:
    assert reason in refused({"A": state}).reason


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 +", "is not JSONata"),
        ("$sum($states.input.x)", "the function $sum"),
        ("$eval('1')", "the function $eval"),
        ("$states.input.x * 2", "the operator *"),
        ("$states.input.x[0]", "no index, filter"),
        ("$states.input.x[y = 1]", "no index, filter"),
        ("$states.input.*", "names only"),
        ("$states.input.x.$string()", "names only"),
        ("$states.input.x^(y)", "names only"),
        ("$states.input.x{y: z}", "group"),
        ("x", "starts with a variable"),
        ("$", "no `$` context"),
        ("$x := 1", "bind"),
        ("function($x) { $x }", "lambda"),
        ("($states.input; 1)", "several expressions"),
        ("$states.input ~> $string", "apply"),
        ("/x/", "regex"),
        ("$states.other", "`$states.other`"),
        ("$states.context.Execution.RoleArn", "`$states.context.Execution.RoleArn`"),
        ("[1..3]", "the operator .."),
    ],
)
def test_an_expression_outside_the_subset_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionRefused) as caught:
        check(expression, frozenset({"input", "context"}))

    assert reason in str(caught.value)


def test_the_variables_an_expression_reads_are_known() -> None:
    expression = "$merge([$states.input, {'a': $lease, 'b': $exists($image) ? $image : 1}])"

    assert check(expression, frozenset({"input"})) == {"lease", "image"}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str, str], Path]:
    def written(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.asl.yaml"
        path.write_text(text)
        return path

    return written


YAML = """
QueryLanguage: JSONata
StartAt: A
TimeoutSeconds: ${Limit}
States:
  A:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Arguments: {FunctionName: "${TheFunction}", Payload: {}}
    TimeoutSeconds: 5
    End: true
"""


def test_substitutions_are_replaced_before_yaml_is_read(
    folder: Callable[[str, str], Path],
) -> None:
    path = folder("m", YAML)

    definition = load_file(path, {"Limit": 30, "TheFunction": "deploy.build", "Unused": 1})

    assert (definition.name, definition.timeout_seconds) == ("m", 30)
    assert "deploy.build" in definition.text


def test_an_unknown_substitution_is_named(folder: Callable[[str, str], Path]) -> None:
    path = folder("m", YAML)

    with pytest.raises(InvalidDefinition, match=r"m\.asl\.yaml: no value .* TheFunction"):
        load_file(path, {"Limit": 30})


def test_what_is_not_yaml_is_refused(folder: Callable[[str, str], Path]) -> None:
    with pytest.raises(InvalidDefinition, match="not YAML"):
        load_file(folder("m", "a: [b"), {})
    with pytest.raises(InvalidDefinition, match="must be an object"):
        load_file(folder("n", "- a"), {})


def test_a_machine_that_runs_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    import yaml

    (tmp_path / "outer.asl.yaml").write_text(yaml.safe_dump(document({"N": nested("inner")})))

    with pytest.raises(InvalidDefinition, match=r"outer\.asl\.yaml: N: .*no machine inner"):
        load_folder(tmp_path, {})


def test_the_same_content_has_the_same_digest_and_another_another() -> None:
    first, again = (parse(document({"A": task("a")}), "m") for _ in range(2))
    other = parse(document({"A": task("b")}), "m")

    assert first.digest == again.digest
    assert first.digest != other.digest
