"""`python -m benchmarks.costs`: what the platform costs on AWS, from a recorded deployment.

`benchmarks/recorded/deployment.json` holds what one deployment was seen to use on the emulator:
state transitions, each function's milliseconds, requests, messages. Prices are list prices of
us-east-1 in US dollars, of November 2026, without any free tier:
https://aws.amazon.com/{lambda,api-gateway,step-functions,sqs,kms,cloudwatch,eventbridge,
secrets-manager,vpc,rds/aurora,rds/proxy}/pricing/
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from infra.generate.stacks import RATES

RECORDED: Final = Path(__file__).parent / "recorded" / "deployment.json"
HOURS: Final = 730
MINUTES: Final = HOURS * 60
MILLION: Final = 1_000_000
PRICES: Final = {
    "transition": 25 / MILLION,
    "GB-second": 0.0000166667,
    "invocation": 0.20 / MILLION,
    "API request": 1.00 / MILLION,
    "FIFO request": 0.50 / MILLION,
    "KMS request": 3.00 / MILLION,
    "scheduled start": 1.00 / MILLION,
    "trace": 5.00 / MILLION,
    "GB of logs": 0.50,
    "KMS key": 1.00,
    "secret": 0.40,
    "alarm": 0.10,
    "metric": 0.30,
    "ACU-hour": 0.12,
    "proxy ACU-hour": 0.015,
    "NAT hour": 0.045,
}
PROXY_LEAST_ACU: Final = 8
"""A proxy before Aurora Serverless v2 is charged for at least these, also while it pauses."""
SCHEDULE_MS: Final = 120
"""Assumed, not recorded: a run that finds nothing to do."""
MEMORY_MB: Final = 512
CLAIM: Final = "ApiAgentJobsClaim"
IDLE_REQUESTS_AN_HOUR: Final = 1_560
"""Of one host with both roles and nothing to do: docs/agent.md counts them."""
METRICS: Final = 25
SECRETS: Final = 3
ALARMS: Final = 5
LOG_KB_PER_INVOCATION: Final = 0.6
VOLUMES: Final = (10, 1_000, 100_000)


@dataclass(frozen=True)
class Used:
    """What one deployment used; `functions` are (milliseconds, memory in MB) of every call."""

    transitions: int
    functions: list[tuple[float, int]] = field(repr=False)
    requests: int
    messages: int
    kms_requests: int
    claim_ms: float

    @property
    def gb_seconds(self) -> float:
        return sum(ms / 1000 * mb / 1024 for ms, mb in self.functions)

    def costs(self) -> dict[str, float]:
        """Dollars by what they are for; a message is sent, received and deleted."""
        calls = len(self.functions)
        return {
            "state transitions": self.transitions * PRICES["transition"],
            "Lambda duration": self.gb_seconds * PRICES["GB-second"],
            "Lambda calls": calls * PRICES["invocation"],
            "API requests": self.requests * PRICES["API request"],
            "queue": 3 * self.messages * PRICES["FIFO request"],
            "KMS": self.kms_requests * PRICES["KMS request"],
            "traces": calls * PRICES["trace"],
            "logs": calls * LOG_KB_PER_INVOCATION / 1e6 * PRICES["GB of logs"],
        }


def read(path: Path = RECORDED) -> Used:
    recorded: dict[str, Any] = json.loads(path.read_text())
    return Used(
        transitions=sum(recorded["transitions"].values()),
        functions=[(call["ms"], call["memory_mb"]) for call in recorded["lambda"]],
        requests=sum(recorded["requests"].values()),
        messages=recorded["queue_messages"],
        kms_requests=sum(n for call, n in recorded["aws_calls"].items() if call.startswith("kms")),
        claim_ms=median(c["ms"] for c in recorded["lambda"] if c["function"] == CLAIM),
    )


def idle(claim_ms: float, agents: int = 1) -> dict[str, float]:
    """Dollars a month while nothing is deployed, the database apart."""
    runs = sum(MINUTES / _minutes(rate) for rate in RATES.values())
    asked = agents * IDLE_REQUESTS_AN_HOUR * HOURS
    seconds = (runs * SCHEDULE_MS + asked * claim_ms) / 1000
    return {
        "schedules' starts": runs * (PRICES["scheduled start"] + PRICES["invocation"]),
        "an agent's requests": asked * (PRICES["API request"] + PRICES["invocation"]),
        "Lambda duration of both": seconds * MEMORY_MB / 1024 * PRICES["GB-second"],
        "logs of both": (runs + asked) * LOG_KB_PER_INVOCATION / 1e6 * PRICES["GB of logs"],
        "KMS key": PRICES["KMS key"],
        "secrets": SECRETS * PRICES["secret"],
        "alarms and metrics": ALARMS * PRICES["alarm"] + METRICS * PRICES["metric"],
    }


def databases() -> dict[str, float]:
    """Dollars a month by how the database is had."""
    nat = PRICES["NAT hour"] * HOURS
    proxy = PROXY_LEAST_ACU * PRICES["proxy ACU-hour"] * HOURS
    acu = PRICES["ACU-hour"] * HOURS
    return {
        "an own PostgreSQL behind PgBouncer, reached without a VPC": 0.0,
        "Aurora that never scales below 0.5 ACU, proxy, one NAT gateway": 0.5 * acu + proxy + nat,
        "Aurora that never scales below 1 ACU, proxy, two NAT gateways": acu + proxy + 2 * nat,
    }


def _minutes(rate: str) -> float:
    number, unit = rate.removeprefix("rate(").removesuffix(")").split()
    return float(number) * (60 if unit.startswith("hour") else 1)


def _table(rows: dict[str, float], digits: int) -> None:
    for name, dollars in rows.items():
        print(f"| {name} | {dollars:.{digits}f} |")
    print(f"| **together** | **{sum(rows.values()):.{digits}f}** |")


def main() -> None:
    used = read()
    calls = len(used.functions)
    print(f"One deployment: {used.transitions} state transitions, {calls} calls of functions")
    print(f"({used.gb_seconds:.2f} GB-seconds), {used.requests} API requests,")
    print(f"{used.messages} queue messages.\n\n| one deployment | US$ |\n|---|---|")
    _table(used.costs(), 6)
    print("\n| idle, a month, with one agent | US$ |\n|---|---|")
    fixed = idle(used.claim_ms)
    _table(fixed, 2)
    print("\n| the database, a month | US$ |\n|---|---|")
    for name, dollars in databases().items():
        print(f"| {name} | {dollars:.2f} |")
    one, base = sum(used.costs().values()), sum(fixed.values())
    print("\n| deployments a month | they cost | with what idles | with Aurora of 0.5 ACU |")
    print("|---|---|---|---|")
    aurora = list(databases().values())[1]
    for number in VOLUMES:
        cost = number * one
        print(f"| {number:,} | {cost:.2f} | {cost + base:.2f} | {cost + base + aurora:.2f} |")


if __name__ == "__main__":
    main()
