"""The platform's own machines, and where each of their states must lead when it fails."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.adapters.asl import Definition, load_folder
from shared.ports.workflows import JSON, ExecutionStatus
from tests.workflows.scenario import NO_HEARTBEATS, SUBMIT_ERRORS_LOST, Scenario
from tests.workflows.script import Act, Answer, Ignore, Raise, Refuse, Return

FOLDER = Path(__file__).parents[2] / "infra" / "workflows"

HANDS_OUT_TOKEN = frozenset(
    {
        "DeployAcquireLease",
        "DeployBuild",
        "DeployDrain",
        "ReleasePreDeployCommand",
        "ReleaseHealthGate",
        "ReleaseSwitchRoute",
        "ReleaseVerifyPublic",
        "CompensateRestoreRoute",
    }
)
RELEASE = (
    "ReleasePreDeployCommand",
    "ReleaseCreateInstance",
    "ReleaseStartApp",
    "ReleaseHealthGate",
    "ReleaseSwitchRoute",
    "ReleaseVerifyPublic",
)
UNDO = ("CompensateRestoreRoute", "CompensateUndo")
FAILS = "DeployMarkFailed"
POST = "DeployPostStatus"
ENDS = (FAILS, POST)
"""What every failure ends with."""
AFTERWARDS = (POST, "DeployDrain", "DeployRetireOld")
BEFORE = {
    "deploy": (
        "DeployAcquireLease",
        "DeployBuild",
        "DeployCreateRelease",
        *RELEASE,
        "DeployMarkLive",
    ),
    "rollback": (
        "DeployAcquireLease",
        "RollbackCreateRelease",
        *RELEASE,
        "DeployMarkLive",
    ),
}
"""What each machine calls up to the point after which nothing can fail it."""

RETRIES_LOST_AGENTS = frozenset(
    {"ReleaseHealthGate", "ReleaseSwitchRoute", "ReleaseVerifyPublic", "DeployDrain"}
)

GOOD: Mapping[str, Act] = {
    "DeployAcquireLease": Answer({"lease": 7}),
    "DeployCreateRelease": Return({"pre_deploy": True}),
    "RollbackCreateRelease": Return({"pre_deploy": True}),
}


def machines(heartbeat: int = 1) -> dict[str, Definition]:
    """The files as they are, with times for tests and functions named by their substitution."""
    names = {path.name.removesuffix(".asl.yaml") for path in FOLDER.glob("*.asl.yaml")}
    functions = {*HANDS_OUT_TOKEN, *RELEASE, *UNDO, *AFTERWARDS, FAILS, "CompensateGiveUp"}
    functions |= {function for calls in BEFORE.values() for function in calls}
    times = ("Deploy", "Build", "Release", "PreDeploy", "Health", "Route", "Drain", "Task")
    substitutions: dict[str, str | int] = {
        **{function: function for function in functions},
        **{f"{name.title()}Machine": name for name in names},
        **{f"{name}Timeout": 60 for name in (*times, "Compensate", "Lease")},
        "HeartbeatLimit": heartbeat,
    }
    return load_folder(FOLDER, substitutions)


def documents(first: str, heartbeat: int = 1) -> dict[str, Mapping[str, Any]]:
    """Every machine's document, that of `first` first."""
    loaded = machines(heartbeat)
    ordered = [first, *(name for name in loaded if name != first)]
    return {name: loaded[name].document for name in ordered}


def real_scenarios() -> Iterator[Scenario]:
    for machine in BEFORE:
        yield _scenario(machine, "all_goes_well", {}, _all(machine))
        for function in (*BEFORE[machine], *AFTERWARDS):
            yield _fails(machine, function)
            yield _passing_error(machine, function)
            if function in HANDS_OUT_TOKEN:
                yield _cannot_hand_out(machine, function)
            if function in HANDS_OUT_TOKEN - {"DeployAcquireLease"}:
                yield _falls_silent(machine, function)
        yield from _undo_fails(machine)
        yield _telling_of_a_failure_fails(machine)
    yield _without_pre_deploy()
    yield _retry_at_release()


def _all(machine: str) -> tuple[str, ...]:
    return (*BEFORE[machine], *AFTERWARDS)


def _scenario(
    machine: str,
    name: str,
    plan: Mapping[str, Sequence[Act]],
    calls: Sequence[str],
    payload: Mapping[str, JSON] | None = None,
    **more: Any,
) -> Scenario:
    return Scenario(
        f"{machine}-{name}",
        documents(machine, more.pop("heartbeat", 30)),
        calls,
        plan={**{function: [act] for function, act in _good().items()}, **plan},
        payload=payload or {"deployment_id": "d", "organization_id": "o"},
        **more,
    )


