"""A release of the platform: build, check, expand the schema, deploy, look."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.aws import health, schema
from infra.aws.cloud import Cloud, Stack
from infra.aws.environments import ROOT, Environment, missing
from infra.aws.errors import RefusedError
from infra.aws.sam import BUILT, Sam
from infra.migrations.run import newest
from shared import VERSION

PRODUCTION: Final = "production"
API_URL: Final = "ApiUrl"
CHECK: Final = (sys.executable, "-m", "infra.generate", "--check")
_GIT_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Options:
    """`api_url` is where the API answers if not at the stack's own URL; `check` is for a checkout
    that `make check` has not passed."""

    check: bool = True
    dry_run: bool = False
    api_url: str | None = None
    health_seconds: float = 120.0
    built: Path = BUILT


def deploy(environment: Environment, options: Options, *, cloud: Cloud, sam: Sam) -> None:
    """Bring this checkout's release to the stage.

    Running deployments finish on the definitions they began with; a step that fails changes
    nothing that the steps before it did not say. Raises RefusedError.
    """
    found = _checked(environment, cloud)
    if options.check:
        with _step("Checking"):
            _generated_is_current()
            sam.validate()
    with _step("Building"):
        sam.build()
    if options.dry_run:
        _show(environment, found, cloud, sam)
        return
    if found is not None:
        with _step("Expanding the schema"):
            _say(schema.expand(cloud, environment, VERSION, options.built))
    with _step("Deploying"):
        sam.deploy(environment)
    if found is None:
        with _step("Making the schema"):
            _say(schema.migrate(cloud, environment, everything=False))
    deployed = cloud.stack(environment.stack)
    if environment.stage == PRODUCTION:
        cloud.protect(environment.stack, on=True)
    with _step("Looking whether it answers"):
        _look(deployed, options)
    _tell_what_waits(environment, cloud)
    print(f"Release {VERSION} serves {environment.stage}.", flush=True)


def _checked(environment: Environment, cloud: Cloud) -> Stack | None:
    """The stack as it is, None for a first deployment; refused when it cannot be deployed to."""
    if names := missing(environment):
        raise RefusedError(
            f"{', '.join(names)} must be given: in samconfig.toml, parameter_overrides of "
            f"[{environment.stage}.deploy.parameters], or as --parameter NAME=VALUE."
        )
    if environment.stage == PRODUCTION and _uncommitted():
        raise RefusedError("The checkout has changes that are not committed: commit them first.")
    account = cloud.account()
    print(f"Release {VERSION} to {environment.stage}: stack {environment.stack}", end=" ")
    print(f"in account {account}, {cloud.region}.", flush=True)
    found = cloud.stack(environment.stack)
    if found is None or found.planned:
        return None
    if found.busy:
        raise RefusedError(f"The stack is {found.status}: wait until that is over.")
    if not found.usable:
        raise RefusedError(
            f"The stack is {found.status} ({found.reason or 'no reason given'}): remove a first "
            f"deployment that failed with `make destroy STAGE={environment.stage}`, continue any "
            "other rollback in the console."
        )
    return found


def _uncommitted() -> bool:
    shown = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
        check=True,
    )
    return bool(shown.stdout.strip())


def _generated_is_current() -> None:
    if subprocess.run(CHECK, cwd=ROOT, timeout=_CHECK_SECONDS, check=False).returncode:
        raise RefusedError("The stacks are not what the code says: `make template`, and commit.")


def _show(environment: Environment, found: Stack | None, cloud: Cloud, sam: Sam) -> None:
    """What a deployment would change."""
    if found is not None:
        now = schema.migrate(cloud, environment, everything=False, dry_run=True)
        print(f"The schema is at {now.after}; this release's migrations lead to {newest()}.")
    with _step("Making the change set"):
        sam.deploy(environment, execute=False)
    print("Nothing was changed: the change set above was only made.", flush=True)


def _look(deployed: Stack | None, options: Options) -> None:
    url = options.api_url or (deployed.outputs.get(API_URL) if deployed else None)
    if url is None:
        raise RefusedError(f"The stack has no output {API_URL}: nobody knows where it answers.")
    try:
        checks = health.wait_for(url, VERSION, options.health_seconds)
    except RefusedError as error:
        raise RefusedError(
            f"{error} The release is deployed; to go back, deploy the previous one."
        ) from None
    print("\n".join([f"{url} answers.", *(f"  {name}: {text}" for name, text in checks.items())]))


def _say(answer: schema.Answer) -> None:
    if answer.ahead:
        print(f"It is of a newer release ({answer.after}), and this one can work with it.")
    elif answer.applied:
        print(f"Applied {', '.join(answer.applied)}.")
    else:
        print(f"It is at {answer.after} already.")


def _tell_what_waits(environment: Environment, cloud: Cloud) -> None:
    waiting = schema.migrate(cloud, environment, everything=False, dry_run=True)
    if waiting.applied or waiting.held:
        names = ", ".join([*waiting.applied, *waiting.held])
        print(f"Migrations wait that take away what the previous release needs: {names}.")
        print(f"When you will not go back: `make migrate STAGE={environment.stage}`.")


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Say what happens now, and how long it took."""
    print(f"== {name}", flush=True)
    began = time.monotonic()
    yield
    print(f"   done in {time.monotonic() - began:.1f} s", flush=True)
