"""The same commands against the platform's own endpoints, with its store in memory."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared import bootstrap
from shared.domain.deployments import DeploymentState, Step, StepOutcome
from shared.domain.ids import now
from shared.domain.logs import LogChunk
from shared.http import deps
from shared.http.app import build_app
from shared.http.identity import LOCAL_ORGANIZATION
from shared.http.local import modules
from shared.settings import Settings
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform, Fault
from tests.fakes import limits
from tests.fakes.compute import FakeCompute
from tests.fakes.glances import FakeGlances
from tests.fakes.store import FakeStore
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows

TOKEN = "c2d_of_the_real_endpoints"
BUILT = (DeploymentState.WAITING, DeploymentState.BUILDING, DeploymentState.RELEASING)
Play = Callable[[FakeStore, UUID], None]


class Engine(FakeWorkflows):
    """Plays an execution that is started, in a thread as the real engine would."""

    def __init__(self, store: FakeStore) -> None:
        super().__init__()
        self.play: Play = succeed
        self._store = store

    def start(self, machine: str, execution: str, payload: Mapping[str, Any]) -> None:
        super().start(machine, execution, payload)
        deployment = UUID(execution[:36])
        threading.Thread(target=self.play, args=(self._store, deployment), daemon=True).start()


def succeed(store: FakeStore, deployment_id: UUID) -> None:
    for state in BUILT:
        _to(store, deployment_id, state)
    _write(store, deployment_id, "Step 1/1")
    _step(store, deployment_id, "Build", StepOutcome.SUCCEEDED)
    _to(store, deployment_id, DeploymentState.LIVE)


def fail(store: FakeStore, deployment_id: UUID) -> None:
    for state in BUILT[:2]:
        _to(store, deployment_id, state)
    _write(store, deployment_id, "npm ERR!")
    _step(store, deployment_id, "Build", StepOutcome.FAILED)
    reason = {"reason": "npm ended with code 1.", "error": "BuildFailed"}
    _to(store, deployment_id, DeploymentState.FAILED, **reason)


def stay(store: FakeStore, deployment_id: UUID) -> None:
    _to(store, deployment_id, DeploymentState.WAITING)


def _to(store: FakeStore, deployment_id: UUID, state: DeploymentState, **why: str) -> None:
    with store:
        found = store.deployments.lock(LOCAL_ORGANIZATION, deployment_id)
        store.deployments.save(found.to(state, **why))


def _write(store: FakeStore, deployment_id: UUID, *texts: str) -> None:
    lines = tuple((now(), "stdout", text) for text in texts)
    with store:
        chunk = LogChunk(LOCAL_ORGANIZATION, deployment_id, f"build-{now()}", 1, lines)
        store.logs.append(chunk)


def _step(store: FakeStore, deployment_id: UUID, name: str, outcome: StepOutcome) -> None:
    with store:
        attempt = store.deployments.get(LOCAL_ORGANIZATION, deployment_id).attempt
        store.steps.begin(Step(LOCAL_ORGANIZATION, deployment_id, attempt, name, now()))
        store.steps.end(LOCAL_ORGANIZATION, deployment_id, attempt, name, outcome)


@pytest.fixture
def engine() -> Engine:
    return Engine(FakeStore())


@pytest.fixture
def platform(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    """The platform's own routers on a real socket."""
    settings = Settings(api_token=TOKEN)
    app = build_app(module.router for _, module in modules())
    fakes = {
        deps.store: lambda: engine._store,
        deps.glances: lambda: FakeGlances(engine._store),
        deps.workflows: lambda: engine,
        deps.vault: FakeVault,
        deps.compute: FakeCompute,
        deps.settings: lambda: settings,
    }
    app.dependency_overrides.update(fakes)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "vault", FakeVault)
    limits.install(monkeypatch)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda _act=None: engine._store)
    monkeypatch.setattr(bootstrap, "glance", lambda: engine._store)
    server = FakePlatform(app=app, token=TOKEN)
    server.start()
    yield server
    server.stop()


def test_the_first_deploy_in_one_line(c2d: Cli) -> None:
    line = ("deploy", "--repo", "https://git.example/team/shop.git", "-p", "demo", "-s", "web")

    result = c2d(*line, "--wait", "--logs")

    assert result.exit_code == 0, result.output
    assert result.stdout == "http://web-demo.localhost:7080\n"
    assert "Step 1/1" in result.stderr
    assert "✓ Build" in result.stderr
    assert c2d("deploy", "demo/web", "--wait").exit_code == 0
    assert [d["number"] for d in c2d.json("deployments", "list", "web")["items"]] == [2, 1]
    assert c2d.json("status", "web#1")["deployment"]["state"] == "live"


def test_a_failure_a_retry_and_a_cancellation(c2d: Cli, engine: Engine) -> None:
    engine.play = fail
    failed = c2d("deploy", "--repo", "https://git.example/team/shop.git", "--wait")
    assert failed.exit_code == 2
    assert "npm ended with code 1." in failed.stderr
    assert "npm ERR!" in failed.stderr

    engine.play = succeed
    again = c2d("retry", "shop/web", "--wait", "--logs")
    assert again.exit_code == 0, again.output
    assert "npm ERR!" not in again.stderr

    engine.play = stay
    waiting = c2d.ok("deploy", "web").strip()
    assert c2d("cancel", waiting).exit_code == 0
    assert c2d.json("status", waiting)["deployment"]["cancel_requested"] is True


