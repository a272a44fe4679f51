"""Bad input and bad luck: a truthful end, a reason to act on, and the old version serving."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.apps import Repository, app
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform

pytestmark = pytest.mark.docker

QUICK = {"health": {"timeout_seconds": 6}}


@dataclass(frozen=True)
class Case:
    """A change to a service that works, and what is said about it."""

    error: str
    says: str
    files: dict[str, str] = field(default_factory=dict)
    deploy: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


CASES = {
    "unknown-branch": Case("SourceNotFound", "nowhere", deploy={"ref": "nowhere"}),
    "unknown-sha": Case("SourceNotFound", "0123456789", deploy={"sha": "0123456789" * 4}),
    "dockerfile-does-not-build": Case("BuildFailed", "exit", app("x", build="RUN exit 7")),
    "no-such-base-image": Case(
        "BuildFailed", "nothing.invalid/base", {"Dockerfile": "FROM nothing.invalid/base:1\n"}
    ),
    "build-out-of-memory": Case(
        "BuildOutOfMemory",
        "256",
        app("x", build='RUN python3 -c "x = bytearray(600 * 1024 * 1024)"'),
    ),
    "build-out-of-time": Case("BuildTimedOut", "20", app("x", build="RUN sleep 300")),
    "exits-at-once": Case("HealthCheckFailed", "code 3", app("x", before="sys.exit(3)")),
    "listens-on-another-port": Case("HealthCheckFailed", "3000", app("x", port=3000)),
    "listens-on-loopback": Case("HealthCheckFailed", "0.0.0.0", app("x", host="127.0.0.1")),
    "never-listens": Case(
        "HealthCheckFailed", "listen", app("x", before="import time; time.sleep(99)")
    ),
    "unhealthy-path": Case(
        "HealthCheckFailed",
        "503",
        {"app.py": app("x")["app.py"].replace("200 OK", "503 Sorry")},
        settings={"health": {"path": "/up", "timeout_seconds": 6}},
    ),
    "pre-deploy-fails": Case(
        "PreDeployFailed", "9", settings={"run": {"pre_deploy_command": "exit 9"}}
    ),
    "unknown-dockerfile-target": Case(
        "NothingDetected", "nope", settings={"build": {"dockerfile_target": "nope"}}
    ),
    "unknown-image": Case(
        "ImageNotFound", "nothing.invalid", deploy={"image": "nothing.invalid/x:1"}
    ),
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    limits = {"C2D_BUILD_MEMORY_MB": "256", "C2D_BUILD_SECONDS": "20"}
    with Platform(short_folder(tmp_path_factory), limits) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_it_ends_with_a_reason_and_the_old_version_serves(
    strict: Platform, repository: Repositories, name: str
) -> None:
    case, client, code = CASES[name], strict.client, repository(f"bad-{name}")
    code.app("good")
    service = client.service(client.project(name), "web", code.url, **QUICK)
    client.live(service["id"])
    code.commit({**case.files, "note": name})
    if case.settings:
        client.call("PATCH", f"/services/{service['id']}", json=case.settings)
    done = client.ended(client.deploy(service["id"], **case.deploy))
    assert (done["state"], done["error"]) == ("failed", case.error), done["reason"]
    assert case.says in done["reason"]
    assert client.get(service).text == "good"
    mine = ["--filter", f"label=c2d.service={service['id']}"]
    assert len(strict.containers(*mine)) == 1, "something was left behind"
    reset = {"health": {"path": None}, "run": {"pre_deploy_command": None}}
    reset["build"] = {"dockerfile_target": None}
    client.call("PATCH", f"/services/{service['id']}", json=reset)
    code.app("next")
    client.live(service["id"])
    assert client.get(service).text == "next"
    client.call("DELETE", f"/services/{service['id']}")


def test_an_unknown_repository_is_named(strict: Platform, repository: Repositories) -> None:
    client = strict.client
    url = repository("known").url.replace("known", "unknown")
    service = client.service(client.project("unknown-repository"), "web", url)
    done = client.ended(client.deploy(service["id"]))
    # a git:// server does not say whether a repository is missing or closed
    assert (done["state"], done["error"]) == ("failed", "SourceDenied")
    assert "unknown" in done["reason"]
    assert client.call("GET", f"/services/{service['id']}")["state"] == "new"


def test_an_empty_repository_says_so(strict: Platform, repository: Repositories) -> None:
    client, code = strict.client, repository("empty")
    service = client.service(client.project("empty-repository"), "web", code.url)
    done = client.ended(client.deploy(service["id"]))
    assert (done["state"], done["error"]) == ("failed", "SourceNotFound")
    assert "empty" in done["reason"]


def test_a_repository_with_nothing_to_run_says_what_to_add(
    strict: Platform, repository: Repositories
) -> None:
    client, code = strict.client, repository("notes")
    code.commit({"notes.txt": "nothing to run"})
    service = client.service(client.project("notes"), "web", code.url)
    done = client.ended(client.deploy(service["id"]))
    assert (done["state"], done["error"]) == ("failed", "NothingDetected")
    assert "Dockerfile" in done["reason"]


def test_a_build_that_prints_too_much_says_that_lines_are_missing(
    strict: Platform, repository: Repositories
) -> None:
    client, code = strict.client, repository("noisy")
    code.app("noisy", build=f"RUN echo first && yes {uuid4().hex} | head -c 200M && echo last")
    service = client.service(client.project("noisy"), "web", code.url)
    client.live(service["id"])
    done = client.call("GET", f"/services/{service['id']}/deployments")["items"][0]
    log = client.log(done["id"])
    # the engine clips a step's output by its own limit, the agent what is left by its own
    assert "missing" in log or "clipped" in log
    assert len(log) < 64 * 1024 * 1024


def test_a_taken_name_is_refused(strict: Platform, repository: Repositories) -> None:
    client, code = strict.client, repository("taken")
    project = client.project("taken")
    client.service(project, "web", code.url)
    answer = client.http.post(f"/projects/{project}/services", json={"name": "Web"})
    assert answer.status_code == 409


def test_a_full_disk_stops_new_builds_and_not_what_serves(
    tmp_path_factory: pytest.TempPathFactory, repository: Repositories
) -> None:
    code: Repository = repository("full-disk")
    code.app("one")
    full = {"C2D_MIN_FREE_DISK_MB": str(100 * 1024 * 1024)}
    with Platform(short_folder(tmp_path_factory), full) as platform:
        client = platform.client
        service = client.service(client.project("full-disk"), "web", code.url)
        done = client.ended(client.deploy(service["id"]))
        assert (done["state"], done["error"]) == ("failed", "DiskFull")
        assert "free" in done["reason"]


def test_a_router_that_dies_comes_back_with_its_routes(
    strict: Platform, repository: Repositories
) -> None:
    client, code = strict.client, repository("router")
    code.app("routed")
    service = client.service(client.project("router"), "web", code.url)
    client.live(service["id"])
    strict.kill_and_wait("caddy")
    assert client.get(service).text == "routed"
