"""Every endpoint there is, for the apps that serve all of them."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Every endpoint module under functions/api, in path order."""
    package = import_module("functions.api")
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        if not found.ispkg:
            yield found.name, import_module(found.name)
