"""The templates are valid, build, and what is built can be imported as Lambda would."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.aws import sizes
from infra.generate import layers
from infra.generate.functions import (
    Function,
    consumers,
    edge,
    listeners,
    operations,
    schedules,
    served,
    tasks,
)
from tests.sam.command import ROOT, sam

TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra" / "stacks").glob("*.yaml"))]
STACKS = {
    "Api": lambda: [*served(), *edge()],
    "Workflows": tasks,
    "Schedules": schedules,
    "Consumers": lambda: [*consumers(), *listeners()],
    "Operations": operations,
}
MOST_MIB = {
    "core": 25,
    "web": 30,
    "database": 50,
    "crypto": 25,
    "git": 25,
    "migrations": 5,
    "shared": 8,
}
"""The most a layer may weigh unpacked; AWS allows 250 for a function with its layers."""
UNCHECKED_HASH = 0b01
"""PEP 552: valid whatever the source's time is, and nothing is compared at start."""
BROUGHT_BY_LAMBDA = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
ONLY_ON_ONE_MACHINE = ("shared.adapters.asl", "shared.adapters.dbos")
"""The workflow engine that Step Functions replaces."""

Lambda = Callable[[str, Function, str], str]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_valid_without_a_warning(template: Path) -> None:
    said = sam("validate", "--lint", "--template", str(template))
    assert "is a valid SAM Template" in said
    assert not [line for line in said.splitlines() if line.startswith(("W", "E"))]


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

    def run(stack: str, function: Function, script: str) -> str:
        code = built / stack / function.logical_id
        beside = [_folder(built, layer) / "python" for layer in layers.of_function(function)]
        done = subprocess.run(
            [sys.executable, "-S", "-P", "-c", script],
            cwd=runtime,
            env={"PYTHONPATH": os.pathsep.join(map(str, [code, *beside, runtime]))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{function.name}: {done.stderr}"
        return done.stdout

    return run


def _folder(built: Path, layer: str) -> Path:
    return built / layers.parameter(layer)


def test_every_function_has_its_artefact_in_the_build_of_its_stack(built: Path) -> None:
    for stack, functions in STACKS.items():
        names = {f.logical_id for f in functions()}
        assert names <= {path.name for path in (built / stack).iterdir()}
    assert (built / "template.yaml").is_file()


def test_a_function_ships_its_code_and_no_library(built: Path) -> None:
    for stack, functions in STACKS.items():
        shipped = built / stack / next(iter(functions())).logical_id
        assert {p.name for p in shipped.iterdir()} <= {
            p.name for p in (ROOT / "functions").iterdir()
        }
        size = sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file())
        print(f"\n{stack}: {size / 1024:.0f} kB for each function")


@pytest.mark.parametrize("layer", layers.LAYERS)
def test_a_layer_ships_bytecode_that_is_taken_as_it_is(built: Path, layer: str) -> None:
    root = _folder(built, layer) / "python"
    sources = list(root.rglob("*.py"))
    compiled = [Path(importlib.util.cache_from_source(str(source))) for source in sources]
    there = [path for path in compiled if path.exists()]
    assert sources
    assert len(there) > 0.99 * len(sources), "a template of another library may not compile"
    assert {path.read_bytes()[4] for path in there} == {UNCHECKED_HASH}


def test_layers_and_functions_stay_below_their_limits(built: Path) -> None:
    build = sizes.of_build(built)
    print("", *build.shown(), sep="\n")
    assert build.layers.keys() == {layers.parameter(layer) for layer in layers.LAYERS}
    for layer, most in MOST_MIB.items():
        assert build.layers[layers.parameter(layer)] < most * 2**20, layer
    assert len(build.functions) == sum(len(list(functions())) for functions in STACKS.values())
    assert build.largest() < sizes.LIMIT / 2


def test_the_split_saves_what_it_is_for(built: Path) -> None:
    """Against one layer for all."""
    build = sizes.of_build(built)
    apart = ("CoreLayer", "MigrationsLayer")
    whole = sum(size for name, size in build.layers.items() if name not in apart)
    authorizer, hook, task = (
        min(function.size for function in build.functions if function.kind == kind)
        for kind in ("edge", "webhooks", "tasks")
    )
    assert authorizer < whole / 2
    assert max(hook, task) < 0.9 * whole


def test_no_layer_holds_what_lambda_or_the_agent_has(built: Path) -> None:
    there = {path.name for layer in layers.LAYERS for path in _folder(built, layer).glob("*/*")}
    assert {"pydantic", "sqlalchemy", "github", "shared"} <= there
    assert not there & {"boto3", "botocore", "docker", "dbos", "pymysql", "jsonata"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_function_has_all_that_it_can_import(built: Path, as_lambda: Lambda, stack: str) -> None:
    """From its own layers, with the adapters and packages that it imports when it needs them.

    Functions with the same layers share a process: one that lacked something would find it in
    no layer of another.
    """
    alike: dict[tuple[str, ...], list[Function]] = {}
    for function in STACKS[stack]():
        alike.setdefault(tuple(layers.of_function(function)), []).append(function)
    for functions in alike.values():
        handlers = [f.handler.removesuffix(".handler") for f in functions]
        reached = set().union(*(layers.modules(f) | layers.packages(f) for f in functions))
        names = sorted(name for name in reached if name.partition(".")[0] != "functions")
        script = (
            "from importlib import import_module\n"
            f"found = [import_module(m) for m in {handlers!r}]\n"
            f"others = [import_module(m) for m in {names!r}]\n"
            "import shared\n"
            "print(sum(callable(m.handler) for m in found), len(others), shared.__file__)"
        )
        callables, others, origin = as_lambda(stack, functions[0], script).split()
        assert (int(callables), int(others)) == (len(handlers), len(names))
        assert Path(origin).is_relative_to(_folder(built, "shared")), "not this checkout"


def test_a_function_without_its_layer_is_noticed(built: Path, as_lambda: Lambda) -> None:
    """The check above can fail: the authorizer has no SQLAlchemy."""
    [authorizer] = edge()
    script = "from importlib.util import find_spec; print(find_spec('sqlalchemy'))"
    assert as_lambda("Api", authorizer, script).strip() == "None"


def test_an_endpoint_answers_from_what_was_built(as_lambda: Lambda) -> None:
    """With the framework and Mangum of the layer, below the import root of Lambda."""
    event = json.loads((ROOT / "events" / "api" / "health" / "get.json").read_text())
    script = (
        "from api.health.get import handler\n"
        "from shared.adapters.local_lambda import LocalContext\n"
        f"print(handler({event!r}, LocalContext('health'))['statusCode'])"
    )
    [health] = [f for f in served() if f.name == "api.health.get"]
    assert as_lambda("Api", health, script).split()[-1] == "200"
