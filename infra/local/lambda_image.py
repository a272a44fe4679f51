"""The build context of a stand-in for Lambda's Python base image.

Good for `sam local invoke`, which brings its own runtime interface emulator, and for emulators of
AWS that run the image as it is: then its entry point starts the emulator, which listens on 8080.
"""

import io
import tarfile
from pathlib import Path

from infra.local.errors import RefusedError

PROJECT = Path(__file__).resolve().parents[2]
EMULATOR = "aws-lambda-rie-x86_64"
# The search path is Lambda's: the function, the layers, then what the runtime brings along.
_DOCKERFILE = b"""
FROM python:3.11-slim-bookworm
COPY constraints.txt /tmp/constraints.txt
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check \\
      --root-user-action=ignore --only-binary :all: --constraint /tmp/constraints.txt \\
      --target /var/runtime awslambdaric==4.2.2 boto3
COPY aws-lambda-rie /usr/local/bin/aws-lambda-rie
COPY lambda-entrypoint.sh /lambda-entrypoint.sh
COPY bootstrap /var/runtime/bootstrap
ENV LANG=C.UTF-8 TZ=:/etc/localtime LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime \\
    PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin \\
    LD_LIBRARY_PATH=/usr/local/lib:/var/runtime:/var/task:/opt/lib
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""
_ENTRY_POINT = b"""#!/bin/sh
if [ $# -ne 1 ]; then
  echo "the only argument is the handler's name" >&2
  exit 142
fi
export _HANDLER="$1"
if [ -n "$AWS_LAMBDA_RUNTIME_API" ]; then
  exec /var/runtime/bootstrap
fi
exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
"""
_BOOTSTRAP = b"""#!/bin/sh
packages=/opt/python/lib/python3.11/site-packages:/opt/python
export PYTHONPATH="$LAMBDA_TASK_ROOT:$packages:/var/runtime${PYTHONPATH:+:$PYTHONPATH}"
exec python3 -m awslambdaric "$_HANDLER"
"""


def emulator(project: Path = PROJECT) -> Path:
    """The runtime interface emulator that SAM CLI carries. Raises RefusedError without SAM CLI."""
    pattern = f".venv-sam/lib/python3*/site-packages/samcli/local/rapid/{EMULATOR}"
    found = next(iter(sorted(project.glob(pattern))), None)
    if found is None:
        raise RefusedError("Lambda's emulator comes with SAM CLI; run `make .venv-sam/.installed`.")
    return found


def context(project: Path = PROJECT) -> bytes:
    """A tar archive for `docker build -`; builds on `python:3.11-slim-bookworm`."""
    files = {
        "Dockerfile": _DOCKERFILE,
        "constraints.txt": (project / "constraints.txt").read_bytes(),
        "aws-lambda-rie": emulator(project).read_bytes(),
        "lambda-entrypoint.sh": _ENTRY_POINT,
        "bootstrap": _BOOTSTRAP,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
