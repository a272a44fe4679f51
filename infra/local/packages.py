"""Installs what is missing from the distribution, after saying what and why."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import RefusedError

_APT_SECONDS = 900
_DIVERTED = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True, slots=True)
class Need:
    """A program the platform calls, the package that holds it, and what it is for."""

    program: str
    package: str
    reason: str


ENGINE = Need("dockerd", "docker.io", "builds and runs the services (the Docker engine)")
CLIENT = Need("docker", "docker.io", "talks to the Docker engine")
RUNTIME = (
    CLIENT,
    Need("iptables", "iptables", "keeps services away from this machine's own ports"),
    Need("caddy", "caddy", "routes requests to the services"),
    Need("git", "git", "clones the repositories that are deployed"),
    Need("ssh", "openssh-client", "clones those that are reached over SSH"),
)
STAND_INS = (Need("debootstrap", "debootstrap", "makes base images where none can be pulled"),)
TESTS = (
    Need("docker-registry", "docker-registry", "the registry that pushes are tested against"),
    Need("htpasswd", "apache2-utils", "password files for that registry"),
    Need("mariadbd", "mariadb-server", "the entities' repositories are tested on it too"),
    Need("wrk", "wrk", "load during deployments"),
    Need("/usr/lib/postgresql/15/bin/postgres", "postgresql-15", "the oldest server supported"),
    Need("pgbouncer", "pgbouncer", "stands for RDS Proxy before a database"),
    Need("debootstrap", "debootstrap", "makes base images where none can be pulled"),
    Need("curl", "curl", "asks the services as a person would"),
)
_NOT_AT_BOOT = frozenset({"caddy", "pgbouncer"})
_EXTRA_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def found(need: Need) -> bool:
    """Whether the program is here, also in the folders a user's PATH leaves out."""
    if need.program.startswith("/"):
        return Path(need.program).exists()
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_EXTRA_FOLDERS])
    return shutil.which(need.program, path=path) is not None


def install(needs: Iterable[Need]) -> list[str]:
    """Install the packages whose programs are missing; returns their names.

    Packages that would start a server of their own at once are kept from doing so: the platform
    starts what it needs itself. Raises RefusedError without the rights, naming the command.
    """
    missing = [need for need in needs if not found(need)]
    if not missing:
        return []
    packages = list(dict.fromkeys(need.package for need in missing))
    print("Installing with apt-get:")
    for package in packages:
        reasons = [need.reason for need in missing if need.package == package]
        print(f"  {package:16} {reasons[0]}")
    sys.stdout.flush()
    if os.geteuid() != 0:
        raise RefusedError(
            "These packages are missing and only root can install them. "
            f"Run: sudo apt-get install --no-install-recommends {' '.join(packages)}"
        )
    if shutil.which("apt-get") is None:
        raise RefusedError(f"This machine has no apt-get; install {', '.join(packages)} yourself.")
    _apt(["update", "-qq"])
    with _ServersStayDown():
        _apt(["install", "-y", "-qq", "--no-install-recommends", *packages])
    _switch_off(packages)
    still = [need.program for need in missing if not found(need)]
    if still:
        raise RefusedError(f"After the installation these are still missing: {', '.join(still)}.")
    return packages


def _switch_off(packages: list[str]) -> None:
    """The platform and its tests start these; the packages' own services would at the next boot,
    and Caddy's takes port 80."""
    if Path("/run/systemd/system").is_dir():
        for package in _NOT_AT_BOOT.intersection(packages):
            argv = ["systemctl", "disable", "--quiet", f"{package}.service"]
            subprocess.run(argv, check=False, timeout=60)


class _ServersStayDown:
    """While packages are installed their servers do not start (Debian asks policy-rc.d)."""

    def __init__(self) -> None:
        self._ours = not _DIVERTED.exists()

    def __enter__(self) -> None:
        if self._ours:
            _DIVERTED.write_text("#!/bin/sh\nexit 101\n")
            _DIVERTED.chmod(0o755)

    def __exit__(self, *_: object) -> None:
        if self._ours:
            _DIVERTED.unlink(missing_ok=True)


def _apt(arguments: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    argv = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", *arguments]
    try:
        done = subprocess.run(
            argv,
            env=environment,
            timeout=_APT_SECONDS,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(f"`{' '.join(argv)}` did not end in {_APT_SECONDS} s.") from None
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-8:])
        raise RefusedError(f"`{' '.join(argv)}` failed:\n{last}")
