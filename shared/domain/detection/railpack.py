"""The argument lists for Railpack and its BuildKit frontend, and what its info file says."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.detection.manifests import Table, strings, table, text_of
from shared.domain.detection.plan import BuildSettings, Plan, Provider
from shared.domain.errors import NothingDetected

FRONTEND_IMAGE: Final = "ghcr.io/railwayapp/railpack-frontend"
EXIT_TRANSIENT: Final = 75
"""`railpack prepare` ends with this when trying again may help; any other failure is final."""
DEFAULT_PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where `railpack prepare` left its files and what they are to be built with."""

    folder: str
    plan_path: str
    version: str
    cache_key: str
    secrets_digest: str
    variable_names: tuple[str, ...] = ()


def prepare_argv(
    binary: str,
    folder: str,
    plan_path: str,
    info_path: str,
    settings: BuildSettings,
    variable_names: Iterable[str] = (),
) -> list[str]:
    """Arguments of `railpack prepare`.

    Variables are named only: Railpack takes their values from its own environment, so that no
    value shows in a process list.
    """
    argv = [binary, "prepare", folder, "--plan-out", plan_path, "--info-out", info_path]
    argv += ["--error-missing-start"]
    if settings.build_command:
        argv += ["--build-cmd", settings.build_command]
    if settings.start_command:
        argv += ["--start-cmd", settings.start_command]
    for name in sorted(variable_names):
        argv += ["--env", name]
    return argv


def buildx_argv(prepared: Prepared, tag: str, docker: str = "docker") -> list[str]:
    """Arguments of `docker buildx build` with Railpack's frontend; secrets come by environment."""
    argv = [docker, "buildx", "build", "--tag", tag]
    argv += ["--build-arg", f"BUILDKIT_SYNTAX={FRONTEND_IMAGE}:v{prepared.version}"]
    argv += ["--build-arg", f"cache-key={prepared.cache_key}"]
    argv += ["--build-arg", f"secrets-hash={prepared.secrets_digest}"]
    return argv + _secrets(prepared) + ["--file", prepared.plan_path, prepared.folder]


def buildctl_argv(prepared: Prepared, output: str, buildctl: str = "buildctl") -> list[str]:
    """Arguments of `buildctl build` with Railpack's frontend; `output` as buildctl takes it."""
    plan_folder, _, plan_name = prepared.plan_path.rpartition("/")
    argv = [buildctl, "build", "--frontend", "gateway.v0"]
    argv += ["--opt", f"source={FRONTEND_IMAGE}:v{prepared.version}"]
    argv += ["--local", f"context={prepared.folder}", "--local", f"dockerfile={plan_folder or '.'}"]
    argv += ["--opt", f"filename={plan_name}"]
    argv += ["--opt", f"build-arg:cache-key={prepared.cache_key}"]
    argv += ["--opt", f"build-arg:secrets-hash={prepared.secrets_digest}"]
    return [*argv, *_secrets(prepared), "--output", output]


def read_plan(info_json: str, plan_json: str | None, settings: BuildSettings) -> Plan:
    """The plan behind Railpack's two files.

    Raises NothingDetected with Railpack's own messages when it could not prepare a plan.
    """
    info = _parse(info_json)
    if not info.get("success"):
        raise NothingDetected(f"Railpack found no way to build this: {_errors(info)}")
    document = _parse(plan_json) if plan_json else table(info, "plan")
    steps = document.get("steps")
    names = [str(step.get("name")) for step in steps or [] if isinstance(step, dict)]
    providers = strings(info.get("detectedProviders"))
    packages = table(info, "resolvedPackages")
    evidence = [f"Railpack detected {', '.join(providers) or 'the project'}"]
    evidence += [
        f"{name} {version}"
        for name in sorted(packages)
        if (version := text_of(packages, name, "resolvedVersion"))
    ]
    evidence.append(f"its plan has the steps {', '.join(names)}")
    return Plan(
        provider=Provider.RAILPACK,
        language=(providers or ["unknown"])[0],
        port=settings.port or DEFAULT_PORT,
        start_command=settings.start_command or text_of(document, "deploy", "startCommand"),
        build_command=settings.build_command,
        evidence=tuple(evidence),
    )


def _secrets(prepared: Prepared) -> list[str]:
    return [
        argument
        for name in sorted(prepared.variable_names)
        for argument in ("--secret", f"id={name},env={name}")
    ]


def _parse(text: str) -> Table:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _errors(info: Table) -> str:
    logs = info.get("logs")
    entries = [log for log in logs or [] if isinstance(log, dict)]
    messages = [text_of(log, "Msg") for log in entries if log.get("Level") == "error"]
    said = "; ".join(message for message in messages if message)
    return said or "it gave no reason; run `railpack prepare` on the source to see why"
