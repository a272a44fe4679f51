"""`python -m infra.aws.sizes [FOLDER]`: what was built, in MiB unpacked, by layer and class."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

BUILT: Final = Path(".aws-sam") / "build"
LIMIT: Final = 250 * 2**20
"""What AWS takes of a function and its layers, unpacked."""
_FUNCTION: Final = "AWS::Serverless::Function"


@dataclass(frozen=True, slots=True)
class Function:
    """`kind` is the first part of its handler; `size` are the bytes of its code and layers."""

    kind: str
    layers: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Build:
    """`layers` are the bytes of each, by its resource."""

    layers: dict[str, int]
    functions: list[Function]

    def largest(self) -> int:
        return max(function.size for function in self.functions)

    def shown(self) -> Iterator[str]:
        """A table of the layers, then one of the functions of each class."""
        for name, size in self.layers.items():
            yield f"{name:16} {size / 2**20:6.1f} MiB"
        counted: dict[Function, int] = {}
        for function in self.functions:
            counted[function] = counted.get(function, 0) + 1
        for function, count in sorted(counted.items(), key=lambda item: item[0].kind):
            names = " ".join(name.removesuffix("Layer").lower() for name in function.layers)
            weight = f"{function.size / 2**20:6.1f} MiB of {LIMIT >> 20}"
            yield f"{function.kind:12} {count:3} {weight}   {names}"


def of_build(folder: Path) -> Build:
    """Of what `sam build` left in `folder`."""
    root = _resources(folder / "template.yaml")
    layers = {
        name: _size(folder / name)
        for name, resource in root.items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    }
    functions: list[Function] = []
    for template in [folder / "template.yaml", *sorted(folder.glob("*/template.yaml"))]:
        functions += _functions(template, layers)
    return Build(layers, functions)


def _functions(template: Path, layers: dict[str, int]) -> Iterator[Function]:
    for resource in _resources(template).values():
        if resource["Type"] == _FUNCTION:
            given = resource["Properties"]
            kind = given["Handler"].partition(".")[0]
            used = tuple(layer["Ref"] for layer in given.get("Layers", []))
            code = _size(template.parent / given["CodeUri"])
            yield Function(kind, used, code + sum(layers[layer] for layer in used))


def _resources(template: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(template.read_text())["Resources"]
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILT
    build = of_build(folder)
    print("\n".join(build.shown()))
    if build.largest() > LIMIT:
        print(f"a function with its layers is larger than {LIMIT >> 20} MiB: AWS refuses it")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
