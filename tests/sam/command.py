"""SAM CLI: where it is, and the environment it works in."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
ENVIRONMENT = {
    # with AWS keys `sam local` asks AWS who they belong to, and waits for the answer
    **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
    # layers are made with pip, which Debian's own python3.11 comes without
    "PATH": os.pathsep.join([str(SAM.parent), os.environ.get("PATH", os.defpath)]),
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def sam(*arguments: str) -> str:
    """What it printed; insists on success."""
    done = run(*arguments, seconds=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Raises subprocess.TimeoutExpired."""
    return subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
