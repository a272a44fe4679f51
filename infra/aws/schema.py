"""The database's schema around a release: what is migrated before it, and what after it."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.aws.cloud import Cloud, OperationFailed
from infra.aws.environments import Environment
from infra.aws.errors import RefusedError
from infra.migrations.releases import is_older

LAYER: Final = "migrations"
BUILT_LAYER: Final = "MigrationsLayer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operation migrate said; migrations as `revision (title)`."""

    serving: str
    before: str | None
    after: str | None
    applied: Sequence[str]
    held: Sequence[str]
    oldest_release: str | None
    ready: bool
    ahead: bool


def migrate(
    cloud: Cloud, environment: Environment, *, everything: bool = True, dry_run: bool = False
) -> Answer:
    """Have the schema migrated by the function inside the VPC. Raises RefusedError."""
    asked = {"everything": everything, "dry_run": dry_run}
    try:
        said = cloud.invoke(environment.function("migrate"), asked)
    except OperationFailed as error:
        raise RefusedError(
            f"The schema was not migrated: {error.reason} ({error.error})."
        ) from None
    return _answer(said)


def expand(cloud: Cloud, environment: Environment, release: str, built: Path) -> Answer:
    """Before a release: apply from its migrations what the one that serves can work with.

    Raises RefusedError when the new release could not work with the schema then; nothing was
    applied in that case.
    """
    with _candidate(cloud, environment, built):
        _fits(migrate(cloud, environment, everything=False, dry_run=True), release)
        return migrate(cloud, environment, everything=False)


def _fits(answer: Answer, release: str) -> None:
    if answer.oldest_release and is_older(release, answer.oldest_release):
        raise RefusedError(
            f"The schema needs release {answer.oldest_release} or newer, and this is {release}: "
            "restore the database as it was, or release a newer version."
        )
    if not answer.ready:
        raise RefusedError(
            f"Release {release} needs migrations behind {answer.held[0]}, which {answer.serving} "
            "cannot work with: release first what can, and this afterwards."
        )


@contextmanager
def _candidate(cloud: Cloud, environment: Environment, built: Path) -> Iterator[None]:
    """The function has the migrations that were built now; afterwards it is as it was.

    Its code stays that of the release that serves, so it knows what may run beside that.
    """
    function, name = environment.function("migrate"), f"{environment.prefix}-{LAYER}"
    before = cloud.layers(function)
    if not any(_is_of(arn, name) for arn in before):
        raise RefusedError(f"The function {function} has no layer {name}: deploy by hand once.")
    made = cloud.publish_layer(name, archive(built / BUILT_LAYER))
    try:
        cloud.set_layers(function, [made if _is_of(arn, name) else arn for arn in before])
        yield
    finally:
        cloud.set_layers(function, before)
        cloud.delete_layer(made)


def archive(folder: Path) -> bytes:
    """A folder as Lambda takes it."""
    if not folder.is_dir():
        raise RefusedError(f"{folder} is missing: sam build did not make it.")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, path.relative_to(folder))
    return made.getvalue()


def _is_of(arn: str, name: str) -> bool:
    return arn.split(":")[-2] == name


def _answer(said: Mapping[str, Any]) -> Answer:
    def named(found: list[Mapping[str, Any]]) -> list[str]:
        return [f"{each['revision']} ({each['title']})" for each in found]

    return Answer(
        serving=said["serving"],
        before=said["before"],
        after=said["after"],
        applied=named(said["applied"]),
        held=named(said["held"]),
        oldest_release=said["oldest_release"],
        ready=said["ready"],
        ahead=said["ahead"],
    )
