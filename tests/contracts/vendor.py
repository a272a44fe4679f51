"""What vendors publish, fetched once and kept in a temporary folder: GitHub's API description."""

import fcntl
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CACHE = Path(tempfile.gettempdir()) / "c2d-contracts"
OPENAPI = "@octokit/openapi@23.0.2"
PRISM = "@stoplight/prism-cli@5.14.2"
_DESCRIPTION = "package/generated/api.github.com.json"
SECONDS = 240


@contextmanager
def _once(folder: Path) -> Iterator[bool]:
    """For the block, nobody else fills `folder`; True when it is to be filled."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not (folder / ".complete").exists()
        (folder / ".complete").touch()


def _npm(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        ["npm", *arguments], cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def prism() -> Path:
    """The program that holds calls and answers against an API description."""
    folder = CACHE / "prism"
    with _once(folder) as missing:
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _npm("install", "--silent", "--no-audit", "--no-fund", PRISM, cwd=folder)
    return folder / "node_modules/@stoplight/prism-cli/dist/index.js"


def github_description() -> dict[str, Any]:
    """The whole of GitHub's API and webhooks, as GitHub describes them."""
    folder = CACHE / "openapi"
    with _once(folder) as missing:
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            packed = folder / _npm("pack", "--silent", OPENAPI, cwd=folder).strip()
            with tarfile.open(packed) as archive:
                content = archive.extractfile(_DESCRIPTION)
                assert content is not None
                (folder / "github.json").write_bytes(content.read())
            packed.unlink()
    return dict(json.loads((folder / "github.json").read_bytes()))


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def operations(description: dict[str, Any]) -> set[tuple[str, str]]:
    """(method, shape of the path) of all that is described."""
    return {
        (method.upper(), shape(path))
        for path, item in description["paths"].items()
        for method in item
    }


def cut(description: dict[str, Any], wanted: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The description of these operations alone, with what they refer to."""
    by_shape = {shape(path): path for path in description["paths"]}
    paths: dict[str, Any] = {}
    for method, path in wanted:
        known = by_shape[shape(path)]
        item = description["paths"][known]
        kept = paths.setdefault(known, {k: v for k, v in item.items() if k == "parameters"})
        kept[method.lower()] = item[method.lower()]
    components: dict[str, dict[str, Any]] = {}
    collect(description, paths, components)
    head = {key: description[key] for key in ("openapi", "info")}
    return {**head, "paths": paths, "components": components}


def collect(whole: dict[str, Any], part: object, into: dict[str, dict[str, Any]]) -> None:
    """Every component that `part` refers to, and those that these refer to."""
    if isinstance(part, list):
        for each in part:
            collect(whole, each, into)
    elif isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            _, _, kind, name = reference.split("/")
            if name not in into.setdefault(kind, {}):
                into[kind][name] = whole["components"][kind][name]
                collect(whole, into[kind][name], into)
        for each in part.values():
            collect(whole, each, into)


def without_examples(part: Any) -> Any:
    """The same description without its examples, which nobody here reads."""
    if isinstance(part, list):
        return [without_examples(each) for each in part]
    if isinstance(part, dict):
        left = {k: v for k, v in part.items() if k not in {"example", "examples"} or k in _named(v)}
        return {key: without_examples(value) for key, value in left.items()}
    return part


def _named(value: object) -> set[str]:
    """A property may well be called `example`: then its value is a schema."""
    is_schema = isinstance(value, dict) and bool({"type", "$ref"} & value.keys())
    return {"example", "examples"} if is_schema else set()


def json_schema(part: Any) -> Any:
    """OpenAPI 3.0's schemas in JSON Schema's words: `nullable` is a type among others."""
    if isinstance(part, list):
        return [json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    said = {key: json_schema(value) for key, value in part.items() if key != "nullable"}
    if part.get("nullable") is True:
        return {"anyOf": [said, {"type": "null"}]}
    return said
