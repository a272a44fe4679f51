"""How a Python project is started: by its framework's server, or as the script it is."""

import re
from dataclasses import dataclass, field
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.manifests import Table, table
from shared.domain.detection.ports import port_in_source
from shared.domain.detection.python.project import Project
from shared.domain.detection.python.source import (
    AppObject,
    find_app,
    import_place,
    sources,
)
from shared.domain.detection.tree import below, folder_of

SCRIPTS: Final = ("main.py", "app.py", "server.py", "run.py", "bot.py", "index.py", "wsgi.py")
CONVENTIONAL: Final = ("main.py", "app.py", "wsgi.py", "asgi.py", "server.py")
_PORT_PATTERNS: Final = (r"\bport\s*=\s*(\d{2,5})\b", r"\.run\([^)\n]*?,\s*(\d{4,5})\b")
_SETTINGS: Final = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*,\s*[\"']([\w.]+)[\"']")
_NOT_IN_FRONT: Final = re.compile(
    r"(?:^|/)(?:tests?|docs?|examples?|build|[^/]*templates?|[^/]*\{\{[^/]*)/"
)


@dataclass(slots=True)
class Start:
    """`command` may use $PORT. `server` is a distribution to add where it is not declared."""

    framework: str | None
    command: str | None
    why: str = ""
    server: str | None = None
    import_folder: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    build_command: str | None = None
    pre_deploy_command: str | None = None
    port: int | None = None


def find_start(context: Context, project: Project) -> Start | None:
    """The likeliest way to run it; None where nothing looks like an app."""
    return (
        _django(context, project)
        or _served_app(context, project)
        or _streamlit(context, project)
        or _script(context, project)
        or _console_script(project)
    )


def _django(context: Context, project: Project) -> Start | None:
    manage = next(
        (p for p in sorted(context.tree.paths(), key=lambda p: (p.count("/"), p))
         if p.rpartition("/")[2] == "manage.py" and p.count("/") < 3
         and not _NOT_IN_FRONT.search(p) and "django" in context.read(p).lower()),
        None,
    )  # fmt: skip
    folder = folder_of(manage) if manage else ""
    server = _entry(context, folder, "wsgi.py", "get_wsgi_application", manage)
    if project.uses("channels", "daphne"):
        server = _entry(context, folder, "asgi.py", "get_asgi_application", manage) or server
    if server is None:
        return _django_without_server(context, manage)
    if manage:
        module = server.removeprefix(f"{folder}/").removesuffix(".py").replace("/", ".")
    else:
        folder, module = import_place(context, server)
    target = f"{module}:application"
    start = Start("Django", None, import_folder=folder)
    asgi = server.endswith("asgi.py")
    start.command = _uvicorn(target, folder) if asgi else _gunicorn(target, folder)
    start.server = "uvicorn" if asgi else "gunicorn"
    start.why = f"{server} is Django's {'ASGI' if asgi else 'WSGI'} module"
    if manage:
        context.saw(f"{manage} makes it a Django project")
        start.pre_deploy_command = f"python {manage} migrate --noinput"
        _collect_static(context, start, manage, folder)
    return start


def _entry(context: Context, folder: str, file: str, marker: str, manage: str | None) -> str | None:
    """The wsgi.py or asgi.py of the settings' package, else the highest one there is."""
    found = [
        path
        for path in context.tree.paths()
        if path.rpartition("/")[2] == file
        and path.startswith(f"{folder}/" if folder else "")
        and not _NOT_IN_FRONT.search(path)
        and marker in context.read(path)
    ]
    settings = _SETTINGS.search(context.read(manage)) if manage else None
    if settings:
        package = settings.group(1).split(".")[0]
        beside = below(f"{package}/{file}", folder)
        if beside in found:
            return beside
    return min(found, key=lambda path: (path.count("/"), path), default=None)


def _django_without_server(context: Context, manage: str | None) -> Start | None:
    if manage is None:
        return None
    context.saw(f"{manage} makes it a Django project")
    why = (
        f"{manage} is there, but no wsgi.py with get_wsgi_application beside it; "
        "add one or set the start command"
    )
    return Start("Django", None, why=why)


def _collect_static(context: Context, start: Start, manage: str, folder: str) -> None:
    settings = [
        path
        for path in context.tree.paths()
        if path.endswith(".py")
        and path.startswith(f"{folder}/" if folder else "")
        and "settings" in path
        and not _NOT_IN_FRONT.search(path)
    ]
    texts = [context.read(path) for path in settings[:20]]
    if any(re.search(r"^\s*STATIC_ROOT\s*=", text, re.MULTILINE) for text in texts):
        start.build_command = (
            'SECRET_KEY="${SECRET_KEY:-only-for-collectstatic}" '
            f"python {manage} collectstatic --noinput"
        )
        context.saw("the settings have STATIC_ROOT, so collectstatic runs in the build")
    if any(re.search(r"^ALLOWED_HOSTS\s*=\s*\[\s*\]", text, re.MULTILINE) for text in texts):
        context.warn(
            "ALLOWED_HOSTS is empty in the settings: with DEBUG off Django refuses every request; "
            "add the service's host name, or read it from an environment variable"
        )


