"""What the layers hold is what constraints.txt says, whole, and what the functions ask for."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from infra.generate import layers
from infra.generate.functions import (
    consumers,
    edge,
    listeners,
    operations,
    schedules,
    served,
    tasks,
)

ROOT = Path(__file__).parents[2]
ALONGSIDE = {"database": "core", "crypto": "core", "git": "crypto", "migrations": "database"}
"""Who has the first has the second too: core, or web which holds the same."""
THIRD_PARTY = [layer for layer in layers.LAYERS if layer != "shared"]


def functions():  # type: ignore[no-untyped-def]
    return [*edge(), *served(), *tasks(), *consumers(), *listeners(), *schedules(), *operations()]


def pinned(path: Path) -> dict[str, str]:
    lines = [line.partition("==") for line in path.read_text().split("\n") if "==" in line]
    return {canonical(name): version for name, _, version in lines}


def canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name.lower())


def beside(layer: str) -> set[str]:
    """What is always there together with a layer, itself included."""
    found = {layer}
    while layer in ALONGSIDE:
        layer = ALONGSIDE[layer]
        found.add(layer)
    return {name for each in found for name in layers.distributions(each)}


@pytest.mark.parametrize("layer", THIRD_PARTY)
def test_a_layer_has_the_versions_that_are_tested(layer: str) -> None:
    known = pinned(ROOT / "constraints.txt")
    built = layers.distributions(layer)
    assert built == {name: known[name] for name in built}


@pytest.mark.parametrize("layer", THIRD_PARTY)
def test_a_layer_lacks_nothing_that_its_packages_require(layer: str) -> None:
    """pip installs them without looking: each package is in one list and nowhere twice."""
    for name in layers.distributions(layer):
        wanted = (Requirement(text) for text in requires(name) or [])
        needed = {
            canonical(r.name) for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})
        }
        assert needed <= beside(layer), name


def test_who_has_a_layer_has_what_it_builds_upon() -> None:
    for function in functions():
        given = layers.of_function(function)
        assert ("core" in given) != ("web" in given), function.name
        assert "git" not in given or "crypto" in given, function.name
        assert "migrations" not in given or "database" in given, function.name


def test_web_holds_what_core_holds() -> None:
    assert layers.distributions("core").items() <= layers.distributions("web").items()


def test_no_function_has_more_layers_than_lambda_takes() -> None:
    assert max(len(layers.of_function(function)) for function in functions()) <= layers.MOST


def test_a_function_carries_no_layer_that_it_does_not_import() -> None:
    by_kind: dict[str, set[str]] = {}
    for function in functions():
        kind = function.handler.partition(".")[0]
        by_kind.setdefault(kind, set()).update(layers.of_function(function))
    assert by_kind["edge"] == {"core", "crypto", "shared"}
    assert by_kind["webhooks"] == {"core", "database", "crypto", "shared"}
    with_git = {f.name for f in tasks() if "git" in layers.of_function(f)}
    assert with_git == {"deploy.post_status"}
    assert all("web" not in layers.of_function(f) for f in [*tasks(), *schedules(), *consumers()])


def test_nothing_that_reaches_lambda_imports_the_engines_of_one_machine() -> None:
    reached = set().union(*(layers.packages(function) for function in functions()))
    assert not reached & {"docker", "dbos", "jsonata", "yaml", "pymysql", "boto3"}
    assert {"fastapi", "sqlalchemy", "psycopg", "github", "gitlab", "cryptography"} <= reached


def test_each_stack_is_given_the_layers_that_it_asks_for() -> None:
    """CloudFormation refuses a parameter that a nested stack does not know, and one it lacks."""
    text = (ROOT / "template.yaml").read_text()
    resources = yaml.load(text, Loader=_Short)["Resources"]
    layered = {layers.parameter(layer) for layer in layers.LAYERS}
    assert layered == {name for name in resources if name.endswith("Layer")}
    for stack in (r for r in resources.values() if r["Type"] == "AWS::Serverless::Application"):
        nested = yaml.load((ROOT / stack["Properties"]["Location"]).read_text(), Loader=_Short)
        given = layered & stack["Properties"]["Parameters"].keys()
        assert given == layered & nested["Parameters"].keys(), stack["Properties"]["Location"]


class _Short(yaml.SafeLoader):
    """Takes `!Ref` and the like for what stands behind them."""


_Short.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node)
    ),
)
