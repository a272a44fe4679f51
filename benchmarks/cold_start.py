"""`python -m benchmarks.cold_start`: CPU time of a function's import and first request.

As it is shipped: from the layers that `sam build` made, in a process that has nothing else, against
a PostgreSQL and an AWS on this machine. In turn with each measurement runs a floor, which imports
only what such a function cannot do without. The ratio is the median of the pairs' ratios.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml

from infra.generate.events import path_of
from tests.sam.bench import bench
from tests.sam.command import ROOT, run
from tests.sam.servers import Servers, on_loopback

CHILD: Final = Path(__file__).with_name("first_call.py")
BROUGHT_BY_LAMBDA: Final = (
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "six",
    "urllib3",
)
BUILT: Final = ROOT / ".aws-sam" / "cold-start"
SECONDS: Final = 120
_numbers = count(1)
"""Of scenes: each has a database and machines of its own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`floor` is what it uses: the database, AWS by boto3, or both. `aim` is the ratio's."""

    name: str
    function: str
    floor: str
    aim: float


KINDS: Final = (
    Kind("endpoint, reads", "api.deployments.get", "database", 1.35),
    Kind("endpoint, writes", "api.projects.create", "database", 1.35),
    Kind("endpoint, seals", "api.variables.create", "both", 1.35),
    Kind("endpoint, deploys", "api.deployments.create", "both", 1.35),
    Kind("endpoint, no database", "api.health.get", "aws", 1.15),
    Kind("agent asks for a job", "api.agent_jobs.claim", "database", 1.35),
    Kind("webhook", "webhooks.github", "both", 1.15),
    Kind("authorizer", "edge.authorizer", "aws", 1.15),
    Kind("consumer", "consumers.webhooks", "both", 1.15),
    Kind("task", "tasks.deploy.acquire_lease", "both", 1.15),
    Kind("task, no AWS", "tasks.compensate.give_up", "database", 1.15),
    Kind("schedule", "scheduled.previews", "database", 1.15),
    Kind("event", "events.executions", "both", 1.15),
    Kind("operation", "operations.standing", "database", 1.15),
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A function as it was built: `folders` are its code and its layers, in Lambda's order.

    `variables` are those of the template that refer to nothing; the rest is the scene's affair.
    """

    name: str
    folders: tuple[Path, ...]
    variables: dict[str, str]


@dataclass(slots=True)
class Row:
    """Milliseconds of CPU in each pair; `database` is that floor, of those that use AWS too."""

    kind: Kind
    imported: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    modules: int = 0

    @property
    def ratio(self) -> float:
        return self._to(self.floor)

    def shown(self) -> str:
        imported, total = median(self.imported), median(self.total)
        verdict = "reached" if self.ratio <= self.kind.aim else "missed"
        alone = f", to the database alone {self._to(self.database):.2f}" if self.database else ""
        return (
            f"{self.kind.name:22} {self.kind.function:28} import {imported:4.0f}  "
            f"first request {total - imported:4.0f}  sum {total:4.0f}   "
            f"floor {self.kind.floor:8} {median(self.floor):4.0f}   "
            f"{self.modules} modules   "
            f"ratio {self.ratio:.2f}, aim {self.kind.aim:.2f} {verdict}{alone}"
        )

    def _to(self, floor: list[float]) -> float:
        return median(ours / bare for ours, bare in zip(self.total, floor, strict=True))


def measure(found: Servers, function: Shipped, kind: Kind, runtime: Path, pairs: int) -> Row:
    """One warm-up of both, then `pairs` in turn; a scene of its own for each request."""
    row = Row(kind)
    for number in range(pairs + 1):
        with bench(found, next(_numbers), function.name) as scene:
            environment = {**function.variables, **scene.environment, **_lambda(runtime)}
            path = {"PYTHONPATH": os.pathsep.join(map(str, [*function.folders, runtime]))}
            ours = _said(environment | path, function.name, str(path_of(function.name)))
            bare = _said(environment | path, kind.floor)
            database = _said(environment | path, "database") if kind.floor == "both" else None
        refuse(function.name, ours["answer"])
        if number:
            row.imported.append(ours["imported"])
            row.total.append(ours["total"])
            row.floor.append(bare["total"])
            row.modules = ours["modules"]
            if database:
                row.database.append(database["total"])
    return row


def refuse(name: str, answer: dict[str, Any]) -> None:
    """A first request that failed measures nothing."""
    status = answer.get("statusCode", 200)
    authorized = answer.get("isAuthorized", True)
    if not 200 <= status < 400 or answer.get("batchItemFailures") or not authorized:
        raise SystemExit(f"{name} refused its sample: {answer}")


def _lambda(home: Path) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "C2D_HOME": str(home / "home"),
        "C2D_PLATFORM_ID": "local",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",  # /var/task can be read only
    }


def _said(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-S", "-P", str(CHILD), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{arguments[0]} failed:\n{done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


@contextmanager
def prepared() -> Iterator[tuple[Servers, Path]]:
    """The servers, and a folder with what Lambda's runtime has installed."""
    with tempfile.TemporaryDirectory(prefix="c2d-cold-", dir="/var/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)  # the database's user passes through
        runtime = folder / "runtime"
        runtime.mkdir()
        for name in BROUGHT_BY_LAMBDA:
            spec = importlib.util.find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            origin = Path(spec.origin)
            target = origin.parent if origin.name == "__init__.py" else origin
            (runtime / target.name).symlink_to(target)
        with on_loopback(folder) as found:
            yield found, runtime


def build() -> Iterator[Shipped]:
    """What this checkout ships."""
    folders = ("--build-dir", str(BUILT), "--cache-dir", f"{BUILT}-cache")
    done = run("build", "--cached", "--parallel", *folders, seconds=600)
    if done.returncode:
        raise SystemExit(f"`sam build` failed:\n{done.stdout}{done.stderr}")
    for template in BUILT.glob("*/template.yaml"):
        stack = yaml.safe_load(template.read_text())
        for made in stack["Resources"].values():
            if made["Type"] == "AWS::Serverless::Function":
                common = stack["Globals"]["Function"]["Environment"]["Variables"]
                yield _shipped(template.parent, made["Properties"], common)


def _shipped(stack: Path, given: dict[str, Any], common: dict[str, Any]) -> Shipped:
    variables = {**common, **given.get("Environment", {}).get("Variables", {})}
    plain = {name: value for name, value in variables.items() if isinstance(value, str) and value}
    layers = [BUILT / layer["Ref"] / "python" for layer in given["Layers"]]
    name = given["Handler"].removesuffix(".handler")
    return Shipped(name, (stack / given["CodeUri"], *layers), plain)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="counted pairs of each (7)")
    parser.add_argument("names", nargs="*", help="part of a function's name")
    given = parser.parse_args(arguments)
    functions = {function.name: function for function in build()}
    wanted = [k for k in KINDS if not given.names or any(n in k.function for n in given.names)]
    with prepared() as (found, runtime):
        for kind in wanted:
            row = measure(found, functions[kind.function], kind, runtime, given.pairs)
            print(row.shown(), flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}, CPU time in ms, medians of {given.pairs} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
