"""The templates are valid, build, and what is built can be imported as Lambda would."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.generate.functions import consumers, schedules, served, tasks

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra" / "stacks").glob("*.yaml"))]
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
    # layers are made with pip, which Debian's own python3.11 comes without
    "PATH": os.pathsep.join([str(SAM.parent), os.environ.get("PATH", os.defpath)]),
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
STACKS = {"Api": served, "Workflows": tasks, "Schedules": schedules, "Consumers": consumers}
LAYERS = {"Dependencies": 120, "Shared": 5}
"""The most they may weigh, in MiB unpacked; AWS allows 250 for a function with its layers."""
UNCHECKED_HASH = 0b01
"""PEP 552: valid whatever the source's time is, and nothing is compared at start."""
BROUGHT_BY_LAMBDA = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
ONLY_ON_ONE_MACHINE = ("shared.adapters.asl", "shared.adapters.dbos")
"""The workflow engine that Step Functions replaces."""

Lambda = Callable[[str, str], str]


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
    """The build folder, with nothing taken from an earlier build."""
    folder = tmp_path_factory.mktemp("sam")
    sam("build", "--parallel", "--no-cached", "--build-dir", str(folder / "build"))
    return folder / "build"


@pytest.fixture(scope="module")
def as_lambda(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Lambda:
    """Runs a script over what was built for a stack, the layers, and what Lambda brings along."""
    runtime = tmp_path_factory.mktemp("runtime")
    for name in BROUGHT_BY_LAMBDA:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        target = origin.parent if origin.name == "__init__.py" else origin
        (runtime / target.name).symlink_to(target)

    def run(stack: str, script: str) -> str:
        code = built / stack / next(STACKS[stack]()).logical_id
        layers = [built / layer / "python" for layer in LAYERS]
        done = subprocess.run(
            [sys.executable, "-S", "-P", "-c", script],
            cwd=runtime,
            env={"PYTHONPATH": os.pathsep.join(map(str, [code, *layers, runtime]))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_function_has_its_artefact_in_the_build_of_its_stack(built: Path) -> None:
    for stack, functions in STACKS.items():
        names = {f.logical_id for f in functions()}
        assert names <= {path.name for path in (built / stack).iterdir()}
    assert (built / "template.yaml").is_file()


def test_a_function_ships_its_code_and_no_library(built: Path) -> None:
    for stack, functions in STACKS.items():
        shipped = built / stack / next(functions()).logical_id
        assert {p.name for p in shipped.iterdir()} <= {
            p.name for p in (ROOT / "functions").iterdir()
        }
        size = sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file())
        print(f"\n{stack}: {size / 1024:.0f} kB for each function")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_ships_bytecode_that_is_taken_as_it_is(built: Path, layer: str) -> None:
    root = built / layer / "python"
    sources = list(root.rglob("*.py"))
    compiled = [Path(importlib.util.cache_from_source(str(source))) for source in sources]
    there = [path for path in compiled if path.exists()]
    assert sources
    assert len(there) > 0.99 * len(sources), "a template of another library may not compile"
    assert {path.read_bytes()[4] for path in there} == {UNCHECKED_HASH}
    size = sum(path.stat().st_size for path in (built / layer).rglob("*") if path.is_file())
    print(f"\n{layer}: {size / 2**20:.1f} MiB unpacked, {len(sources)} modules")
    assert size < LAYERS[layer] * 2**20


@pytest.mark.parametrize("stack", STACKS)
def test_handlers_are_importable_from_what_was_built(
    built: Path, as_lambda: Lambda, stack: str
) -> None:
    modules = [f.handler.rpartition(".")[0] for f in STACKS[stack]()]
    script = (
        f"from importlib import import_module; found = [import_module(m) for m in {modules!r}]\n"
        "import shared; print(sum(callable(m.handler) for m in found), shared.__file__)"
    )
    count, origin = as_lambda(stack, script).split()
    assert int(count) == len(modules)
    assert Path(origin).is_relative_to(built / "Shared"), "the layer, not this checkout"


def test_every_adapter_is_importable_from_the_layers(built: Path, as_lambda: Lambda) -> None:
    """Adapters are imported when first asked for: what a layer lacks would show up there."""
    root = built / "Shared" / "python"
    names = [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in root.rglob("*.py")
    ]
    modules = [name for name in names if not name.startswith(ONLY_ON_ONE_MACHINE)]
    assert {"shared.adapters.step_functions", "shared.adapters.postgres.unit_of_work"} < {*modules}
    script = (
        f"from importlib import import_module; print(len([import_module(m) for m in {modules!r}]))"
    )
    assert int(as_lambda("Api", script)) == len(modules)


def test_an_endpoint_answers_from_what_was_built(as_lambda: Lambda) -> None:
    """With the framework and Mangum of the layer, below the import root of Lambda."""
    event = json.loads((ROOT / "events" / "api" / "health" / "get.json").read_text())
    script = (
        "from api.health.get import handler\n"
        "from shared.adapters.local_lambda import LocalContext\n"
        f"print(handler({event!r}, LocalContext('health'))['statusCode'])"
    )
    assert as_lambda("Api", script).split()[-1] == "200"
