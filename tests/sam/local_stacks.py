"""What `sam build` made, as templates that `sam local` can run.

SAM CLI does not follow a layer that a nested stack gets from its parent by parameter ("WebLayer is
an Invalid Layer Arn"). So each nested stack is written once more, with the layers as resources of
its own that lie where the build put them. Functions, code, layers and environment stay the build's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.generate.events import path_of

LAYER, STACK = "AWS::Serverless::LayerVersion", "AWS::Serverless::Application"
FUNCTION = "AWS::Serverless::Function"
LOCAL_ONLY = (
    "AWS_ENDPOINT_URL",
    "C2D_ALLOW_PRIVATE_GIT",
    "C2D_COMPUTE_SECONDS",
    "C2D_GITHUB_URL",
    "C2D_GITHUB_CLIENT_ID",
    "C2D_GITHUB_CLIENT_SECRET",
)
"""Variables that AWS needs none of: `--env-vars` sets only what a template declares."""


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function of what was built: `name` as in `api.projects.create`."""

    template: Path
    logical_id: str
    name: str

    @property
    def event(self) -> Path:
        return path_of(self.name)


def write_local_stacks(built: Path) -> list[LocalFunction]:
    """Write `local.yaml` beside the template of each stack that has functions; all of those."""
    whole = yaml.safe_load((built / "template.yaml").read_text())
    root, outer = whole["Resources"], whole["Parameters"]
    layers = {name: made for name, made in root.items() if made["Type"] == LAYER}
    found: list[LocalFunction] = []
    for stack, made in root.items():
        if made["Type"] == STACK:
            target = built / stack / "local.yaml"
            document = yaml.safe_load((built / stack / "template.yaml").read_text())
            functions = _functions(document, target)
            if functions:
                given = made["Properties"].get("Parameters", {})
                _own_layers(document, given, layers, built)
                _defaults(document, given, outer)
                _declare(document, LOCAL_ONLY)
                target.write_text(yaml.safe_dump(document, sort_keys=False))
            found += functions
    return found


def _own_layers(
    document: dict[str, Any], given: dict[str, Any], layers: dict[str, Any], built: Path
) -> None:
    parameters = document.get("Parameters", {})
    for name, value in given.items():
        layer = layers.get(value.get("Ref", "")) if isinstance(value, dict) else None
        if layer is not None:
            parameters.pop(name, None)
            content = str((built / layer["Properties"]["ContentUri"]).resolve())
            runtimes = layer["Properties"]["CompatibleRuntimes"]
            properties = {"ContentUri": content, "CompatibleRuntimes": runtimes}
            document["Resources"][name] = {"Type": LAYER, "Properties": properties}


def _defaults(document: dict[str, Any], given: dict[str, Any], outer: dict[str, Any]) -> None:
    """A parameter's default is what the outer stack hands over by default."""
    for name, parameter in document.get("Parameters", {}).items():
        value = given.get(name)
        passed = outer.get(value.get("Ref", ""), {}) if isinstance(value, dict) else {}
        if "Default" in passed:
            parameter["Default"] = passed["Default"]
        parameter.setdefault("Default", "local")


def _declare(document: dict[str, Any], names: Iterable[str]) -> None:
    shared = document["Globals"]["Function"]["Environment"]["Variables"]
    for name in names:
        shared.setdefault(name, "")


def _functions(document: dict[str, Any], template: Path) -> list[LocalFunction]:
    return [
        LocalFunction(template, name, made["Properties"]["Handler"].removesuffix(".handler"))
        for name, made in document["Resources"].items()
        if made["Type"] == FUNCTION
    ]
