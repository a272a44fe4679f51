"""`python -m infra.aws`: deploy, migrate and destroy the platform on AWS."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.aws import deploying, destroying, schema
from infra.aws.cloud import Cloud
from infra.aws.environments import CONFIG, Environment, read
from infra.aws.errors import RefusedError
from infra.aws.sam import BUILT, OWN, Sam

Command = Callable[[Environment, argparse.Namespace], None]


def _deploy(environment: Environment, given: argparse.Namespace) -> None:
    options = deploying.Options(
        check=not given.no_check,
        dry_run=given.dry_run,
        api_url=given.api_url,
        health_seconds=given.health_seconds,
        built=given.built,
    )
    deploying.deploy(environment, options, cloud=Cloud(environment.region), sam=Sam(given.sam))


def _migrate(environment: Environment, given: argparse.Namespace) -> None:
    answer = schema.migrate(Cloud(environment.region), environment, dry_run=given.dry_run)
    would = "Would apply" if given.dry_run else "Applied"
    print(f"{would} {', '.join(answer.applied) or 'nothing'}; release {answer.serving} serves.")
    if answer.held:
        print(f"Has to wait for a newer release: {', '.join(answer.held)}.")
    print(f"The schema is at {answer.after}.")


def _destroy(environment: Environment, given: argparse.Namespace) -> None:
    options = destroying.Options(confirm=given.confirm, abandon=given.abandon)
    destroying.destroy(environment, options, cloud=Cloud(environment.region), ask=_ask)


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.aws", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--stage", required=True, help="one of samconfig.toml")
        made.add_argument("--config", type=Path, default=CONFIG, help="instead of samconfig.toml")
        made.add_argument(
            "--parameter", action="append", default=[], type=_pair, metavar="NAME=VALUE"
        )
        made.set_defaults(run=run)
        return made

    deploy = command("deploy", _deploy, "Build, expand the schema, deploy, look whether it answers")
    deploy.add_argument("--dry-run", action="store_true", help="show the change set only")
    deploy.add_argument("--no-check", action="store_true", help="`make check` has passed already")
    deploy.add_argument("--api-url", help="where the API answers, if not at the stack's URL")
    deploy.add_argument("--health-seconds", type=float, default=120.0)
    deploy.add_argument("--sam", type=Path, default=OWN, help=argparse.SUPPRESS)
    deploy.add_argument("--built", type=Path, default=BUILT, help=argparse.SUPPRESS)
    migrate = command("migrate", _migrate, "Apply every migration that waits")
    migrate.add_argument("--dry-run", action="store_true", help="only say what waits")
    destroy = command("destroy", _destroy, "Delete the stage; keys and snapshots stay")
    destroy.add_argument("--confirm", default=os.environ.get("CONFIRM") or None)
    abandon = bool(os.environ.get("ABANDON"))
    destroy.add_argument("--abandon", action="store_true", default=abandon)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run a command; 1 with one sentence when it is refused."""
    given = _parser().parse_args(arguments)
    try:
        given.run(read(given.stage, dict(given.parameter), given.config), given)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
