"""Every command: help that teaches, JSON, a quick start; and `c2d platform`, completion."""

import ast
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from c2d import app as root
from typer.main import get_command
from typer.testing import CliRunner

from tests.cli.conftest import Cli

GROUPS = {"projects", "services", "deployments", "env", "platform", "resources"}


def _leaves() -> Iterator[tuple[str, Any]]:
    top: Any = get_command(root.app)
    ctx = top.make_context("c2d", ["--json", "whoami"])
    for name in root.COMMANDS:
        _, command, _ = top.resolve_command(ctx, [name])
        yield from _below(name, command)


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children or name in {"agents", "resources"}:
        yield name, command
    for child, below in children.items():
        yield from _below(f"{name} {child}", below)


@pytest.mark.parametrize(("name", "command"), list(_leaves()))
def test_every_command_takes_json_and_shows_examples(name: str, command: Any) -> None:
    assert "--json" in {option for param in command.params for option in param.opts}
    assert f"$ c2d {name}" in command.help or f"c2d {name}" in command.help
    printed = CliRunner().invoke(root.app, [*name.split(), "--help"], prog_name="c2d")
    assert printed.exit_code == 0
    assert "Examples:" in printed.stdout


def test_help_costs_less_than_half_a_second_of_cpu() -> None:
    line = [sys.executable, "-m", "c2d", "--help"]
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(line, capture_output=True, check=True, timeout=30)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    assert min(spent) < 0.5


def test_help_imports_no_http_client() -> None:
    code = (
        "import sys, atexit; from c2d.__main__ import main; sys.argv = ['c2d', '--help'];"
        "atexit.register(lambda: print('httpx' in sys.modules, file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stderr.strip() == "False"


@pytest.mark.parametrize(
    "line", [["deplyo"], ["deploy", "--nope"], ["projects", "create"], ["deploy", "--timeout", "x"]]
)
def test_wrong_usage_exits_1_and_says_where_the_help_is(c2d: Cli, line: list[str]) -> None:
    done = c2d.run(*line)

    assert done.returncode == 1
    assert "--help" in done.stderr
    assert done.stdout == ""


def test_a_typo_gets_a_suggestion(c2d: Cli) -> None:
    assert "'deploy'" in c2d("deplyo").stderr


def test_the_version_is_printed(c2d: Cli) -> None:
    assert c2d.ok("--version").startswith("c2d ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(c2d: Cli, shell: str) -> None:
    assert "_C2D_COMPLETE" in c2d.ok("completion", shell)
    assert c2d.json("completion", shell)["shell"] == shell


def test_bash_completes_commands_and_options(c2d: Cli) -> None:
    def words(line: str) -> list[str]:
        count = str(len(line.split(" ")) - 1)
        asked = {"_C2D_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": count}
        return c2d.run(env=asked).stdout.split()

    assert words("c2d depl") == ["deploy", "deployments"]
    assert words("c2d services s") == ["set", "show"]
    assert "--wait" in words("c2d deploy --w")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A stand-in for the platform's program, which tells how it was called."""
    folder = tmp_path / "project"
    package = folder / "infra" / "local"
    package.mkdir(parents=True)
    (folder / "infra" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, sys\nprint(os.getcwd(), os.environ['C2D_HOME'], *sys.argv[1:])\nsys.exit(7)\n"
    )
    state = tmp_path / "state"
    state.mkdir()
    description = {"python": sys.executable, "folder": str(folder), "version": "0.1.0"}
    (state / "platform.json").write_text(json.dumps(description))
    return folder


@pytest.mark.parametrize(
    ("line", "passed"),
    [
        (["up"], "up"),
        (["down", "--services"], "down --services"),
        (["status", "--json"], "status --json"),
        (["upgrade"], "upgrade"),
        (["backup", "here.tar"], "backup {work}/here.tar"),
        (["logs", "agent", "-n", "3", "-f"], "logs agent -n 3 -f"),
    ],
)
def test_platform_runs_the_recorded_program_with_its_exit_code(
    c2d: Cli, installed: Path, tmp_path: Path, line: list[str], passed: str
) -> None:
    done = c2d.run("platform", *line)

    said = passed.format(work=tmp_path / "work")
    assert done.stdout == f"{installed} {tmp_path / 'state'} {said}\n"
    assert done.returncode == 7


def test_platform_with_json_keeps_stdout_to_one_document(c2d: Cli, installed: Path) -> None:
    done = c2d.run("platform", "up", "--json")

    assert json.loads(done.stdout) == {"command": "up", "exit_code": 7}
    assert " up\n" in done.stderr
    assert done.returncode == 7


def test_platform_elsewhere_says_so(c2d: Cli, tmp_path: Path) -> None:
    result = c2d("platform", "up")

    assert result.exit_code == 1
    assert "no platform is installed on this machine" in result.stderr
    assert str(tmp_path / "state") in result.stderr


def test_restore_of_a_missing_file_stops_before_the_platform_does(
    c2d: Cli, installed: Path
) -> None:
    result = c2d("platform", "restore", "gone.tar")

    assert result.exit_code == 1
    assert "gone.tar is not there" in result.stderr


def test_the_client_imports_nothing_of_the_platform() -> None:
    package = Path(root.__file__).parent
    allowed = {"c2d", "httpx", "rich", "typer", *sys.stdlib_module_names}
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign = {name.partition(".")[0] for name in names} - allowed
            assert not foreign, f"{path.name} imports {foreign}"
