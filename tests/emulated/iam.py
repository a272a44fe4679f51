"""`python -m tests.emulated.iam [NAME…]`: calls every function on its occasions, or those whose
name has one of these parts, and writes the actions of AWS that each took to
infra/generate/actions.json; `make template` puts them into the stacks."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from infra.generate import functions
from infra.generate.events import path_of
from infra.generate.functions import Endpoint, Function
from infra.generate.policies import RECORDED
from shared.adapters.agents import calls
from tests.emulated.occasions import OCCASIONS, Occasion, repeated, sample
from tests.emulated.taken import call, instance
from tests.sam import scenes
from tests.sam.bench import bench
from tests.sam.servers import Servers, on_loopback

GROUPS: Final = (
    functions.endpoints,
    functions.webhooks,
    functions.consumers,
    functions.schedules,
    functions.tasks,
    functions.edge,
    functions.operations,
    functions.listeners,
)
ON_AWS: Final = {
    "C2D_WORKFLOWS": "step_functions",
    "C2D_QUEUES": "sqs",
    "C2D_COMPUTE": "agent",
    "C2D_IDENTITY": "none",
    "C2D_DATABASE_POOL": "1",
}
"""What the stacks say of every function."""
QUICKLY: Final = 0.005


def every() -> Iterator[Function]:
    for group in GROUPS:
        yield from group()


def path_name(function: Function) -> str:
    """As the samples and the scenes name it."""
    return function.handler.removesuffix(".handler")


def writes(function: Function) -> bool:
    """Whether it changes something for a caller, who may repeat it."""
    return isinstance(function, Endpoint) and function.guarded and function.method != "GET"


def occasions(function: Function) -> Iterator[Occasion]:
    yield Occasion(repeated if writes(function) else sample)
    yield from OCCASIONS.get(path_name(function), ())


def record(chosen: Sequence[Function]) -> dict[str, set[str]]:
    """Logical id → the actions it took on all its occasions."""
    taken: dict[str, set[str]] = {}
    with running() as servers:
        numbers = iter(range(1, 10_000))
        looking = [function for function in chosen if only_looks(function)]
        taken |= watched(servers, next(numbers), looking)
        for function in chosen:
            found = taken.setdefault(function.logical_id, set())
            for occasion in () if function in looking else occasions(function):
                found |= play(servers, next(numbers), path_name(function), occasion)
    return taken


def only_looks(function: Function) -> bool:
    """Whether its sample changes nothing, and is all that there is to it."""
    name = path_name(function)
    reads = isinstance(function, Endpoint) and function.method == "GET"
    return reads and name not in OCCASIONS and name not in scenes.NEEDED


def watched(servers: Servers, number: int, looking: Sequence[Function]) -> dict[str, set[str]]:
    """The actions of those that only look, one after the other on one bench."""
    taken: dict[str, set[str]] = {}
    with bench(servers, number, "api.me.get") as made:
        for function in looking:
            name = path_name(function)
            with instance({**made.environment, **ON_AWS}) as seen:
                call(name, json.loads(path_of(name).read_text()))
            taken[function.logical_id] = {action for action, _ in seen.actions}
    return taken


def play(servers: Servers, number: int, name: str, occasion: Occasion) -> set[str]:
    """The actions of one occasion, on a bench of its own."""
    taken: set[str] = set()
    event: dict[str, Any] = json.loads(path_of(name).read_text())
    stage = {name: occasion.stage} if occasion.stage else {}
    with patch.dict(scenes.NEEDED, stage), bench(servers, number, name) as made:
        environment = {**made.environment, **ON_AWS}
        for given in occasion.play(made, event):
            with instance(environment) as seen:
                call(name, given)
            taken |= {action for action, _ in seen.actions}
    return taken


@contextmanager
def running() -> Iterator[Servers]:
    """Servers on loopback; the agent on the bench answers at once, so nobody waits long for it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c2d-iam-")))
        folder.chmod(0o755)  # the database's user passes through
        stack.enter_context(patch.object(calls, "FIRST_LOOK_SECONDS", QUICKLY))
        yield stack.enter_context(on_loopback(folder))


def rendered(taken: dict[str, set[str]]) -> str:
    shown = {name: sorted(actions) for name, actions in sorted(taken.items())}
    return json.dumps(shown, indent=1) + "\n"


if __name__ == "__main__":
    known = list(every())
    parts = sys.argv[1:]
    wanted = [f for f in known if not parts or any(part in f.name for part in parts)]
    before = json.loads(RECORDED.read_text()) if parts else {}
    actions = record(wanted)
    RECORDED.write_text(rendered({**before, **actions}))
    sys.stdout.write(rendered(actions))
