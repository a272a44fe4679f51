"""The stages in samconfig.toml, and what a template says of itself."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.aws.errors import RefusedError

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = ROOT / "samconfig.toml"
TEMPLATE: Final = ROOT / "template.yaml"
_NO_STAGES: Final = frozenset({"version", "default"})
_PAIR: Final = re.compile(r"""(\w+)=("[^"]*"|'[^']*'|\S*)""")


@dataclass(frozen=True, slots=True)
class Environment:
    """One stage: where its stack is and which parameters it has. `region` None: the account's own
    configuration says."""

    stage: str
    stack: str
    region: str | None
    parameters: Mapping[str, str]
    config: Path = CONFIG

    @property
    def prefix(self) -> str:
        """Begins the names of the stack's functions."""
        return f"click-to-deploy-{self.parameters.get('Stage', self.stage)}"

    def function(self, operation: str) -> str:
        return f"{self.prefix}-{operation}"


def read(stage: str, given: Mapping[str, str], config: Path = CONFIG) -> Environment:
    """The stage, with parameters `given` on the command line before those of the file.

    Raises RefusedError for a stage that the file does not have.
    """
    document = tomllib.loads(config.read_text())
    stages = sorted(document.keys() - _NO_STAGES)
    if stage not in stages:
        raise RefusedError(f"{config.name} has no stage {stage!r}, only {', '.join(stages)}.")
    found = {**_parameters(document, "default"), **_parameters(document, stage)}
    region = found.get("region")
    return Environment(
        stage,
        str(found.get("stack_name", f"click-to-deploy-{stage}")),
        str(region) if region else None,
        {"Stage": stage, **_overrides(found.get("parameter_overrides", "")), **given},
        config,
    )


def missing(environment: Environment, template: Path = TEMPLATE) -> list[str]:
    """Parameters that the template has no default for and nobody has given."""
    declared = parsed(template.read_text()).get("Parameters", {})
    return [
        name
        for name, parameter in declared.items()
        if "Default" not in parameter and not environment.parameters.get(name)
    ]


def parsed(template: str) -> dict[str, Any]:
    """A template's document; CloudFormation's own tags are read as what they stand before."""
    return dict(yaml.load(template, _Loader) or {})  # noqa: S506 - a safe loader that knows tags


class _Loader(yaml.SafeLoader):
    pass


def _untagged(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _untagged)


def _parameters(document: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """What concerns deploying: of all commands, then of `deploy`."""
    commands = document.get(stage, {})
    return {
        **commands.get("global", {}).get("parameters", {}),
        **commands.get("deploy", {}).get("parameters", {}),
    }


def _overrides(text: str | list[str]) -> dict[str, str]:
    whole = text if isinstance(text, str) else " ".join(text)
    return {name: value.strip("\"'") for name, value in _PAIR.findall(whole)}