def _served_app(context: Context, project: Project) -> Start | None:
    app = find_app(context)
    if app is None:
        return None
    kind = "factory" if app.is_factory else "object"
    start = Start(
        app.framework,
        None,
        why=f"{app.path} has the {app.framework} application {kind} `{app.name}`",
        import_folder=app.folder,
    )
    scripts = _console_scripts(project)
    if scripts and not app.path.endswith(CONVENTIONAL):
        context.warn(
            f"pyproject.toml declares the command {next(iter(scripts))}: if that is what starts "
            "the app, set it as the start command"
        )
    match app.framework:
        case "Flask" | "Bottle" | "Falcon":
            start.server = "gunicorn"
            start.command = _gunicorn(_called(app), app.folder)
        case "FastAPI" | "Starlette" | "Litestar" | "Falcon ASGI":
            start.server = "uvicorn"
            flag = " --factory" if app.is_factory else ""
            start.command = _uvicorn(app.target, app.folder) + flag
        case "Quart":
            start.server = "hypercorn"
            start.command = f"hypercorn '{_called(app)}' --bind 0.0.0.0:$PORT"
        case "Sanic":
            flag = " --factory" if app.is_factory else ""
            start.command = f"sanic {app.target}{flag} --host 0.0.0.0 --port $PORT"
        case _:
            _dash(context, app, start)
    return start


def _dash(context: Context, app: AppObject, start: Start) -> None:
    if re.search(rf"^server\s*=\s*{app.name}\.server\b", context.read(app.path), re.MULTILINE):
        start.server = "gunicorn"
        start.command = _gunicorn(f"{app.module}:server", app.folder)
    else:
        start.environment["HOST"] = "0.0.0.0"  # noqa: S104 - the container's own address
        start.command = f"python {app.path}"


def _streamlit(context: Context, project: Project) -> Start | None:
    if not project.uses("streamlit"):
        return None
    names = ("streamlit_app.py", "app.py", "main.py", "Home.py", "home.py")
    files = [*filter(context.has, names), *sources(context)]
    script = next((f for f in files if re.search(r"\bstreamlit\b", context.read(f))), None)
    if script is None:
        return None
    return Start(
        "Streamlit",
        f"streamlit run {script} --server.port $PORT --server.address 0.0.0.0 "
        "--server.headless true",
        why=f"{script} imports streamlit",
    )


def _script(context: Context, project: Project) -> Start | None:
    script = context.first(*SCRIPTS) or context.first(*(f"src/{name}" for name in SCRIPTS))
    if script is None:
        packages = [p for p in sources(context) if p.count("/") == 1 and p.endswith("/__main__.py")]
        alone = len(packages) == 1 and not project.is_package and not _console_scripts(project)
        return _module_run(packages[0]) if alone else None
    text = context.read(script)
    if script.endswith("wsgi.py") and not re.search(r"^application\s*=", text, re.MULTILINE):
        return None
    if script.endswith("wsgi.py"):
        folder, module = import_place(context, script)
        return Start(
            "WSGI",
            _gunicorn(f"{module}:application", folder),
            why=f"{script} has a WSGI application",
            server="gunicorn",
            import_folder=folder,
        )
    framework = next(
        (n for n in ("aiohttp", "tornado", "gradio", "nicegui") if project.uses(n)), ""
    )
    start = Start(framework.title() or None, f"python {script}", why=f"{script} is run as a script")
    start.port = port_in_source(text, *_PORT_PATTERNS)
    if framework == "gradio":
        start.environment["GRADIO_SERVER_NAME"] = "0.0.0.0"  # noqa: S104 - inside the container
        start.command = f"GRADIO_SERVER_PORT=$PORT python {script}"
    return start


def _module_run(path: str) -> Start:
    package = folder_of(path)
    return Start(None, f"python -m {package}", why=f"{path} can be run as a module")


def _console_script(project: Project) -> Start | None:
    """A single declared command of a project that has a server among its dependencies."""
    scripts = _console_scripts(project)
    servers = ("gunicorn", "uvicorn", "hypercorn", "waitress", "aiohttp", "tornado", "cherrypy")
    if len(scripts) != 1 or not project.is_package or not project.uses(*servers):
        return None
    name = next(iter(scripts))
    return Start(None, name, why=f"pyproject.toml declares the command {name} and nothing else")


def _console_scripts(project: Project) -> Table:
    return table(project.pyproject, "project", "scripts") or table(
        project.pyproject, "tool", "poetry", "scripts"
    )


def _called(app: AppObject) -> str:
    return f"{app.target}()" if app.is_factory else app.target


def _gunicorn(target: str, folder: str) -> str:
    chdir = f" --chdir {folder}" if folder else ""
    quoted = f"'{target}'" if "(" in target else target
    return f"gunicorn {quoted}{chdir} --bind 0.0.0.0:$PORT --threads 8"


def _uvicorn(target: str, folder: str) -> str:
    where = f" --app-dir {folder}" if folder else ""
    return f"uvicorn {target}{where} --host 0.0.0.0 --port $PORT"
