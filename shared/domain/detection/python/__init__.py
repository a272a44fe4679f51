"""Python projects: pip, uv, Poetry, Pipenv, PDM; the common web frameworks and plain scripts."""

import re
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.plan import Plan
from shared.domain.detection.ports import port_in_command
from shared.domain.detection.python.image import Image
from shared.domain.detection.python.project import MARKERS, Project, read_project, read_version
from shared.domain.detection.python.start import SCRIPTS, Start, find_start

DEFAULT_PORT: Final = 8000
_SERVERS: Final = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "hypercorn": "hypercorn",
    "daphne": "daphne",
    "waitress-serve": "waitress",
}


def detect(context: Context) -> Plan | None:
    """The plan of a Python project, None where the tree holds none."""
    if not _is_python(context):
        return None
    project = read_project(context)
    runtime = read_version(context, project)
    found = find_start(context, project)
    start = found or Start(None, None)
    command = context.start(start.command, start.why)
    if command and command != start.command:
        start = Start(start.framework, command, import_folder=start.import_folder)
        start.pre_deploy_command = found.pre_deploy_command if found else None
        start.build_command = found.build_command if found else None
        start.server = _server_of(command)
    if command is None:
        context.lack(start.why or _nothing_to_run(project))
    port = context.settings.port or port_in_command(command or "") or start.port or DEFAULT_PORT
    build = context.settings.build_command or start.build_command
    image = Image(context, project, start, runtime)
    image.write(build, command, port, own_build=not context.settings.build_command)
    return context.plan(
        "Python",
        image.dockerfile,
        command,
        port,
        framework=start.framework,
        package_manager=project.manager,
        runtime=runtime,
        install_command=context.settings.install_command or image.install_command or None,
        build_command=build,
        pre_deploy_command=context.process("release") or start.pre_deploy_command,
    )


def _is_python(context: Context) -> bool:
    if context.first(*(marker for marker in MARKERS if marker != "pyproject.toml")):
        return True
    if context.first("requirements/production.txt", "requirements/base.txt"):
        return True
    text = context.read("pyproject.toml")
    if re.search(r"^\[(?:project|build-system|tool\.poetry)\]", text, re.MULTILINE):
        return True
    return context.first(*SCRIPTS) is not None


def _server_of(command: str) -> str | None:
    """The server a Procfile's command names, to be added where the project forgot it."""
    words = command.rpartition("&&")[2].split()
    return _SERVERS.get(words[0]) if words else None


def _nothing_to_run(project: Project) -> str:
    return (
        f"this is a Python project ({project.manager}), but nothing in it says what to run: there "
        "is no Procfile, no Django manage.py, no Flask, FastAPI or other application object at "
        f"module level, and none of {', '.join(SCRIPTS[:4])}; "
        "set the start command, or add a Procfile with a line `web: …`"
    )
