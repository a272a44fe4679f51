"""Prints the pinned requirements of pyproject.toml for pip: the program's own, and a group's."""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def requirements(groups: list[str], folder: Path = PROJECT) -> list[str]:
    """The dependencies, with those of the named dependency groups."""
    with (folder / "pyproject.toml").open("rb") as file:
        content = tomllib.load(file)
    found = list(content["project"]["dependencies"])
    for group in groups:
        found += content["dependency-groups"][group]
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1:])) + "\n")
