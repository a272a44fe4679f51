"""Removing a stage, behind a guard, and telling what stays."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from infra.aws.cloud import NESTED, Cloud, OperationFailed, Resource, Stack
from infra.aws.deploying import PRODUCTION
from infra.aws.environments import Environment, parsed
from infra.aws.errors import RefusedError

_KEPT: Final = {
    "Retain": "stays, and costs what it costs",
    "RetainExceptOnCreate": "stays, and costs what it costs",
    "Snapshot": "is deleted; a snapshot of it stays",
}
_GO_WITH_THEIRS: Final = frozenset({"AWS::StepFunctions::StateMachineVersion"})
"""Kinds that are kept through releases, and end with what they are versions of."""
_DELETE_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """`confirm` is what CONFIRM says; without it, the stage's name is asked for.

    `abandon` deletes although services run: they go on outside, with nobody to manage them.
    """

    confirm: str | None = None
    abandon: bool = False
    pause_seconds: float = 1.0


def destroy(
    environment: Environment, options: Options, *, cloud: Cloud, ask: Callable[[str], str]
) -> None:
    """Delete the stage's stack once the guard is satisfied. Raises RefusedError."""
    stage = environment.stage
    if stage == PRODUCTION and options.confirm != PRODUCTION:
        raise RefusedError(f"Production is destroyed with CONFIRM={PRODUCTION} only.")
    found = cloud.stack(environment.stack)
    if found is None:
        print(f"There is no stack {environment.stack} in {cloud.region}: nothing to destroy.")
        return
    if found.busy:
        raise RefusedError(f"The stack is {found.status}: wait until that is over.")
    if not options.abandon:
        _nothing_runs(environment, found, cloud)
    kept = [r for r in _resources(cloud, environment.stack) if _stays(r)]
    print(f"Deleting {environment.stack} in account {cloud.account()}, {cloud.region}.")
    _tell(kept)
    _confirmed(stage, options.confirm, ask)
    cloud.protect(environment.stack, on=False)
    cloud.delete(environment.stack)
    _gone(environment, cloud, options.pause_seconds)
    print(
        f"{environment.stack} is deleted. Packages of releases stay in the bucket of `sam deploy`."
    )
    _tell(kept)


def _nothing_runs(environment: Environment, found: Stack, cloud: Cloud) -> None:
    if found.planned or found.status == "ROLLBACK_COMPLETE":
        return  # it never served anything
    try:
        said = cloud.invoke(environment.function("standing"), {})
    except (OperationFailed, RefusedError) as error:
        raise RefusedError(
            f"Nobody can say which services run ({error}): make sure yourself, then ABANDON=1."
        ) from None
    if running := sorted({*said["running"], *said["deploying"]}):
        raise RefusedError(
            f"Services run or are being deployed: {', '.join(running)}. Delete them first "
            "(`c2d services delete`), or leave them to themselves with ABANDON=1."
        )


def _resources(cloud: Cloud, stack: str) -> Iterator[Resource]:
    """Of the stack and those nested in it, with their deletion policies."""
    declared = parsed(cloud.template(stack)).get("Resources", {})
    for kind, logical, physical in cloud.resources(stack):
        policy = declared.get(logical, {}).get("DeletionPolicy", "Delete")
        yield Resource(kind, logical, physical, str(policy))
        if kind == NESTED and physical:
            yield from _resources(cloud, physical)


def _stays(resource: Resource) -> bool:
    return resource.policy in _KEPT and resource.kind not in _GO_WITH_THEIRS


def _tell(kept: list[Resource]) -> None:
    for resource in kept:
        name = f"{resource.logical_id} ({resource.kind}, {resource.physical_id})"
        print(f"  {name} {_KEPT[resource.policy]}.")


def _confirmed(stage: str, confirm: str | None, ask: Callable[[str], str]) -> None:
    said = ask(f"Type {stage} to delete it: ").strip() if confirm is None else confirm
    if said != stage:
        raise RefusedError(f"{said!r} is not {stage!r}: nothing was deleted.")


def _gone(environment: Environment, cloud: Cloud, pause: float) -> None:
    deadline = time.monotonic() + _DELETE_SECONDS
    while (found := cloud.stack(environment.stack)) is not None:
        if found.status == "DELETE_COMPLETE":
            return
        if found.status == "DELETE_FAILED":
            raise RefusedError(f"It could not be deleted: {found.reason or 'see its events'}.")
        if time.monotonic() > deadline:
            raise RefusedError(f"The stack is still {found.status} after an hour.")
        time.sleep(pause)
