"""The Dockerfile of a Python project: a virtual environment built apart from the running image."""

import shlex
from collections.abc import Iterable
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.dockerfile import APP, Dockerfile
from shared.domain.detection.plan import Runtime
from shared.domain.detection.python.project import Project
from shared.domain.detection.python.start import Start

VENV: Final = "/opt/venv"
_BUILD_PACKAGES: Final = {
    "psycopg2": ("build-essential", "libpq-dev"),
    "mysqlclient": ("build-essential", "default-libmysqlclient-dev", "pkg-config"),
    "python-ldap": ("build-essential", "libldap2-dev", "libsasl2-dev"),
    "uwsgi": ("build-essential",),
    "pycairo": ("build-essential", "libcairo2-dev", "pkg-config"),
    "xmlsec": ("build-essential", "libxmlsec1-dev", "pkg-config"),
}
_RUN_PACKAGES: Final = {
    "psycopg2": ("libpq5",),
    "psycopg": ("libpq5",),
    "mysqlclient": ("libmariadb3",),
    "python-ldap": ("libldap-2.5-0",),
    "pycairo": ("libcairo2",),
    "xmlsec": ("libxmlsec1-openssl",),
    "pyodbc": ("unixodbc",),
    "python-magic": ("libmagic1",),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
}
_VERSION_FROM_GIT: Final = ("setuptools-scm", "setuptools_scm", "hatch-vcs", "pbr", "versioningit")
_PIP_CACHE: Final = ("pip", "/root/.cache/pip")
_UV_CACHE: Final = ("uv", "/root/.cache/uv")
_POETRY_CACHE: Final = ("poetry", "/root/.cache/pypoetry")


