"""`.c2d.json`: which service a working directory belongs to. It may be committed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from c2d.errors import CliError

NAME: Final = ".c2d.json"


@dataclass(frozen=True, slots=True)
class Link:
    """A project's and a service's name, and the file that says so."""

    project: str
    service: str
    path: Path

    def __str__(self) -> str:
        return f"{self.project}/{self.service}"


def find(start: Path | None = None) -> Link | None:
    """The nearest link from here up to the top of the checkout (or the file system)."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        path = folder / NAME
        if path.is_file():
            return _read(path)
        if (folder / ".git").exists():
            return None
    return None


def write(project: str, service: str, folder: Path | None = None) -> Path:
    """Link a folder, this one if none is given."""
    path = (folder or Path.cwd()) / NAME
    path.write_text(json.dumps({"project": project, "service": service}, indent=2) + "\n")
    return path


def _read(path: Path) -> Link:
    try:
        document = json.loads(path.read_text())
        return Link(str(document["project"]), str(document["service"]), path)
    except (ValueError, KeyError, TypeError) as error:
        raise CliError(
            f"{path} does not name a project and a service",
            "Write it anew: c2d link PROJECT/SERVICE",
        ) from error
