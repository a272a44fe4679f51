"""`sam build` and `sam deploy`, as one would against AWS."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.emulated.cloud import ENVIRONMENT, REGION, ROOT, Cloud

SAM = ROOT / ".venv-sam" / "bin" / "sam"
BUCKET = "artifacts"
CACHE = ROOT / ".aws-sam" / "emulated-cache"


def sam(*arguments: str, endpoint: str | None = None) -> str:
    """What it said. Fails with that when it fails."""
    environment = {
        **ENVIRONMENT,
        "PATH": os.pathsep.join([str(SAM.parent), os.environ.get("PATH", os.defpath)]),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
    }
    done = subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT, env=environment, timeout=600, check=False, capture_output=True, text=True,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).splitlines()
    said = "\n".join(line for line in lines if line.strip() and "skipping upload" not in line)
    assert done.returncode == 0, said[-8000:]
    return said


def build(folder: Path) -> Path:
    """The template that was built."""
    target = folder / "built"
    cache = ["--cached", "--cache-dir", str(CACHE)]
    sam("build", "--parallel", *cache, "--build-dir", str(target))
    return target / "template.yaml"


def deploy(cloud: Cloud, template: Path, parameters: Mapping[str, str]) -> str:
    """Create the stack; the name it got."""
    name = "click-to-deploy-local"
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    given = [f"{key}={value}" for key, value in parameters.items()]
    sam(
        "deploy", "--template-file", str(template), "--stack-name", name, "--s3-bucket", BUCKET,
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
        "--no-progressbar", "--region", REGION, "--parameter-overrides", *given,
        endpoint=cloud.url,
    )  # fmt: skip
    return name
