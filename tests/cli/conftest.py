"""A fake platform, and `c2d` signed in to it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from c2d.app import app
from typer.testing import CliRunner, Result

from tests.cli.fake_server import FakePlatform

RUN_SECONDS = 60


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """These tests talk to a server of their own on loopback."""


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    fake.start()
    yield fake
    for gate in fake.world.gates.values():
        gate.set()
    fake.stop()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and an empty working folder, with nothing of the machine's around."""
    folder = tmp_path / "home"
    work = tmp_path / "work"
    for each in (folder, work):
        each.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("C2D_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name in ("C2D_API_URL", "C2D_TOKEN", "XDG_CONFIG_HOME", "DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(work)
    return folder


class Cli:
    """Runs `c2d` in this process or as one of its own."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(RUN_SECONDS)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, prog_name="c2d")

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        """The stdout of a command that must succeed."""
        result = self(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """The one JSON document of a command that must succeed."""
        return json.loads(self.ok(*arguments, "--json", stdin=stdin))

    def process(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """A process of its own, with pipes."""
        process = subprocess.Popen(
            [sys.executable, "-m", "c2d", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **options.pop("env", {})},
            **options,
        )
        self._processes.append(process)
        return process

    def run(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """A process of its own, run to its end."""
        return subprocess.run(
            [sys.executable, "-m", "c2d", *arguments],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            env={**os.environ, **options.pop("env", {})},
            check=False,
            **options,
        )


@pytest.fixture
def c2d(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    monkeypatch.setenv("C2D_API_URL", platform.url)
    monkeypatch.setenv("C2D_TOKEN", platform.token)
    cli = Cli()
    yield cli
    cli.close()


@pytest.fixture
def web(platform: FakePlatform) -> dict[str, Any]:
    """The service demo/web, with a repository."""
    project = platform.world.add_project("Demo")
    source = {"repository_url": "https://git.example/team/shop.git", "branch": None}
    return platform.world.add_service(project, "web", source=source)


def checkout(folder: Path, origin: str) -> None:
    """A git checkout with one commit and an origin."""
    commands = (
        ("init", "--quiet", "--initial-branch=main"),
        ("remote", "add", "origin", origin),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "One"),
    )
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=30)
