"""Every state machine as AWS gets it: its form by an independent validator, its sense by ours."""

import copy
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.generate import stacks
from shared.machines import FOLDER, MACHINES
from tests.workflows.semantics import problems

VALIDATOR = "asl-validator@4.0.0"
INSTALLED = Path(tempfile.gettempdir()) / "c2d-asl-validator"
SCRIPT = Path(__file__).with_name("asl_check.mjs")
SECONDS = 120
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:x"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:x"

Document = dict[str, Any]


def as_deployed(name: str) -> Document:
    """The definition with what the stack puts into it."""
    made = yaml.safe_load((stacks.FOLDER / "workflows.yaml").read_text())["Resources"]
    given = made[f"{name.title()}Machine"]["Properties"]["DefinitionSubstitutions"]

    def value(match: re.Match[str]) -> str:
        known = given[match[1]]
        if isinstance(known, int):
            return str(known)
        return ARN if "Fn::Sub" in known else FUNCTION

    text = (FOLDER / f"{name}.asl.yaml").read_text()
    return dict(yaml.safe_load(re.sub(r"\$\{(\w+)\}", value, text)))


DEPLOYED = {name: as_deployed(name) for name in MACHINES}


@pytest.fixture(scope="module")
def validator() -> Path:
    """Downloaded the first time only."""
    if not (INSTALLED / "node_modules" / "asl-validator").is_dir():
        INSTALLED.mkdir(exist_ok=True)
        program = ["npm", "install", "--silent", "--no-save", "--ignore-scripts", VALIDATOR]
        done = subprocess.run(
            program, cwd=INSTALLED, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
    return INSTALLED


def validated(validator: Path, machines: dict[str, Document]) -> dict[str, list[str]]:
    done = subprocess.run(
        ["node", str(SCRIPT), str(validator)],
        input=json.dumps(machines),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_machine_has_the_form_of_the_language(validator: Path) -> None:
    assert validated(validator, DEPLOYED) == {name: [] for name in MACHINES}


def test_the_validator_sees_what_is_wrong(validator: Path) -> None:
    wrong = copy.deepcopy(DEPLOYED["deploy"])
    wrong["States"]["Build"]["TimeoutSeconds"] = "soon"
    assert validated(validator, {"deploy": wrong})["deploy"]


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_makes_sense(name: str) -> None:
    assert problems(DEPLOYED[name]) == []


def set_in(state: str, key: str, value: Any) -> Callable[[Document], None]:
    return lambda machine: machine["States"][state].__setitem__(key, value)


def without(state: str, key: str) -> Callable[[Document], None]:
    return lambda machine: machine["States"][state].__delitem__(key)


def turning(state: str) -> Callable[[Document], None]:
    """Whatever happens, it begins again."""
    caught = {"ErrorEquals": ["States.ALL"], "Next": state}
    return lambda machine: machine["States"][state].update(Next=state, Catch=[caught])


CAUGHT = [{"ErrorEquals": ["States.ALL"], "Next": "Compensate"}]
TOO_EARLY = [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["Transient"]}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("TimeoutSeconds"), "the machine has no time limit"),
        (lambda m: m.update(StartAt="Begin"), "StartAt leads to no state: Begin"),
        (set_in("Build", "Next", "Nowhere"), "Build leads to no state: Nowhere"),
        (set_in("Entry", "Default", "CreateRelease"), "Build is never reached"),
        (turning("PostFailure"), "PostFailure never ends"),
        (without("Entry", "Default"), "Entry has no Default: States.NoChoiceMatched"),
        (without("Drain", "Next"), "Drain has neither Next nor End"),
        (without("Build", "TimeoutSeconds"), "Build has no time limit"),
        (set_in("Build", "ResultPath", "$"), "Build has ResultPath, which JSONata knows nothing"),
        (set_in("Build", "HeartbeatSeconds", 9999), "Build has a heartbeat that is not shorter"),
        (set_in("Build", "Arguments", {}), "Build hands out a token that nobody waits for"),
        (set_in("Build", "Resource", "arn:aws:states:::sns:publish"), "for which no policy"),
        (set_in("Build", "Retry", TOO_EARLY), "Build has States.ALL not alone and last in Retry"),
        (set_in("Build", "Catch", CAUGHT), "MarkFailed reads $cause, which a way to it does not"),
        (without("AcquireLease", "Assign"), "Build reads $lease, which a way to it does not"),
    ],
)
def test_the_check_sees_what_makes_no_sense(change: Callable[[Document], None], said: str) -> None:
    machine = copy.deepcopy(DEPLOYED["deploy"])
    change(machine)
    assert [text for text in problems(machine) if said in text], problems(machine)
