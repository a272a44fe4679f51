"""A stage on the emulator: the operations of this checkout, an API that answers, a database."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import patch

from infra.aws.__main__ import main
from infra.aws.schema import archive
from shared import VERSION
from tests.aws.conftest import ROOT, Aws

STACK = "click-to-deploy-staging"
LAYER = f"{STACK}-migrations"
SECONDS = 120
_IGNORED = shutil.ignore_patterns("__pycache__")
MIGRATION = """\
    \"\"\"{title}.\"\"\"

    from alembic import op

    revision = "{revision}"
    down_revision = "{previous}"
    branch_labels = None
    depends_on = None
    {oldest}


    def upgrade() -> None:
        op.execute("{statement}")


    def downgrade() -> None:
        raise NotImplementedError
"""


@dataclass(frozen=True)
class Ran:
    returncode: int
    stdout: str
    stderr: str


class Stage:
    """What `make deploy STAGE=staging` finds, and runs of the commands as they are run."""

    def __init__(self, aws: Aws, folder: Path, database: str) -> None:
        self.aws, self.folder, self.database = aws, folder, database
        self.versions = folder / "built" / "MigrationsLayer" / "python/infra/migrations/versions"
        shutil.copytree(ROOT / "infra/migrations", self.versions.parent, ignore=_IGNORED)
        (folder / "database").write_text(database)
        (folder / "fails").write_text("")
        self.sam = folder / "sam"
        source = (Path(__file__).parent / "stand_in_sam.py").read_text()
        self.sam.write_text(f"#!{sys.executable}\n{source}")
        self.sam.chmod(0o755)
        self.bucket = f"packages-{folder.name.strip('_').lower().replace('_', '-')}"
        aws.client("s3").create_bucket(
            Bucket=self.bucket,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        self.release()

    def release(self) -> None:
        """What `sam build` would have packaged now becomes what `sam deploy` deploys."""
        functions = self._put("functions", _functions())
        layer = self._put("layer", archive(self.folder / "built" / "MigrationsLayer"))
        (self.folder / "template.json").write_text(
            json.dumps(_template(functions, layer, self.database))
        )

    def add_migration(
        self, revision: str, previous: str, statement: str, oldest: str | None = None
    ) -> None:
        text = dedent(MIGRATION).format(
            title=f"Made for {revision}",
            revision=revision,
            previous=previous,
            statement=statement,
            oldest=f'oldest_release = "{oldest}"' if oldest else "",
        )
        (self.versions / f"{revision}_made.py").write_text(text)

    def run(self, command: str, *more: str, said: str = "") -> Ran:
        """The command in this process: starting a Python for each takes longer than it does."""
        out, err = io.StringIO(), io.StringIO()
        with (
            redirect_stdout(out),
            redirect_stderr(err),
            patch.dict(os.environ, self._environment(), clear=True),
            patch.object(sys, "stdin", io.StringIO(said)),
        ):
            code = main([command, "--stage", "staging", *more])
        return Ran(code, out.getvalue(), err.getvalue())

    def run_alone(self, command: str, *more: str) -> Ran:
        """The same as `make` does it."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.aws", command, "--stage", "staging", *more],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def _environment(self) -> dict[str, str]:
        return {**self.aws.environment, "STAND_IN_HOME": str(self.folder)}

    def deploy(self, url: str, *more: str, alone: bool = False) -> Ran:
        wanted = ("DatabaseSecret", "TokensSecret")
        given = [f"--parameter={name}=arn:aws:secretsmanager:x" for name in wanted]
        where = [f"--sam={self.sam}", f"--built={self.folder / 'built'}", f"--api-url={url}"]
        run = self.run_alone if alone else self.run
        return run("deploy", *given, *where, "--health-seconds=30", "--no-check", *more)

    def calls(self) -> list[dict[str, Any]]:
        """How sam was called since this was last asked."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def _put(self, name: str, content: bytes) -> dict[str, str]:
        key = f"{name}-{hash(content):x}.zip"
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return {"S3Bucket": self.bucket, "S3Key": key}


def _functions() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for base, folder in ((ROOT / "functions", "operations"), (ROOT, "shared")):
            for path in sorted((base / folder).rglob("*.py")):
                opened.write(path, path.relative_to(base))
    return made.getvalue()


def _template(functions: dict[str, str], layer: dict[str, str], database: str) -> dict[str, Any]:
    """The part of the stacks that these commands touch."""
    variables = {
        "DATABASE_URL": database,
        "C2D_WORKFLOWS": "step_functions",
        "C2D_QUEUES": "sqs",
        "PYDANTIC_DISABLE_PLUGINS": "1",
    }

    def function(name: str) -> dict[str, Any]:
        return {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"{STACK}-{name}",
                "Runtime": "python3.11",
                "Handler": f"operations.{name}.handler",
                "Code": functions,
                "Role": "arn:aws:iam::000000000000:role/operations",
                "Timeout": 60,
                "Layers": [{"Ref": "MigrationsLayer"}],
                "Environment": {"Variables": variables},
            },
        }

    return {
        "Resources": {
            "SecretsKey": {
                "Type": "AWS::KMS::Key",
                "DeletionPolicy": "Retain",
                "Properties": {"Description": "Secrets"},
            },
            "MigrationsLayer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"LayerName": LAYER, "Content": layer},
            },
            "Migrate": function("migrate"),
            "Standing": function("standing"),
        },
        "Outputs": {"ApiUrl": {"Value": "https://nobody.example"}},
    }


@contextmanager
def answering(version: str = VERSION, ready: int = 200) -> Iterator[str]:
    """The URL of an API whose health is as given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            checks = {"postgres": {"ok": ready == 200, "latency_ms": 1.0, "detail": "answers"}}
            at_ready = self.path.endswith("/ready")
            body = {"checks": checks} if at_ready else {"status": "ok", "version": version}
            self.send_response(ready if at_ready else 200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