def test_a_services_settings(c2d: Cli) -> None:
    c2d.ok("projects", "create", "Demo", "--description", "A demo")
    c2d.ok("services", "create", "web", "-p", "demo", "--port", "8000", "--health-path", "/up")
    c2d.ok("services", "set", "web", "--memory", "1024", "--overlap", "queue", "--protect")
    c2d.ok("services", "set", "web", "--start-command", "run", "--no-autodeploy")
    c2d.ok("services", "set", "web", "--start-command", "", "--name", "Web two")

    service = c2d.json("services", "show", "web")
    assert (service["run"]["port"], service["run"]["start_command"]) == (8000, None)
    assert service["limits"]["memory_mb"] == 1024
    assert service["health"]["path"] == "/up"
    assert (service["overlap"], service["autodeploy"]) == ("queue", False)
    assert service["name"] == "Web two"
    wrong = c2d("services", "set", "web", "--port", "99999")
    assert wrong.exit_code == 1
    assert "run.port" in wrong.stderr
    assert wrong.stderr.count("less than or equal to 65535") == 1

    assert c2d("services", "delete", "web", "--yes").exit_code == 1
    c2d.ok("services", "set", "web", "--no-protect")
    assert "service" in c2d("services", "delete", "web", "--dry-run").stderr
    assert c2d("services", "delete", "web", "--yes").exit_code == 0
    assert c2d("projects", "delete", "demo", "--yes").exit_code == 0


def test_which_pushes_deploy_a_service(c2d: Cli) -> None:
    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo", "--repo", "https://git.example/a/web.git")
    c2d.ok("services", "set", "web", "--watch", "src/", "--watch", "*.json", "--tags", "v*")
    c2d.ok("services", "set", "web", "--wait-for-ci", "--branch", "main")

    source = c2d.json("services", "show", "web")["source"]
    assert (source["watch_paths"], source["tag_pattern"]) == (["src/", "*.json"], "v*")
    assert (source["wait_for_ci"], source["branch"]) == (True, "main")

    c2d.ok("services", "set", "web", "--watch", "", "--tags", "", "--no-wait-for-ci")
    source = c2d.json("services", "show", "web")["source"]
    assert (source["watch_paths"], source["tag_pattern"], source["wait_for_ci"]) == (
        [],
        None,
        False,
    )


def test_variables(c2d: Cli) -> None:
    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo")
    c2d.ok("env", "set", "A=1", "B=2", "-s", "web")
    c2d.ok("env", "set", "KEY=-", "--secret", "--available", "run", "-s", "web", stdin="canary-1")
    Path(".env").write_text("A=1\nB=3\nKEY=canary-2\nNEW=5\n")

    changes = c2d.json("env", "diff", ".env", "-s", "web")
    assert (changes["added"], changes["changed"]) == (["NEW"], ["B", "KEY"])
    c2d.ok("env", "import", ".env", "-s", "web")
    c2d.ok("env", "unset", "A", "-s", "web")
    c2d.ok("env", "import", "-", "--merge", "-s", "web", stdin="NEW=6\n")

    listed = c2d.ok("env", "list", "-s", "web", "--json")
    assert "canary" not in listed
    assert {v["key"]: (v["value"], v["available"]) for v in json.loads(listed)["items"]} == {
        "B": ("3", "both"),
        "KEY": (None, "run"),
        "NEW": ("6", "both"),
    }


def test_what_is_not_there_and_who_is_not_known(c2d: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert c2d.json("agents")["items"] == []
    assert c2d.json("resources", "--needs-attention")["items"] == []
    assert c2d("status", "3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11").exit_code == 1
    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo")
    assert c2d("logs", "--runtime", "web").exit_code == 1
    assert c2d("rollback", "web").exit_code == 1
    assert c2d("services", "restart", "web").exit_code == 1
    monkeypatch.setenv("C2D_TOKEN", "c2d_wrong")
    refused = c2d("projects", "list")
    assert refused.exit_code == 1
    assert "not known here" in refused.stderr


def test_a_platform_that_cannot_hold_a_long_poll_is_not_kept_busy(
    c2d: Cli, engine: Engine, platform: FakePlatform
) -> None:
    engine.play = stay

    result = c2d("deploy", "--repo", "https://git.example/shop.git", "--wait", "--timeout", "3")

    assert result.exit_code == 5
    assert platform.count("seen=") <= 6


def test_a_deployment_whose_answer_was_lost_is_not_made_twice(
    c2d: Cli, platform: FakePlatform, engine: Engine
) -> None:
    c2d.ok("deploy", "--repo", "https://git.example/team/shop.git", "-p", "demo", "-s", "web")
    platform.faults.append(Fault("/deploy$", "lost"))

    c2d.ok("deploy", "demo/web")

    assert platform.count("POST .*/deploy") == 3
    assert [d["number"] for d in c2d.json("deployments", "list", "web")["items"]] == [2, 1]
