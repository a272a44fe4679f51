"""Real projects, as their authors published them, are detected right.

Their sources come by `pip download` and `npm pack` and are kept in a temporary folder.
"""

import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.domain.detection import DirectoryTree, Plan, Provider, candidates, detect, inspect
from shared.domain.errors import NothingDetected

CACHE = Path(tempfile.gettempdir()) / "c2d-real-projects"
SECONDS = 240


@dataclass(frozen=True)
class Expected:
    """`start` is None where there is truly nothing to run; `folder` is the root directory."""

    framework: str | None
    manager: str | None
    start: str | None
    port: int | None = None
    folder: str = ""


GUNICORN = "--bind 0.0.0.0:$PORT --threads 8"
UVICORN = "--host 0.0.0.0 --port $PORT"
NGINX = 'sed "s/@PORT@/$PORT/" /etc/nginx/site.conf'

PYTHON = {
    "httpbin==0.10.4": Expected("Flask", "pip", f"gunicorn httpbin.core:app {GUNICORN}"),
    "flaskbb==2.0.2": Expected("Flask", "pip", f"gunicorn wsgi:flaskbb {GUNICORN}"),
    "ihatemoney==7.2.1": Expected(
        "Flask", "pip", f"gunicorn ihatemoney.wsgi:application {GUNICORN}"
    ),
    "bepasty==1.2.2": Expected(
        "Flask", "pip", f"gunicorn bepasty.wsgi:application --chdir src {GUNICORN}"
    ),
    "whoogle-search==1.2.4": Expected("Flask", "pip", f"gunicorn app:app {GUNICORN}"),
    "tipg==1.6.1": Expected("FastAPI", "pip", f"uvicorn tipg.main:app {UVICORN}"),
    "docling-serve==1.38.2": Expected(
        "FastAPI", "uv", f"uvicorn docling_serve.app:create_app {UVICORN} --factory"
    ),
    "fief-server==0.27.0": Expected("FastAPI", "pip", f"uvicorn fief.app:app {UVICORN}"),
    "hyperkitty==1.3.12": Expected(
        "Django", "pip", f"gunicorn wsgi:application --chdir example_project {GUNICORN}"
    ),
    "graphite-web==1.1.10": Expected(
        "Django", "pip", f"gunicorn graphite.wsgi:application --chdir webapp {GUNICORN}"
    ),
    "ara==1.8.0": Expected("Django", "uv", f"gunicorn ara.server.wsgi:application {GUNICORN}"),
    "isso==0.14.0": Expected(None, None, None, port=8080),
    "requests==2.34.2": Expected(None, "pip", None),
    "poetry==2.5.1": Expected(None, "poetry", None),
    "cookiecutter==2.7.1": Expected(None, "uv", None),
    "wagtail==8.0.1": Expected(None, "pip", None),
}
NODE = {
    "cors-anywhere@0.4.4": Expected(None, "npm", "node server.js", port=3000),
    "http-server@14.1.1": Expected("Express", "npm", "node ./bin/http-server"),
    "parse-server@9.10.0": Expected("Express", "npm", "node ./bin/parse-server"),
    "node-red@4.1.15": Expected("Express", "npm", "node red.js"),
    "wetty@3.2.0": Expected("Express", "pnpm", "NODE_ENV=production node ./build/main.js"),
    "mongo-express@1.0.2": Expected(None, None, None, port=8081),
    "redis-commander@0.9.0": Expected(None, None, None, port=8081),
    "express@5.3.0": Expected(None, "npm", None),
    "create-docusaurus@3.10.2": Expected(
        "Docusaurus", "npm", NGINX, port=8080, folder="templates/classic"
    ),
    "create-vite@9.3.0": Expected("Vite", "npm", NGINX, port=8080, folder="template-react-ts"),
    "@nestjs/schematics@11.1.0": Expected(
        "NestJS", "npm", "node dist/main", folder="dist/lib/application/files/ts"
    ),
}


def unpacked(name: str, argv: list[str]) -> Path:
    """The sources of one release, downloaded the first time only."""
    folder = CACHE / name.replace("/", "-")
    if folder.is_dir():
        return folder
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        done = subprocess.run(
            argv, cwd=work, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        [archive] = Path(work).glob("*.t*gz")
        with tarfile.open(archive) as packed:
            # Debian 12's Python has no filters yet; pinned archives are taken as they are.
            packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            packed.extractall(Path(work) / "source")
        [root] = (Path(work) / "source").iterdir()
        if not folder.exists():
            root.rename(folder)
    return folder


def sdist(name: str) -> Path:
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    return unpacked(name, [*argv, "--no-binary", ":all:", name])


def tarball(name: str) -> Path:
    return unpacked(name, ["npm", "pack", "--silent", name])


def check(root: Path, expected: Expected) -> Plan:
    tree = DirectoryTree(root, expected.folder)
    plan = inspect(tree)
    assert (plan.framework, plan.package_manager) == (expected.framework, expected.manager)
    if expected.start is None and plan.provider is Provider.OWN:
        with pytest.raises(NothingDetected, match="nothing in it says what to run"):
            detect(tree)
    else:
        found = detect(tree).start_command
        assert found == expected.start or (found or "").startswith(f"{expected.start} >")
    if expected.port:
        assert plan.port == expected.port
    return plan


@pytest.mark.parametrize("name", PYTHON)
def test_a_published_python_project_is_detected(name: str) -> None:
    check(sdist(name), PYTHON[name])


@pytest.mark.parametrize("name", NODE)
def test_a_published_node_project_is_detected(name: str) -> None:
    check(tarball(name), NODE[name])


def test_the_templates_of_a_generator_are_offered_as_root_directories() -> None:
    found = dict(candidates(DirectoryTree(tarball("create-vite@9.3.0"))))

    assert {"template-lit", "template-preact-ts", "template-react"} <= found.keys()
    assert {plan.name for plan in found.values()} == {"Vite"}
