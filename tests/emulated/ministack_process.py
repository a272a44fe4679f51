"""MiniStack with four gaps of its own closed; `tests/emulated/README.md` lists all bridges.

1. AWS transforms every SAM template; MiniStack transforms the outer stack's only.
2. AWS resolves `{{resolve:…}}` in every stack; MiniStack in the outer stack only.
3. AWS takes definitions of state machines in YAML; MiniStack in JSON only.
4. Layers reach a container as one mounted folder: copying them costs seconds for every function.
"""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker.types
import yaml
from ministack import app
from ministack.services import lambda_svc
from ministack.services.cloudformation import engine, provisioners

MERGED = Path(os.environ["MERGED_LAYERS"])
_parse = engine._parse_template
_text_of = provisioners._sfn_definition
_layer_of = lambda_svc._resolve_layer_zip
_asked = threading.local()
_merging = threading.Lock()


def _parsed(text: str) -> dict[str, Any]:
    transformed: dict[str, Any] = engine._apply_transforms(_parse(text))
    return transformed


def _definition(properties: dict[str, Any]) -> str:
    return json.dumps(yaml.safe_load(_text_of(properties)))


def _resolving(inner: Callable[..., Any], places: tuple[int, ...]) -> Callable[..., Any]:
    """`inner` with the dynamic references resolved in these positional arguments."""

    def call(*given: Any, **more: Any) -> Any:
        resolved = [
            engine._resolve_dynamic_references(value)[0] if place in places else value
            for place, value in enumerate(given)
        ]
        return inner(*resolved, **more)

    return call


def _note_layer(reference: Any) -> None:
    """Remember the layer for `_mounted`; with nothing to copy, nothing is copied."""
    blob = _layer_of(reference)
    if blob:
        _asked.__dict__.setdefault("blobs", []).append(blob)


def _mounted(_flags: str) -> dict[str, Any]:
    """What the container that is being made gets besides: its layers, merged in their order."""
    blobs: list[bytes] = _asked.__dict__.pop("blobs", [])
    mount = docker.types.Mount("/opt", str(_merged(blobs)), type="bind", read_only=True)
    return {"mounts": [mount]} if blobs else {}


def _merged(blobs: list[bytes]) -> Path:
    names = [hashlib.sha256(blob).hexdigest() for blob in blobs]
    target = MERGED / hashlib.sha256("".join(names).encode()).hexdigest()
    with _merging:
        if not target.exists():
            part = target.with_suffix(".part")
            for blob in blobs:
                layer = lambda_svc._docker_extracted_dir(blob, "layer")
                shutil.copytree(layer, part, copy_function=_link, dirs_exist_ok=True)
            part.replace(target)
    return target


def _link(source: str, target: str) -> None:
    """Of what several layers have, the last one's is seen."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target)


# Nested stacks look these names up when they are deployed; the outer one has bound its own before.
engine._parse_template = _parsed
provisioners._provision_resource = _resolving(provisioners._provision_resource, (2,))
provisioners._update_resource = _resolving(provisioners._update_resource, (2, 3))
provisioners._sfn_definition = _definition
lambda_svc._resolve_layer_zip = _note_layer
lambda_svc._parse_docker_flags = _mounted
lambda_svc.LAMBDA_DOCKER_FLAGS = "layers"

if __name__ == "__main__":
    app.main()
