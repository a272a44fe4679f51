"""What `sam build` made, as templates that `sam local` can run.

SAM CLI does not follow a layer that a nested stack gets from its parent by parameter ("WebLayer is
an Invalid Layer Arn"). So each nested stack is written once more, with ARNs as the parameters'
defaults, of layers that are in SAM's own cache already: there they are links to what was built. An
ARN's version is made of the layer's content, so that SAM makes an image anew when that changes.

`local.yaml` is a whole stack, for `sam local start-api`. For `sam local invoke` each function has a
template without the others, which takes SAM half the time.
"""

import hashlib
import os
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


class Plain(yaml.SafeDumper):
    """Without anchors: SAM reads parameters and resources one by one."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function of what was built: `name` as in `api.projects.create`."""

    stack: Path
    logical_id: str
    name: str

    @property
    def template(self) -> Path:
        return self.stack / f"{self.logical_id}.local.yaml"

    @property
    def event(self) -> Path:
        return path_of(self.name)


def layer_cache(built: Path) -> Path:
    """For `--layer-cache-basedir`."""
    return built / "layers"


def write_local_stacks(built: Path) -> list[LocalFunction]:
    """Write `local.yaml` and each function's template beside the stack's; all functions."""
    whole = yaml.safe_load((built / "template.yaml").read_text())
    root, outer = whole["Resources"], whole["Parameters"]
    outer |= {
        name: {"Default": _cached(built, name, made["Properties"]["ContentUri"])}
        for name, made in root.items()
        if made["Type"] == LAYER
    }
    found: list[LocalFunction] = []
    for stack, made in root.items():
        if made["Type"] == STACK:
            folder = built / stack
            document = yaml.safe_load((folder / "template.yaml").read_text())
            functions = _functions(document, folder)
            if functions:
                _defaults(document, made["Properties"].get("Parameters", {}), outer)
                _declare(document, LOCAL_ONLY)
                _write(folder / "local.yaml", document)
                for function in functions:
                    _write(function.template, _alone(document, function.logical_id))
            found += functions
    return found


def _cached(built: Path, name: str, content: str) -> str:
    """The ARN of a layer that SAM takes for downloaded."""
    folder = (built / content).resolve()
    arn = f"arn:aws:lambda:us-east-1:000000000000:layer:{name}:{_version(folder)}"
    known = f"{name}-{arn.rpartition(':')[2]}-{hashlib.sha256(arn.encode()).hexdigest()[:10]}"
    link = layer_cache(built) / known
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to(folder)
    return arn


def _version(folder: Path) -> int:
    digest = hashlib.sha256()
    for base, folders, names in os.walk(folder):
        folders.sort()
        for file in (Path(base, name) for name in sorted(names)):
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")


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


def _alone(document: dict[str, Any], logical_id: str) -> dict[str, Any]:
    """The stack with one function; what leads to it is left out."""
    function = dict(document["Resources"][logical_id])
    left_out = {"Events", "Policies"}
    properties = {k: v for k, v in function["Properties"].items() if k not in left_out}
    resources = {logical_id: {**function, "Properties": properties}}
    return {k: v for k, v in document.items() if k != "Outputs"} | {"Resources": resources}


def _write(file: Path, document: dict[str, Any]) -> None:
    file.write_text(yaml.dump(document, Dumper=Plain, sort_keys=False))


def _functions(document: dict[str, Any], folder: Path) -> list[LocalFunction]:
    return [
        LocalFunction(folder, name, made["Properties"]["Handler"].removesuffix(".handler"))
        for name, made in document["Resources"].items()
        if made["Type"] == FUNCTION
    ]
