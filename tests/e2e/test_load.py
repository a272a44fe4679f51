"""No request fails and every answer is the old or the new version's while versions change.

GET and POST, fast and 500 ms answers, kept and new connections, at 50 and at 500 requests/s, to an
app without a graceful shutdown, through the router: during deployments and rollbacks in turn, the
rollbacks by turns to the version kept warm and to an older one started from its stored image.

`C2D_TEST_LOAD_ROUNDS` makes each rate last so many deployments and as many rollbacks.
"""

import logging
import os
import time
from collections import Counter
from typing import Any

import pytest

from tests.e2e.apps import Repository
from tests.e2e.client import Client
from tests.e2e.conftest import Repositories
from tests.e2e.load import Load, Outcome, Versions
from tests.e2e.platform import Platform, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

LOG = logging.getLogger(__name__)
ROUNDS = {50: 10, 500: 10}
SETTINGS = {"limits": {"cpus": 2.0, "memory_mb": 512}}


class Changes:
    """One service under load that goes from version to version."""

    def __init__(self, client: Client, code: Repository, project: str) -> None:
        self._client = client
        self._code = code
        code.app("v0")
        self.service = client.service(client.project(project), "web", code.url, **SETTINGS)
        self._first = self._before = client.live(self.service["id"])["id"]
        self._served = {self._first: "v0"}
        self.versions = Versions("v0")

    def load(self, rate: int) -> Load:
        host = self.service["url"].split("//")[1].split(":")[0]
        return Load(self._client.http_port, host, rate)

    def deploy(self, number: int) -> None:
        version = f"v{number}"
        self._code.app(version)
        self._ends(lambda: self._client.deploy(self.service["id"]), version)

    def roll_back(self, *, warm: bool) -> None:
        target = self._before if warm else self._first
        path = f"/services/{self.service['id']}/rollback/{target}"
        self._ends(
            lambda: str(self._client.call("POST", path)["deployment"]["id"]), self._served[target]
        )

    def _ends(self, ask: Any, version: str) -> None:
        previous = self.versions.present
        self.versions.going(version)
        done = self._client.ended(ask())
        assert done["state"] == "live", (done["reason"], self._client.steps(done["id"]))
        self.versions.live(version)
        self._before = next(d for d, v in self._served.items() if v == previous)
        self._served = {d: v for d, v in self._served.items() if v != version}
        self._served[done["id"]] = version
        if version == "v0":
            self._first = done["id"]


@pytest.mark.parametrize("rate", ROUNDS)
def test_no_request_fails_while_versions_change(
    platform: Platform, repository: Repositories, rate: int
) -> None:
    changes = Changes(platform.client, repository(f"load-{rate}"), f"load-{rate}")
    load = changes.load(rate)
    rounds = int(os.environ.get("C2D_TEST_LOAD_ROUNDS") or ROUNDS[rate])
    began = time.monotonic()
    with load.running():
        for number in range(1, rounds + 1):
            changes.deploy(number)
            changes.roll_back(warm=bool(number % 2))
        until(lambda: retired(platform, changes), "the end of what was replaced")
    seconds = time.monotonic() - began
    failures = changes.versions.failures(load.outcomes)
    seen = Counter(outcome.version for outcome in load.outcomes)
    said = "%s/s: %s requests in %.0f s, %s deployments, %s rollbacks, %s failures"
    LOG.info(said, rate, len(load.outcomes), seconds, rounds, rounds, len(failures))
    assert not failures, (len(failures), Counter(failures).most_common(8))
    assert len(load.outcomes) > 0.9 * rate * seconds, "the load fell behind"
    assert set(seen) == {f"v{number}" for number in range(rounds + 1)}
    platform.client.call("DELETE", f"/services/{changes.service['id']}")


def retired(platform: Platform, changes: Changes) -> bool:
    """Only what serves and the version kept warm are still there."""
    return len(platform.containers("--filter", f"label=c2d.service={changes.service['id']}")) == 2


def test_the_load_notices_a_router_that_dies(platform: Platform, repository: Repositories) -> None:
    changes = Changes(platform.client, repository("load-control"), "load-control")
    load = changes.load(50)
    with load.running():
        until(lambda: len(load.outcomes) > 50, "answers before")
        platform.kill_and_wait("caddy")
        answered = len(load.outcomes)
        until(lambda: len(load.outcomes) > answered + 50, "answers after")
    failures = changes.versions.failures(load.outcomes)
    assert failures
    assert len(failures) < len(load.outcomes)


def test_an_answer_of_a_version_that_did_not_serve_then_is_a_failure() -> None:
    versions = Versions("old")
    versions.going("new")
    during = time.monotonic()
    versions.live("new")
    after = time.monotonic() + 1
    assert not versions.failures([answer("old", during), answer("new", during)])
    assert not versions.failures([answer("new", after)])
    assert versions.failures([answer("old", after)])
    assert versions.failures([answer("other", after)])
    assert versions.failures([Outcome(during, during, False, "old", "502 b''")])


def answer(version: str, at: float) -> Outcome:
    return Outcome(at, at, False, version)
