"""Ordinary repositories without platform files go live through `c2d deploy --wait`.

Flask, Django, FastAPI, Express, Vite, a static site, Go without modules, and one with a Dockerfile:
each is committed to a fresh repository, deployed by the real command line tool in a process of its
own, and asked for its answer through the public route.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import images
from tests.e2e.conftest import Repositories
from tests.e2e.platform import ROOT, Platform

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ANSWERS = {
    "flask": "flask 1",
    "django": "django 1",
    "fastapi": "fastapi 1",
    "express": "express 1",
    "vite": "<title>vite 1</title>",
    "static": "<title>static 1</title>",
    "go": "go 1",
    "dockerfile": "dockerfile 1",
}
MADE = {"node_modules", "dist", "__pycache__"}
DEPLOY_SECONDS = 400


@pytest.fixture(scope="module", autouse=True)
def base_images() -> None:
    images.provide(Path(os.environ.get("C2D_IMAGES") or "/var/tmp/click-to-deploy-images"))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_ordinary_repository_goes_live(
    platform: Platform, repository: Repositories, tmp_path: Path, name: str
) -> None:
    code = repository(f"example-{name}")
    code.commit(sources(ROOT / "examples" / name))
    project = f"examples-{name}"
    arguments = ["deploy", "--repo", code.url, "--project", project, "--service", "web"]
    done = c2d(platform, tmp_path, *arguments, "--wait", "--yes")
    assert done.returncode == 0, done.stderr + platform.log("agent")[-2000:]
    projects = platform.client.call("GET", "/projects", params={"limit": 100})["items"]
    [found] = [p for p in projects if p["slug"] == project]
    [service] = platform.client.call("GET", f"/projects/{found['id']}/services")["items"]
    assert done.stdout.split()[-1] == service["url"]
    answer = platform.client.get(service)
    assert answer.status_code == 200
    assert ANSWERS[name] in answer.text
    platform.client.call("DELETE", f"/projects/{found['id']}")


def test_the_exit_code_tells_a_failed_deployment(
    platform: Platform, repository: Repositories, tmp_path: Path
) -> None:
    code = repository("example-broken")
    code.commit({"Dockerfile": "FROM python:3.11-slim-bookworm\nRUN exit 7\n"})
    arguments = ["deploy", "--repo", code.url, "--project", "broken", "--service", "web"]
    done = c2d(platform, tmp_path, *arguments, "--wait", "--yes")
    assert done.returncode == 2
    assert "exit" in done.stderr


def sources(folder: Path) -> dict[str, str]:
    """The files of an example; what its own `.gitignore` names is not committed."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    names = [path for path in found if not MADE & set(path.relative_to(folder).parts)]
    assert names, f"{folder} holds no example"
    return {str(path.relative_to(folder)): path.read_text() for path in names}


def c2d(platform: Platform, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line tool, signed in by its environment alone."""
    credentials = json.loads((platform.home / "credentials.json").read_text())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "C2D_API_URL": credentials["api_url"],
        "C2D_TOKEN": credentials["token"],
    }
    program = Path(sys.executable).with_name("c2d")
    return subprocess.run(
        [program, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
