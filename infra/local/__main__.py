"""`python -m infra.local`: the commands behind the Makefile and `c2d platform`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import (
    background,
    backup,
    demo,
    lifecycle,
    master_keys,
    rotation,
    systemd,
    upgrade,
)
from infra.local.errors import RefusedError
from infra.local.images import ALL, provide
from infra.local.issuer.accounts import SetupCode
from infra.local.issuer.keys import SigningKeys
from infra.local.packages import ENGINE, RUNTIME, TESTS, install
from infra.local.remembered import recall
from infra.local.settings import LocalSettings, read_settings
from infra.local.state import State

Command = Callable[[LocalSettings, argparse.Namespace], int | None]


def _status(settings: LocalSettings, options: argparse.Namespace) -> int:
    return 0 if lifecycle.status(settings, options.json) else 1


def _up(settings: LocalSettings, _options: argparse.Namespace) -> None:
    lifecycle.up(settings)
    background.fetch_images(State(settings.home))


def _run(settings: LocalSettings, _options: argparse.Namespace) -> None:
    lifecycle.prepare(settings)
    lifecycle.supervise(settings)


def _supervise(settings: LocalSettings, _options: argparse.Namespace) -> None:
    lifecycle.supervise(settings)


def _install(_settings: LocalSettings, options: argparse.Namespace) -> None:
    install((ENGINE, *RUNTIME, *(TESTS if options.tests else ())))


def _images(settings: LocalSettings, options: argparse.Namespace) -> None:
    provide(State(settings.home).images, options.names or ALL, options.offline)


def _setup_code(settings: LocalSettings, _options: argparse.Namespace) -> None:
    code = SetupCode(State(settings.home).setup_code).renew()
    print(f"Set the password at {settings.api_url}/join with the code {code}")


def _rotate_sign_in_key(settings: LocalSettings, _options: argparse.Namespace) -> None:
    kid = SigningKeys(State(settings.home).issuer_keys).rotate()
    print(f"Tokens are signed with {kid} now; those signed before stay valid until they expire.")


def _systemd(settings: LocalSettings, options: argparse.Namespace) -> None:
    if options.install:
        systemd.install(settings)
    else:
        sys.stdout.write(systemd.render(settings))


def _logs(settings: LocalSettings, options: argparse.Namespace) -> None:
    folder = State(settings.home).logs
    paths = [folder / f"{options.name}.log"] if options.name else sorted(folder.glob("*.log"))
    missing = [path.name for path in paths if not path.exists()]
    if missing or not paths:
        raise RefusedError(f"There is no log {', '.join(missing)} in {folder}.")
    for path in paths:
        if len(paths) > 1:
            print(f"== {path.stem}")
        print("\n".join(rotation.tail(path, options.lines)))
    if options.follow:
        for line in rotation.new_lines(paths):
            print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("up", _up, "start the platform and wait until it is ready")
    down = add("down", lambda s, o: lifecycle.down(s, o.services), "stop what `up` started")
    down.add_argument("--services", action="store_true", help="stop services' containers too")
    add("status", _status, "how the platform stands").add_argument("--json", action="store_true")
    add("run", _run, "run in the foreground (for systemd)")
    add("supervise", _supervise, "the supervisor itself; `up` starts it")
    add("upgrade", lambda s, _: upgrade.upgrade(s), "bring this version into the running platform")
    saving = add("backup", lambda s, o: backup.backup(s, o.file), "write a backup into one file")
    saving.add_argument("file", type=Path)
    loading = add("restore", lambda s, o: backup.restore(s, o.file, o.force), "restore a backup")
    loading.add_argument("file", type=Path)
    loading.add_argument("--force", action="store_true", help="move existing state aside")
    add("rotate-key", lambda s, _: master_keys.rotate(s), "seal everything with a new master key")
    add("retire-key", lambda s, _: master_keys.retire(s), "put the master keys before it away")
    add("demo", lambda s, _: demo.demo(s), "an example from Git to a live URL")
    logs = add("logs", _logs, "the newest lines of the logs")
    logs.add_argument("name", nargs="?")
    logs.add_argument("-n", "--lines", type=int, default=15)
    logs.add_argument("-f", "--follow", action="store_true")
    images = add("images", _images, "pull or make the base images")
    images.add_argument("names", nargs="*")
    images.add_argument("--offline", action="store_true", help="do not try to pull")
    packages = add("install", _install, "install missing system packages")
    packages.add_argument("--tests", action="store_true", help="also what the tests need")
    add("setup-code", _setup_code, "a new code to set an owner's password with")
    add("rotate-sign-in-key", _rotate_sign_in_key, "sign tokens with a new key from now on")
    unit = add("systemd", _systemd, "print the systemd unit")
    unit.add_argument("--install", action="store_true", help="write and enable it")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a refusal is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    recall(os.environ)
    try:
        return int(options.run(read_settings(), options) or 0)
    except RefusedError as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
