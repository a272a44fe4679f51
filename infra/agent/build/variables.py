"""Build variables and secrets as the files and arguments that BuildKit takes."""

import hashlib
import hmac
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.agent.build.spec import BuildSecrets
from shared.domain.detection.plan import (
    BUILD_ENV_DIGEST_ARG,
    BUILD_ENV_SECRET,
    CA_SECRET,
    Plan,
    Provider,
)


@dataclass(frozen=True, slots=True)
class BuildVariables:
    """`arguments` are plain values for the Dockerfile's ARGs, `files` secrets by mount id."""

    arguments: Mapping[str, str]
    files: Mapping[str, Path]
    warnings: tuple[str, ...] = ()


def prepare(
    given: BuildSecrets, plan: Plan, folder: Path, key: bytes, ca: Path | None = None
) -> BuildVariables:
    """Writes the secret files into the private `folder`.

    Generated Dockerfiles read everything from one file of shell lines; a user's Dockerfile can
    mount each variable under its own name as well, and gets the plain ones as arguments.
    """
    text = env_lines(given.variables)
    files = {BUILD_ENV_SECRET: _write(folder, "env", text)}
    if ca is not None:
        files[CA_SECRET] = ca
    arguments: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    if plan.provider is not Provider.OWN:
        for name, value in given.variables.items():
            files[name] = _write(folder, f"variable-{name}", value)
    if plan.provider is Provider.DOCKERFILE:
        arguments = {name: given.plain[name] for name in plan.build_args if name in given.plain}
        hidden = [name for name in plan.build_args if name in given.hidden]
        warnings = tuple(_not_an_argument(name) for name in hidden)
    if given.variables:
        arguments[BUILD_ENV_DIGEST_ARG] = digest(key, text)
    return BuildVariables(arguments, files, warnings)


def env_lines(variables: Mapping[str, str]) -> str:
    """Lines a POSIX shell reads back unchanged: `KEY='value'`."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())]
    return "".join(lines) or "\n"  # BuildKit does not mount an empty secret at all


def digest(key: bytes, text: str) -> str:
    """Changes when `text` does; keyed, so that it does not give short secrets away."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def machine_key(file: Path) -> bytes:
    """This agent's own random key, made on first use."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(opened, "wb") as out:
        out.write(secrets.token_bytes(32))
    return file.read_bytes()


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w") as file:
        file.write(text)
    return path


def _not_an_argument(name: str) -> str:
    return (
        f"{name} is a secret, so it is no build argument (those stay in the image's history): "
        f"mount it with RUN --mount=type=secret,id={name}"
    )
