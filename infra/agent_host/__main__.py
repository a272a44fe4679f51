"""`python -m infra.agent_host`: what a machine needs to become a host of the agent."""

import argparse
import hashlib
import sys
from pathlib import Path

from infra.agent_host.cloud_init import Wheel, user_data
from infra.agent_host.distribution import NotPinnedError, build_wheel
from infra.agent_host.host import BadHostError, Host, checked_token
from infra.agent_host.image import DEFAULT_TAG, NotBuiltError, build_image


def main(argv: list[str] | None = None) -> int:
    """Does what the command line says; the exit code is 0 when that worked."""
    given = _parser().parse_args(argv)
    try:
        given.run(given)
    except (BadHostError, NotBuiltError, NotPinnedError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.agent_host", description=__doc__)
    commands = parser.add_subparsers(required=True)
    wheel = commands.add_parser("wheel", help="build the agent's wheel")
    wheel.add_argument("--out", type=Path, default=Path("dist"), help="folder (dist)")
    wheel.set_defaults(run=_wheel)
    image = commands.add_parser("image", help="build the agent's container image")
    image.add_argument("--tag", default=DEFAULT_TAG)
    image.set_defaults(run=_image)
    units = commands.add_parser("units", help="write agent.env and the systemd units")
    units.add_argument("--out", type=Path, required=True, help="folder")
    _describe_host(units)
    units.set_defaults(run=_units)
    cloud = commands.add_parser("cloud-init", help="print user data for a fresh machine")
    cloud.add_argument("--token-file", type=Path, required=True, help="a registration token")
    cloud.add_argument("--wheel-url", required=True, help="https address of the wheel")
    cloud.add_argument("--wheel", type=Path, help="the same wheel here, for its SHA-256")
    cloud.add_argument("--wheel-sha256", help="or that itself")
    _describe_host(cloud)
    cloud.set_defaults(run=_cloud_init)
    return parser


def _describe_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="address of the platform's API")
    parser.add_argument("--roles", default="build", help="build, edge or both (build)")
    parser.add_argument("--name", help="name of the agent (the host's)")
    parser.add_argument("--drain-seconds", type=int, default=900)
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="C2D_…=VALUE",
        help="a further setting of the agent",
    )


def _host(given: argparse.Namespace) -> Host:
    pairs = (each.partition("=") for each in given.setting)
    return Host(
        url=given.url.rstrip("/"),
        roles=tuple(dict.fromkeys(filter(None, given.roles.split(",")))),
        name=given.name,
        drain_seconds=given.drain_seconds,
        settings={key: value for key, _, value in pairs},
    )


def _wheel(given: argparse.Namespace) -> None:
    wheel = build_wheel(given.out)
    sys.stdout.write(f"{wheel}\nsha256 {_sha256(wheel)}, {wheel.stat().st_size} bytes\n")


def _image(given: argparse.Namespace) -> None:
    size = build_image(given.tag)
    sys.stdout.write(f"{given.tag}: {size / 1_000_000:.0f} MB\n")


def _units(given: argparse.Namespace) -> None:
    host = _host(given)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, text in {"agent.env": host.environment_file(), **host.units()}.items():
        (given.out / name).write_text(text)
        sys.stdout.write(f"{given.out / name}\n")


def _cloud_init(given: argparse.Namespace) -> None:
    digest = given.wheel_sha256 or (_sha256(given.wheel) if given.wheel else None)
    if digest is None:
        raise BadHostError("give --wheel or --wheel-sha256: the host checks what it fetches")
    token = checked_token(given.token_file.read_text())
    sys.stdout.write(user_data(_host(given), token, Wheel(given.wheel_url, digest)))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
