"""What one deployment uses of AWS: transitions, milliseconds of functions, requests, messages."""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from infra.local.engine import docker_program
from tests.e2e.platform import docker
from tests.emulated.cloud import ROOT, Cloud
from tests.emulated.story import executions_of

FILE: Final = ROOT / "benchmarks" / "recorded" / "deployment.json"
A_DEPLOYMENTS: Final = ("ApiAgentJobs", "Webhooks", "Consumers", "Deploy", "Release", "Compensate")
"""Begin the functions that a push leads to; schedules run anyway, and the test itself looks on."""
_REPORT: Final = re.compile(r"REPORT RequestId: \S+\s+Duration: ([\d.]+) ms")


@dataclass(frozen=True)
class Recorder:
    """From `begun` on; `calls` is how many calls of AWS there were before."""

    cloud: Cloud
    begun: datetime
    calls: int

    @classmethod
    def start(cls, cloud: Cloud) -> Self:
        return cls(cloud, datetime.now(UTC), len(cloud.calls.calls))

    def recorded(self, deployment: str) -> dict[str, Any]:
        """What was used since the start; insists that the deployment's executions have ended."""
        executions = executions_of(self.cloud, deployment)
        assert {e["status"] for e in executions.values()} == {"SUCCEEDED"}, executions
        calls = [c for c in self._calls() if c["function"].startswith(A_DEPLOYMENTS)]
        made = Counter(c["function"] for c in calls)
        asked = {n: count for n, count in made.items() if n.startswith(("ApiAgent", "Webhooks"))}
        since = self.cloud.calls.calls[self.calls :]
        aws = [call for call in since if call.function.startswith(A_DEPLOYMENTS)]
        return {
            "transitions": {name: len(e["states"]) for name, e in sorted(executions.items())},
            "lambda": calls,
            "requests": dict(sorted(asked.items())),
            "queue_messages": sum(c.action == "sqs:SendMessage" for c in aws),
            "aws_calls": dict(sorted(Counter(c.action for c in aws).items())),
        }

    def _calls(self) -> list[dict[str, Any]]:
        """Every call of a function, as the runtime in its container reports it."""
        found: list[dict[str, Any]] = []
        for shown in json.loads(docker("inspect", *self.cloud.containers())):
            known = dict(pair.split("=", 1) for pair in shown["Config"]["Env"])
            found += [
                {
                    "function": known["AWS_SDK_UA_APP_ID"],
                    "ms": float(ms),
                    "memory_mb": int(known["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
                }
                for ms in _REPORT.findall(_log(shown["Id"], self.begun))
            ]
        return sorted(found, key=lambda call: (call["function"], call["ms"]))


def _log(container: str, since: datetime) -> str:
    argv = [docker_program(), "logs", "--since", since.isoformat(), container]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True
    )
    return done.stdout


def write(recorded: dict[str, Any], file: Path = FILE) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(recorded, indent=1) + "\n")
