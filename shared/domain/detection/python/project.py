"""What a Python project declares: package manager, dependencies, runtime version."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.manifests import (
    Table,
    first_line,
    read_toml,
    strings,
    table,
    text_of,
)
from shared.domain.detection.plan import Runtime
from shared.domain.detection.python.source import parse

DEFAULT_VERSION: Final = "3.11"
KNOWN_VERSIONS: Final = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
MARKERS: Final = (
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "manage.py",
)
_REQUIREMENTS: Final = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements-prod.txt",
    "requirements.prod.txt",
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_INCLUDE: Final = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]*(\S+)")
_LOCAL: Final = re.compile(r"^\s*(?:(?:-e|--editable)[ =]|\.{1,2}/|\.(?:\[|\s|$)|file:)")


@dataclass(slots=True)
class Project:
    """`requirements` are the declared ones as written, `names` their normalised names.

    `manifests` are the files the installation needs; `needs_source` is why it needs all of them.
    `is_package` says whether the project itself is to be installed.
    """

    manager: str
    manifests: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    needs_source: str | None = None
    is_package: bool = False
    pyproject: Table = field(default_factory=dict)

    def declare(self, requirements: Iterable[str]) -> None:
        for requirement in requirements:
            match = _NAME.match(requirement.strip())
            if match:
                self.requirements.append(requirement.strip())
                self.names.add(normalise(match.group()))

    def uses(self, *names: str) -> bool:
        return any(name in self.names for name in names)


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_project(context: Context) -> Project:
    """Find the package manager by its lock file, else by its manifest."""
    pyproject = read_toml(context.tree, "pyproject.toml") or {}
    project = Project(manager=_manager(context, pyproject), pyproject=pyproject)
    match project.manager:
        case "poetry":
            _read_poetry(project)
        case "pipenv":
            _read_pipfile(context, project)
        case "uv" | "pdm":
            _read_standard(project)
        case _:
            _read_pip(context, project)
    locks = {"poetry": "poetry.lock", "uv": "uv.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}
    lock = locks.get(project.manager)
    if lock and context.has(lock):
        project.manifests.append(lock)
    if project.manager == "uv" and table(pyproject, "tool", "uv", "workspace"):
        project.needs_source = "it is a uv workspace"
    if project.manager != "pip" and _has_local_sources(pyproject):
        project.needs_source = "a dependency is a folder of this repository"
    return project


def read_version(context: Context, project: Project) -> Runtime:
    """The Python line to use, and which file asked for it."""
    asked, source = _asked_version(context, project)
    return context.version(asked, source, KNOWN_VERSIONS, DEFAULT_VERSION, "Python")


def _manager(context: Context, pyproject: Table) -> str:
    for lock, manager in (("uv.lock", "uv"), ("poetry.lock", "poetry"), ("pdm.lock", "pdm")):
        if context.has(lock):
            context.saw(f"{lock} is there, so {manager} installs the dependencies")
            return manager
    if context.has("requirements.txt"):
        context.saw("requirements.txt is there, so pip installs the dependencies")
        return "pip"
    if context.has("Pipfile"):
        context.saw("Pipfile is there, so pipenv installs the dependencies")
        return "pipenv"
    backend = text_of(pyproject, "build-system", "build-backend") or ""
    if table(pyproject, "tool", "poetry") and (
        table(pyproject, "tool", "poetry", "dependencies") or backend.startswith("poetry")
    ):
        context.saw("pyproject.toml has a tool.poetry table, so poetry installs the dependencies")
        return "poetry"
    if "uv" in table(pyproject, "tool") and table(pyproject, "project"):
        context.saw("pyproject.toml has a tool.uv table, so uv installs the dependencies")
        return "uv"
    return "pip"


def _read_poetry(project: Project) -> None:
    project.manifests.append("pyproject.toml")
    declared = table(project.pyproject, "tool", "poetry", "dependencies")
    project.declare(name for name in declared if name.lower() != "python")
    project.declare(strings(table(project.pyproject, "project").get("dependencies")))
    project.is_package = (
        table(project.pyproject, "tool", "poetry").get("package-mode", True) is not False
    )


def _read_standard(project: Project) -> None:
    project.manifests.append("pyproject.toml")
    project.declare(strings(table(project.pyproject, "project").get("dependencies")))
    project.is_package = bool(table(project.pyproject, "build-system")) and (
        table(project.pyproject, "tool", "uv").get("package", True) is not False
    )


def _read_pipfile(context: Context, project: Project) -> None:
    project.manifests.append("Pipfile")
    project.declare(table(read_toml(context.tree, "Pipfile"), "packages"))


def _read_pip(context: Context, project: Project) -> None:
    path = context.first(*_REQUIREMENTS)
    if path:
        _read_requirements(context, project, path)
        return
    standard = table(project.pyproject, "project")
    if standard or context.has("setup.py") or context.has("setup.cfg"):
        _read_buildable(context, project, standard)
        return
    context.saw("no dependencies are declared")


def _read_buildable(context: Context, project: Project, standard: Table) -> None:
    project.is_package = bool(table(project.pyproject, "build-system")) or not standard
    manifest = "pyproject.toml" if standard else context.first("setup.py", "setup.cfg") or ""
    context.saw(f"{manifest} is there, so pip installs the dependencies")
    project.declare(strings(standard.get("dependencies")))
    dynamic = "dependencies" in strings(standard.get("dynamic"))
    if standard and not dynamic:
        return
    project.declare(_setup_requirements(context))
    if not project.requirements:
        project.needs_source = "its dependencies are known to its build script only"


def _setup_requirements(context: Context) -> list[str]:
    """Literal `install_requires` of setup.py, or those of setup.cfg."""
    section = re.search(
        r"^install_requires\s*=\s*\n?((?:[ \t]+\S.*\n?|\n)+)",
        context.read("setup.cfg"),
        re.MULTILINE,
    )
    if section:
        return [line.strip() for line in section.group(1).splitlines() if line.strip()]
    for node in ast.walk(parse(context.read("setup.py"))):
        if isinstance(node, ast.keyword) and node.arg == "install_requires":
            return _literal_strings(node.value)
    return []


def _literal_strings(node: ast.expr) -> list[str]:
    try:
        return strings(ast.literal_eval(node))
    except (ValueError, TypeError, RecursionError):
        return []


def _read_requirements(context: Context, project: Project, path: str) -> None:
    queue, seen = [path], set[str]()
    while queue:
        current = queue.pop()
        if current in seen or not context.has(current):
            continue
        seen.add(current)
        project.manifests.append(current)
        folder = current.rpartition("/")[0]
        for line in context.read(current).splitlines():
            include = _INCLUDE.match(line)
            if include:
                queue.append(_join(folder, include.group(1)))
            elif _LOCAL.match(line):
                project.needs_source = f"{current} installs a folder of this repository"
            else:
                project.declare([line.split("#")[0]])


def _join(folder: str, path: str) -> str:
    parts = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _has_local_sources(pyproject: Table) -> bool:
    sources = table(pyproject, "tool", "uv", "sources")
    poetry = table(pyproject, "tool", "poetry", "dependencies")
    entries = [*sources.values(), *poetry.values()]
    return any(isinstance(e, dict) and ("path" in e or e.get("workspace")) for e in entries)


def _asked_version(context: Context, project: Project) -> tuple[str | None, str]:
    for path in (".python-version", "runtime.txt"):
        line = first_line(context.read(path)).removeprefix("python-").removeprefix("cpython-")
        if re.match(r"\d", line):
            return ".".join(line.split(".")[:2]), path
    pipfile = table(read_toml(context.tree, "Pipfile"), "requires")
    for asked, path in (
        (text_of(pipfile, "python_version"), "Pipfile"),
        (text_of(project.pyproject, "project", "requires-python"), "pyproject.toml"),
        (
            text_of(project.pyproject, "tool", "poetry", "dependencies", "python"),
            "pyproject.toml",
        ),
        (_setup_python(context), "setup.py"),
    ):
        if asked:
            return asked, path
    return None, ""


def _setup_python(context: Context) -> str | None:
    for path in ("setup.py", "setup.cfg"):
        match = re.search(r"python_requires\s*=\s*[\"']?([^\"'\n]+)", context.read(path))
        if match and re.search(r"\d", match.group(1)):
            return match.group(1).strip()
    return None
