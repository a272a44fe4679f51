"""Each package manager of Python and Node really installs, builds and starts with Docker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.domain.detection.docker import Project, running
from tests.domain.detection.stacks import package

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("socket_enabled")]

PYTHON_APP = """\
from bottle import Bottle

app = Bottle()


@app.get("/")
def index():
    return "it works"
"""
NODE_APP = """\
const text = require("is-number")(1) ? "it works" : "no";
require("node:http").createServer((q, r) => r.end(text)).listen(process.env.PORT);
"""
STANDARD = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
BUILD = '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
POETRY = (
    '[tool.poetry]\nname = "shop"\nversion = "1"\ndescription = ""\nauthors = []\n'
    '[tool.poetry.dependencies]\npython = "^3.11"\n'
)
POETRY_APP = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

import shop


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(shop.TEXT.encode())


HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""
DEPENDENCY = {"is-number": "7.0.0"}

PYTHON = {
    "pip": {"pyproject.toml": STANDARD + 'dependencies = ["bottle"]\n', "app.py": PYTHON_APP},
    "pip-package": {
        "pyproject.toml": STANDARD + 'dependencies = ["bottle"]\n' + BUILD,
        "src/shop/__init__.py": "",
        "src/shop/web.py": PYTHON_APP,
    },
    "uv": {
        "pyproject.toml": STANDARD + 'dependencies = ["bottle"]\n[tool.uv]\n',
        "app.py": PYTHON_APP,
    },
    "uv-package": {
        "pyproject.toml": STANDARD + 'dependencies = ["bottle"]\n[tool.uv]\n' + BUILD,
        "src/shop/__init__.py": "",
        "src/shop/web.py": PYTHON_APP,
    },
    "poetry": {
        "pyproject.toml": POETRY,
        "main.py": POETRY_APP,
        "src/shop/__init__.py": "TEXT = 'it works'\n",
    },
    "pipenv": {"Pipfile": '[packages]\nbottle = "*"\n', "app.py": PYTHON_APP},
}
NODE = {
    "npm": {"package.json": package(dependencies=DEPENDENCY)},
    "pnpm": {"package.json": package(dependencies=DEPENDENCY, packageManager="pnpm@9.15.0")},
    "yarn": {"package.json": package(dependencies=DEPENDENCY, packageManager="yarn@1.22.22")},
    "yarn-berry": {"package.json": package(dependencies=DEPENDENCY, packageManager="yarn@4.9.1")},
    "bun": {"package.json": package(dependencies=DEPENDENCY, packageManager="bun@1.2.0")},
    "pnpm-started-by-it": {
        "package.json": package(
            dependencies=DEPENDENCY,
            packageManager="pnpm@9.15.0",
            scripts={
                "build": "echo built > made.txt",
                "prestart": "cat made.txt",
                "start": "node .",
            },
            main="server.js",
        )
    },
    "npm-development-tools": {
        "package.json": package(
            dependencies=DEPENDENCY,
            devDependencies={"is-odd": "3.0.1"},
            scripts={"build": "node -e \"require('is-odd')\"", "start": "node server.js"},
        )
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Project]]:
    opened: list[Project] = []

    def make(files: dict[str, str]) -> Project:
        opened.append(Project.of(files, tmp_path))
        return opened[-1]

    yield make
    for each in opened:
        each.remove()


@pytest.mark.parametrize("name", PYTHON)
def test_a_python_project_is_installed_and_started(
    name: str, project: Callable[[dict[str, str]], Project]
) -> None:
    built = project(PYTHON[name]).build()

    assert built.plan.package_manager == name.partition("-")[0]
    with running(built) as app:
        assert app.answer() == "it works"


@pytest.mark.parametrize("name", NODE)
def test_a_node_project_is_installed_and_started(
    name: str, project: Callable[[dict[str, str]], Project]
) -> None:
    built = project(NODE[name] | {"server.js": NODE_APP}).build()

    assert built.plan.package_manager == name.partition("-")[0]
    with running(built) as app:
        assert app.answer() == "it works"


def test_development_dependencies_are_there_for_the_build_and_gone_from_the_image(
    project: Callable[[dict[str, str]], Project],
) -> None:
    built = project(NODE["npm-development-tools"] | {"server.js": NODE_APP}).build()

    with running(built) as app:
        app.answer()
        assert app.has("/app/node_modules/is-number")
        assert not app.has("/app/node_modules/is-odd")