def _good() -> dict[str, Act]:
    return {**dict.fromkeys(HANDS_OUT_TOKEN, Answer()), **GOOD}


def _broken(function: str, error: str) -> Act:
    return Refuse(error) if function in HANDS_OUT_TOKEN else Raise(error)


def _after(machine: str, function: str, times: int = 1) -> tuple[list[str], str | None]:
    """The calls when `function` fails for good after `times` calls, and the error of the end."""
    called = list(_all(machine))
    at = called.index(function)
    failing = [*called[:at], *[function] * times]
    if function in AFTERWARDS:
        return [*failing, *called[at + 1 :]], None
    undone = UNDO * 2 if function in RELEASE else UNDO
    return [*failing, *undone, *ENDS], "States.TaskFailed" if function in RELEASE else "Broken"


def _ends(error: str | None, inner: str = "Broken") -> dict[str, Any]:
    """The end of an execution; the emulator lets a nested execution's own error through."""
    if error is None:
        return {"status": ExecutionStatus.SUCCEEDED}
    nested = {"ministack_error": inner} if error == "States.TaskFailed" else {}
    return {"status": ExecutionStatus.FAILED, "error": error, **nested}


def _fails(machine: str, function: str) -> Scenario:
    calls, error = _after(machine, function)
    plan = {function: [_broken(function, "Broken")]}
    return _scenario(machine, f"{function}-fails", plan, calls, **_ends(error))


def _passing_error(machine: str, function: str) -> Scenario:
    calls = list(_all(machine))
    calls.insert(calls.index(function), function)
    plan = {function: [_broken(function, "Transient"), _good().get(function, Return())]}
    return _scenario(machine, f"{function}-is-retried", plan, calls)


def _cannot_hand_out(machine: str, function: str) -> Scenario:
    calls, error = _after(machine, function)
    return _scenario(
        machine,
        f"{function}-cannot-hand-out-its-token",
        {function: [Raise("Broken")]},
        calls,
        ministack=SUBMIT_ERRORS_LOST,
        **_ends(error),
    )


def _falls_silent(machine: str, function: str) -> Scenario:
    calls, error = _after(machine, function, 3 if function in RETRIES_LOST_AGENTS else 1)
    ends = _ends("States.HeartbeatTimeout" if error == "Broken" else error)
    return _scenario(
        machine,
        f"{function}-falls-silent",
        {function: [Ignore()]},
        calls,
        heartbeat=1,
        ministack=NO_HEARTBEATS,
        **ends,
    )


def _undo_fails(machine: str) -> Iterator[Scenario]:
    """A failed undo never hides the first error, and what stays is listed."""
    begun = ["DeployAcquireLease", _second(machine)]
    broken = {_second(machine): [_broken(_second(machine), "Broken")]}
    tails = {
        "CompensateRestoreRoute": [*["CompensateRestoreRoute"] * 5, "CompensateUndo", *ENDS],
        "CompensateUndo": [
            "CompensateRestoreRoute",
            *["CompensateUndo"] * 6,
            "CompensateGiveUp",
            *ENDS,
        ],
    }
    for function, tail in tails.items():
        plan = {**broken, function: [_broken(function, "Stuck")]}
        calls = [*begun, *tail]
        yield _scenario(machine, f"{function}-fails", plan, calls, **_ends("Broken"))


def _telling_of_a_failure_fails(machine: str) -> Scenario:
    calls, error = _after(machine, _second(machine))
    broken = {name: [_broken(name, "Broken")] for name in (_second(machine), POST)}
    return _scenario(machine, "telling_of_a_failure_fails", broken, calls, **_ends(error))


def _second(machine: str) -> str:
    return BEFORE[machine][1]


def _without_pre_deploy() -> Scenario:
    plan = {"DeployCreateRelease": [Return({"pre_deploy": False})]}
    calls = [call for call in _all("deploy") if call != "ReleasePreDeployCommand"]
    return _scenario("deploy", "without_pre_deploy_command", plan, calls)


def _retry_at_release() -> Scenario:
    calls = [call for call in _all("deploy") if call != "DeployBuild"]
    return _scenario("deploy", "retry_enters_at_the_release", {}, calls, {"entry": "release"})
