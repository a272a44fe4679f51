"""Many deployments at once: the limit of builds holds, a service's never interleave, all end.

Twenty deployments of ten services with every overlap policy among them, on an agent that may run
two builds: what the agent runs is counted in the process list, when builds worked is read from
their logs, and when a deployment held its service is read from the ledger.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.apps import Repository
from tests.e2e.client import Client
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, until
from tests.e2e.processes import build_clients, running, sampled

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

POLICIES = ("latest_wins", "queue", "cancel_previous")
BUILDS, SERVICES = 2, 10
RUN = uuid4().hex[:12]
"""In every build step that takes its time: nothing of an earlier run is taken from the cache."""
Span = tuple[datetime, datetime]


@pytest.fixture(scope="module")
def two_builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(short_folder(tmp_path_factory), {"C2D_AGENT_BUILDS": str(BUILDS)}) as platform:
        yield platform


@dataclass(frozen=True)
class Wanted:
    """One of the deployments: of which service, and what it says when it is live."""

    service: str
    version: str
    sha: str


def test_twenty_deployments_of_ten_services_at_once(
    two_builds: Platform, repository: Repositories
) -> None:
    client, code = two_builds.client, repository("crowd")
    project = client.project("crowd")
    services = {
        service["id"]: service
        for n in range(SERVICES)
        for service in [client.service(project, f"s{n}", code.url, overlap=POLICIES[n % 3])]
    }
    wanted = [commit(code, service, n) for n in range(2) for service in services]
    most = [0]

    def count() -> None:
        most.append(len(build_clients(two_builds.pid("agent"))))

    with sampled(count), ThreadPoolExecutor(len(wanted)) as threads:
        asked = dict(zip(threads.map(lambda w: ask(client, w), wanted), wanted, strict=True))
        ended = [client.ended(deployment, 240) for deployment in asked]

    assert max(most) == BUILDS
    claims = dict(
        two_builds.rows(
            "select deployment_id::text, claimed_at from jobs"
            " where kind = 'build' and claimed_at is not null"
        )
    )
    at_work = [(claims[d["id"]], last_line(client, d)) for d in ended if d["id"] in claims]
    assert most_at_once(at_work) == BUILDS
    for service in services.values():
        mine = sorted((d for d in ended if d["service_id"] == service["id"]), key=number)
        assert [d["number"] for d in mine] == [1, 2]
        assert mine[-1]["state"] == "live", mine[-1]["reason"]
        assert mine[0]["state"] in ALLOWED[service["overlap"]], mine[0]["reason"]
        assert mine[0]["state"] == "live" or mine[0]["reason"]
        assert_apart([span for done in mine if (span := held(client, done))])
        present = client.call("GET", f"/services/{service['id']}")
        assert present["running"]["deployment_id"] == mine[-1]["id"]
        assert client.get(service).text == asked[mine[-1]["id"]].version
    client.call("DELETE", f"/projects/{project}")


ALLOWED = {
    "latest_wins": {"live", "superseded"},
    "queue": {"live"},
    "cancel_previous": {"live", "cancelled", "superseded"},
}
"""How the older of two may end: it is live when it was through before the newer one came."""


@pytest.mark.parametrize(
    ("policy", "end"),
    [("latest_wins", "live"), ("queue", "live"), ("cancel_previous", "cancelled")],
)
def test_a_slow_old_build_never_replaces_a_newer_version(
    two_builds: Platform, repository: Repositories, policy: str, end: str
) -> None:
    client, code = two_builds.client, repository(f"slow-{policy}")
    code.app("base")
    project = client.project(f"slow-{policy}".replace("_", "-"))
    service = client.service(project, "web", code.url, overlap=policy)
    client.live(service["id"])
    slow = code.app("old", build=f"RUN sleep 5 && echo {policy} {RUN}")
    quick = code.app("new")
    answers: list[str] = []

    def visit() -> None:
        answers.append(client.get(service).text)

    with sampled(visit):
        old = client.deploy(service["id"], sha=slow)
        until(lambda: running(f"echo {policy} {RUN}"), "the slow build")
        new = client.deploy(service["id"], sha=quick)
        newer, older = client.ended(new), client.ended(old)
        until(lambda: retired(client, new), "the end of the newer one's work")
        until(lambda: answers[-1] == "new", "the new version")
        seen = len(answers)
        until(lambda: len(answers) > seen + 20, "more answers")
    assert (older["state"], newer["state"]) == (end, "live"), (older["reason"], newer["reason"])
    assert changes(answers) == (["base", "old", "new"] if end == "live" else ["base", "new"])
    assert_apart([span for done in (older, newer) if (span := held(client, done))])
    client.call("DELETE", f"/projects/{project}")


def test_the_latest_wins_over_what_waits(two_builds: Platform, repository: Repositories) -> None:
    ends, client = line_of_three(two_builds, repository("line-latest"), "latest_wins")
    assert [d["state"] for d in ends] == ["live", "superseded", "live"]
    assert "deployment 3" in ends[1]["reason"]
    assert "Build" not in client.steps(ends[1]["id"])


def test_a_queue_takes_every_deployment_in_its_order(
    two_builds: Platform, repository: Repositories
) -> None:
    ends, client = line_of_three(two_builds, repository("line-queue"), "queue")
    assert [d["state"] for d in ends] == ["live", "live", "live"]
    spans = [held(client, done) for done in ends]
    assert None not in spans
    assert spans == sorted(span for span in spans if span)


def test_cancel_previous_ends_what_runs_and_what_waits(
    two_builds: Platform, repository: Repositories
) -> None:
    ends, client = line_of_three(two_builds, repository("line-cancel"), "cancel_previous")
    assert [d["state"] for d in ends] == ["cancelled", "cancelled", "live"]
    assert client.steps(ends[0]["id"])["Build"]["outcome"] == "failed"
    assert "CreateRelease" not in client.steps(ends[0]["id"])


def line_of_three(
    platform: Platform, code: Repository, policy: str
) -> tuple[list[dict[str, Any]], Client]:
    """Ends of a deployment that builds for a while and of two that come meanwhile."""
    client = platform.client
    shas = [code.app(f"v{n}", build=f"RUN sleep 3 && echo {policy} {n} {RUN}") for n in (1, 2, 3)]
    project = client.project(f"line-{policy}".replace("_", "-"))
    service = client.service(project, "web", code.url, overlap=policy)
    first = client.deploy(service["id"], sha=shas[0])
    until(lambda: running(f"echo {policy} 1 {RUN}"), "the first build")
    others = [client.deploy(service["id"], sha=sha) for sha in shas[1:]]
    ends = [client.ended(deployment) for deployment in (first, *others)]
    assert client.get(service).text == "v3"
    assert_apart([span for done in ends if (span := held(client, done))])
    return ends, client


def commit(code: Repository, service: str, n: int) -> Wanted:
    version = f"{service[:8]}-{n}"
    return Wanted(
        service, version, code.app(version, build=f"RUN sleep 0.7 && echo {version} {RUN}")
    )


def ask(client: Client, wanted: Wanted) -> str:
    return client.deploy(wanted.service, sha=wanted.sha)


def number(deployment: dict[str, Any]) -> int:
    return int(deployment["number"])


def last_line(client: Client, deployment: dict[str, Any]) -> datetime:
    """When the build client printed its last line."""
    path = f"/deployments/{deployment['id']}/logs"
    lines = client.call("GET", path, params={"limit": 5000})["items"]
    return max(datetime.fromisoformat(line["at"]) for line in lines if line["stream"] == "stdout")


def held(client: Client, deployment: dict[str, Any]) -> Span | None:
    """From the grant of the service's lease to the end; None when it was never granted."""
    grant = client.steps(deployment["id"])["AcquireLease"]
    if grant["outcome"] != "succeeded":
        return None
    times = grant["ended_at"], deployment["ended_at"]
    return datetime.fromisoformat(times[0]), datetime.fromisoformat(times[1])


def assert_apart(spans: list[Span]) -> None:
    ordered = sorted(spans)
    for (_, ends), (begins, _) in pairwise(ordered):
        assert ends <= begins, f"one held the service until {ends}, another from {begins}"


def most_at_once(spans: list[Span]) -> int:
    return max(sum(a <= at <= b for a, b in spans) for at, _ in spans)


def retired(client: Client, deployment: str) -> bool:
    return bool(client.steps(deployment).get("RetireOld", {}).get("ended_at"))


def changes(answers: list[str]) -> list[str]:
    """Answers without repetitions of the one before."""
    return [a for n, a in enumerate(answers) if n == 0 or answers[n - 1] != a]


def test_spans_that_overlap_are_noticed() -> None:
    times = [datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(4)]
    assert most_at_once([(times[0], times[2]), (times[1], times[3])]) == 2
    assert most_at_once([(times[0], times[1]), (times[2], times[3])]) == 1
    with pytest.raises(AssertionError):
        assert_apart([(times[0], times[2]), (times[1], times[3])])
