"""The simulator's own address: faults, quotas, what exists, a fresh start. It needs no token."""

import json
from typing import TYPE_CHECKING, Any

from infra.simulator.calls import Answer, Call
from infra.simulator.faults import rule_of
from infra.simulator.inventory import inventory
from infra.simulator.seed import greeting
from infra.simulator.vanishing import known, vanish

if TYPE_CHECKING:
    from infra.simulator.simulator import Simulator


def answer(simulator: "Simulator", call: Call, path: str) -> Answer:
    """What is done at `path`, below the control address."""
    try:
        return _answer(simulator, call, path)
    except (ValueError, KeyError, TypeError) as error:
        return Answer(400, {"error": str(error)})


def _answer(simulator: "Simulator", call: Call, path: str) -> Answer:
    world, name = simulator.world, path.strip("/")
    match call.method, name:
        case "GET", "":
            return Answer(200, dict(greeting(world, call.base)))
        case "GET", "state":
            return Answer(200, dict(inventory(world, call.first("tag"))))
        case _, "faults":
            return _faults(simulator, call)
    if not _done(simulator, call, name):
        return Answer(404, {"error": f"nothing at {path}"})
    return Answer(204)


def _done(simulator: "Simulator", call: Call, name: str) -> bool:
    """Do what answers nothing; whether there is such a thing to do."""
    world, thing = simulator.world, name.removeprefix("things/")
    match call.method, name:
        case "POST", "reset":
            simulator.reset()
        case "PUT", "quotas":
            world.quotas.change(_body(call))
        case "DELETE", "tokens":
            world.tokens.clear()
        case "DELETE", _ if known(world, thing):
            vanish(world, thing)
        case _:
            return False
    return True


def _faults(simulator: "Simulator", call: Call) -> Answer:
    """POST takes a rule or a list of them."""
    if call.method == "POST":
        given = _body(call)
        rules = [rule_of(one) for one in (given if isinstance(given, list) else [given])]
        for rule in rules:
            simulator.rules.add(rule)
        return Answer(201, {"faults": simulator.rules.shown()})
    if call.method == "DELETE":
        simulator.rules.clear()
    return Answer(200, {"faults": simulator.rules.shown()})


def _body(call: Call) -> Any:
    return json.loads(call.content or b"{}")
