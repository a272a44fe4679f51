"""The SAM CLI as a process with a deadline; what it prints is seen at once."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.aws.environments import ROOT, Environment
from infra.aws.errors import RefusedError

OWN: Final = ROOT / ".venv-sam" / "bin" / "sam"
BUILT: Final = ROOT / ".aws-sam" / "build"
BUILD_SECONDS: Final = 900.0
DEPLOY_SECONDS: Final = 3600.0
_GRACE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sam:
    program: Path = OWN

    def validate(self) -> None:
        self._run(BUILD_SECONDS, "validate", "--lint")

    def build(self) -> None:
        self._run(BUILD_SECONDS, "build", "--cached", "--parallel")

    def deploy(self, environment: Environment, *, execute: bool = True) -> None:
        """Create or update the stack and wait for it; without `execute` only the change set."""
        self._run(
            DEPLOY_SECONDS,
            "deploy",
            *("--config-file", str(environment.config.resolve())),
            *("--config-env", environment.stage, "--stack-name", environment.stack),
            *(("--region", environment.region) if environment.region else ()),
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--execute-changeset" if execute else "--no-execute-changeset",
            "--parameter-overrides",
            *(f"{name}={value}" for name, value in sorted(environment.parameters.items())),
        )

    def _run(self, seconds: float, *arguments: str) -> None:
        if not self.program.exists():
            raise RefusedError(f"{self.program} is missing: `make .venv-sam/.installed`.")
        process = subprocess.Popen(
            [str(self.program), *arguments],
            cwd=ROOT,
            env=_environment(self.program),
            start_new_session=True,  # what it starts ends with it
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise RefusedError(
                f"sam {arguments[0]} was not finished after {seconds:.0f} s and was stopped. "
                "What CloudFormation has begun it finishes by itself: look at the stack."
            ) from None
        finally:
            _end(process)
        if code:
            raise RefusedError(f"sam {arguments[0]} failed; its last lines say why.")


def _environment(program: Path) -> Mapping[str, str]:
    # layers are made with the python beside sam, which has pip
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_GRACE_SECONDS)
