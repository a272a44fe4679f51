"""Asks Railpack how to build a source, on machines that have its binary."""

import os
import shutil
import time
from pathlib import Path
from typing import Final

from infra.agent.build.spec import BuildSecrets
from infra.agent.job import Job
from infra.agent.process import Program, TimedOut, collect
from shared.domain.detection.plan import BuildSettings, Plan
from shared.domain.detection.railpack import EXIT_TRANSIENT, prepare_argv, read_plan
from shared.domain.errors import NothingDetected

_SECONDS: Final = 120.0
_TRIES: Final = 2


def railpack_plan(
    context: Path, folder: Path, settings: BuildSettings, given: BuildSecrets, job: Job
) -> tuple[Plan, Path] | None:
    """Railpack's plan and the file that holds it; None where it is absent or finds nothing."""
    binary = shutil.which("railpack")
    if binary is None:
        return None
    plan_file, info_file = folder / "railpack-plan.json", folder / "railpack-info.json"
    argv = prepare_argv(binary, str(context), str(plan_file), str(info_file), settings, given.plain)
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
    env = {**given.plain, **env}
    code = EXIT_TRANSIENT
    for _ in range(_TRIES):
        try:
            program = Program(argv, env=env, cwd=folder, deadline=time.monotonic() + _SECONDS)
            code, _, err = collect(program, job)
        except TimedOut:
            code, err = 1, "it took too long"
        if code != EXIT_TRANSIENT:
            break
    info = info_file.read_text() if info_file.exists() else ""
    try:
        if code == 0 and plan_file.exists():
            return read_plan(info, plan_file.read_text(), settings), plan_file
        read_plan(info, None, settings)
    except NothingDetected as error:
        job.log(f"{error.reason}: looking ourselves.")
    else:
        job.log(f"Railpack ended with exit code {code} ({err.strip()[-200:]}): looking ourselves.")
    return None
