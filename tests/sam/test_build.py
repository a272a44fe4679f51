"""The templates are valid, build, and what is built can be imported as Lambda would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.generate.functions import Function, endpoints, schedules, tasks

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra" / "stacks").glob("*.yaml"))]
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
STACKS = {"Api": endpoints, "Workflows": tasks, "Schedules": schedules}


def sam(*arguments: str) -> str:
    done = subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_valid_without_a_warning(template: Path) -> None:
    said = sam("validate", "--lint", "--template", str(template))
    assert "is a valid SAM Template" in said
    assert not [line for line in said.splitlines() if line.startswith(("W", "E"))]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam") / "build"
    sam("build", "--parallel", "--build-dir", str(folder))
    return folder


def test_every_function_has_its_own_artefact(built: Path) -> None:
    for stack, functions in STACKS.items():
        names = {f.logical_id for f in functions()}
        assert names <= {path.name for path in (built / stack).iterdir()}


@pytest.mark.parametrize("layer", ["Dependencies", "Shared"])
def test_a_layer_ships_bytecode(built: Path, layer: str) -> None:
    sources = list((built / layer / "python").rglob("*.py"))
    compiled = list((built / layer / "python").rglob("*.cpython-311.pyc"))
    assert sources
    assert len(compiled) > 0.95 * len(sources)
    size = sum(path.stat().st_size for path in (built / layer).rglob("*") if path.is_file())
    print(f"{layer}: {size / 2**20:.1f} MB unpacked")
    assert size < 200 * 2**20


@pytest.mark.parametrize("stack", STACKS)
def test_handlers_are_importable_from_what_was_built(built: Path, stack: str) -> None:
    functions: list[Function] = list(STACKS[stack]())
    code = built / stack / functions[0].logical_id
    path = [str(built / layer / "python") for layer in ("Dependencies", "Shared")]
    modules = [f.handler.rpartition(".")[0] for f in functions]
    script = (
        f"import importlib; found = [importlib.import_module(m) for m in {modules!r}];"
        "print(sum(callable(m.handler) for m in found))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": os.pathsep.join([str(code), *path]), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == str(len(functions)), done.stderr