class Image:
    """Writes the Dockerfile and remembers which install command it used."""

    def __init__(self, context: Context, project: Project, start: Start, runtime: Runtime) -> None:
        self._context = context
        self._project = project
        self._start = start
        self._base = f"python:{runtime.version}-slim-bookworm"
        if runtime.version == "3.7":
            self._base = "python:3.7-slim-bullseye"
        self.dockerfile = Dockerfile(context.generation)
        self.install_command = ""
        self._source_apart = False
        """Then a change of the source leaves the environment's layer as it is."""

    def write(
        self, build_command: str | None, command: str | None, port: int, *, own_build: bool
    ) -> None:
        """`own_build` says that the build command was found here, and so only makes files."""
        only_makes_files = own_build or not build_command
        self._source_apart = only_makes_files and not self._installs_source()
        self._build_stage(build_command)
        file = self.dockerfile
        file.stage(self._base)
        file.user()
        file.apt(*self._packages(_RUN_PACKAGES))
        # gunicorn and uvicorn believe forwarded headers only from whom they are told to; the
        # router is the only one that reaches the container.
        file.env(PATH=f"{VENV}/bin:$PATH", PYTHONUNBUFFERED="1", FORWARDED_ALLOW_IPS="*")
        if self._start.import_folder:
            file.env(PYTHONPATH=f"{APP}/{self._start.import_folder}")
        file.env(**self._start.environment)
        file.copy_built(VENV, VENV, own=False)
        if self._source_apart and not build_command:
            file.copy_source()
        else:
            stage = "source" if self._source_apart else "build"
            file.copy_built(APP, APP, stage=stage, own=True)
        file.add(f"WORKDIR {APP}")
        file.start(command, port)

    def _build_stage(self, build_command: str | None) -> None:
        file = self.dockerfile
        file.stage(self._base, "build")
        file.apt(*self._packages(_BUILD_PACKAGES), *self._git())
        file.add(f"WORKDIR {APP}", f"RUN python -m venv {VENV}")
        file.env(PATH=f"{VENV}/bin:$PATH", VIRTUAL_ENV=VENV, PIP_DISABLE_PIP_VERSION_CHECK="1")
        if self._project.is_package and self._needs_git_version():
            file.env(SETUPTOOLS_SCM_PRETEND_VERSION="0.0.0", PBR_VERSION="0.0.0")
        file.build_variables()
        override = self._context.settings.install_command
        if override:
            file.copy(".", to=".")
            self._pip_run(override)
        else:
            self._install()
        if build_command and self._source_apart:
            file.stage_on("build", "source")
            file.build_variables()
            file.copy(".", to=".")
        if build_command:
            file.run(build_command, variables=True)

    def _installs_source(self) -> bool:
        """Whether installing needs more of the source than its manifests."""
        project = self._project
        own = self._context.settings.install_command
        return bool(own or project.needs_source or project.is_package)

    def _install(self) -> None:
        installers = {
            "uv": self._uv,
            "poetry": self._poetry,
            "pipenv": self._pipenv,
            "pdm": self._pdm,
        }
        if self._project.needs_source:
            self._context.saw(
                f"{self._project.needs_source}, so the source is copied before the dependencies "
                "are installed: every change installs them again"
            )
            self.dockerfile.copy(".", to=".")
        installers.get(self._project.manager, self._pip)()

    def _manifests(self) -> None:
        if not self._project.needs_source:
            self.dockerfile.copy_manifests(self._project.manifests)

    def _source(self) -> None:
        if not self._project.needs_source and not self._source_apart:
            self.dockerfile.copy(".", to=".")

    def _pip(self) -> None:
        self._manifests()
        requirements = [m for m in self._project.manifests if m.endswith((".txt", ".in"))]
        wanted = ""
        if requirements:
            wanted = f"-r {shlex.quote(requirements[0])}"
        elif self._project.requirements:
            wanted = _quoted(self._project.requirements)
        if wanted and any("--hash=" in self._context.read(path) for path in requirements):
            # With hashes in one requirement pip demands them of all, also of what is added.
            self._pip_run(f"pip install {wanted}")
            wanted = ""
        self._server(f"pip install {wanted}".strip(), otherwise=bool(wanted))
        self._source()
        if self._project.is_package:
            self._pip_run("pip install --editable .")

    def _uv(self) -> None:
        self._pip_run("pip install uv", tool=True)
        self.dockerfile.env(
            UV_PROJECT_ENVIRONMENT=VENV,
            UV_PYTHON_DOWNLOADS="never",
            UV_LINK_MODE="copy",
        )
        frozen = " --frozen" if self._context.has("uv.lock") else ""
        self._manifests()
        sync = f"uv sync{frozen} --no-dev"
        self._pip_run(f"{sync} --no-install-project", cache=_UV_CACHE)
        self._server("uv pip install", _UV_CACHE)
        self._source()
        if self._project.is_package:
            self._pip_run(f"{sync} --inexact", cache=_UV_CACHE)
        self.install_command = sync

    def _poetry(self) -> None:
        self._pip_run(
            "python -m venv /opt/poetry && /opt/poetry/bin/pip install 'poetry>=1.8,<3'", tool=True
        )
        self._manifests()
        install = "/opt/poetry/bin/poetry install --only main --no-interaction"
        self._pip_run(f"{install} --no-root", cache=_POETRY_CACHE)
        self._server("pip install")
        self._source()
        if self._project.is_package and self._has_its_package():
            self._pip_run(install, cache=_POETRY_CACHE)
        self.install_command = "poetry install --only main"

    def _pipenv(self) -> None:
        self._pip_run("python -m venv /opt/pipenv && /opt/pipenv/bin/pip install pipenv", tool=True)
        self._manifests()
        locked = self._context.has("Pipfile.lock")
        self._pip_run(f"/opt/pipenv/bin/pipenv {'sync' if locked else 'install --skip-lock'}")
        self._server("pip install")
        self._source()
        self.install_command = "pipenv sync" if locked else "pipenv install"

    def _pdm(self) -> None:
        self._pip_run("python -m venv /opt/pdm && /opt/pdm/bin/pip install pdm", tool=True)
        self._manifests()
        self._pip_run("/opt/pdm/bin/pdm sync --prod --no-self")
        self._server("pip install")
        self._source()
        if self._project.is_package:
            self._pip_run("pip install --no-deps --editable .")
        self.install_command = "pdm sync --prod"

    def _server(
        self, install: str, cache: tuple[str, str] = _PIP_CACHE, *, otherwise: bool = False
    ) -> None:
        """Add the server where it is not declared; `otherwise` runs the command without it."""
        name = self._start.server
        if name and not self._project.uses(name):
            self._context.saw(f"{name} is not among the dependencies and is added to serve the app")
            self._pip_run(f"{install} {name}", cache=cache)
        elif otherwise:
            self._pip_run(install, cache=cache)

    def _pip_run(
        self, command: str, *, cache: tuple[str, str] = _PIP_CACHE, tool: bool = False
    ) -> None:
        if not self.install_command and not tool:
            self.install_command = command
        self.dockerfile.run(command, caches=[cache], registries=["pypi"], variables=True)

    def _packages(self, by_name: dict[str, tuple[str, ...]]) -> list[str]:
        return [p for name, needed in by_name.items() if self._project.uses(name) for p in needed]

    def _git(self) -> list[str]:
        pulls = any("git+" in requirement for requirement in self._project.requirements)
        texts = (self._context.read(path) for path in self._project.manifests)
        return ["git"] if pulls or any("git+" in t or "git = " in t for t in texts) else []

    def _needs_git_version(self) -> bool:
        texts = [self._context.read(p) for p in ("pyproject.toml", "setup.py", "setup.cfg")]
        return any(name in text for name in _VERSION_FROM_GIT for text in texts)

    def _has_its_package(self) -> bool:
        declared = self._project.pyproject.get("tool", {}).get("poetry", {})
        name = str(declared.get("name") or self._project.pyproject.get("project", {}).get("name"))
        folder = name.replace("-", "_").replace(".", "/")
        places = (folder, f"src/{folder}")
        return bool(declared.get("packages")) or any(
            self._context.under(place) or self._context.has(f"{place}.py") for place in places
        )


def _quoted(requirements: Iterable[str]) -> str:
    return " ".join(shlex.quote(requirement) for requirement in requirements)
