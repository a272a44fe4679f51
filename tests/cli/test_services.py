"""Projects, services and their settings."""

from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform


def test_a_project_is_made_shown_renamed_and_deleted(c2d: Cli, platform: FakePlatform) -> None:
    assert c2d.ok("projects", "create", "Shop", "--description", "The shop") == "shop\n"
    assert "The shop" in c2d.ok("projects", "show", "shop")
    c2d.ok("projects", "rename", "shop", "Store")
    assert "Store" in c2d.ok("projects", "list")
    c2d.ok("projects", "delete", "shop", "--yes")

    assert not platform.world.projects


def test_a_taken_name_is_told_in_the_platforms_words(c2d: Cli, web: dict[str, Any]) -> None:
    result = c2d("projects", "create", "Demo")

    assert result.exit_code == 1
    assert "A project 'Demo' is there already." in result.stderr


def test_a_dry_run_says_what_would_go_and_removes_nothing(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    result = c2d("projects", "delete", "demo", "--dry-run")

    assert result.exit_code == 0
    assert "service web" in result.stderr
    assert platform.world.projects


def test_a_deletion_without_a_person_names_the_exact_command(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    result = c2d("services", "delete", "web")

    assert result.exit_code == 1
    assert "Run: c2d services delete demo/web --yes" in result.stderr
    assert platform.world.services


def test_deletion_protection_is_respected(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    c2d.ok("services", "set", "web", "--protect")

    result = c2d("services", "delete", "web", "--yes")

    assert result.exit_code == 1
    assert "protected" in result.stderr
    assert platform.world.services


def test_a_service_is_made_with_its_settings(c2d: Cli, platform: FakePlatform) -> None:
    platform.world.add_project("demo")

    made = c2d.ok(
        *("services", "create", "API", "-p", "demo"),
        *("--repo", "https://git.example/team/api.git", "--branch", "main", "--root", "api"),
        *("--port", "9000", "--health-path", "/up", "--memory", "1024", "--overlap", "queue"),
        *("--pre-deploy-command", "python manage.py migrate", "--dockerfile", "ops/Dockerfile"),
    )

    assert made == "demo/api\n"
    [service] = platform.world.services.values()
    assert service["source"] == {
        "repository_url": "https://git.example/team/api.git",
        "branch": "main",
        "root_directory": "api",
    }
    assert service["run"] == {"port": 9000, "pre_deploy_command": "python manage.py migrate"}
    assert service["health"] == {"path": "/up"}
    assert service["build"] == {"dockerfile_path": "ops/Dockerfile"}
    assert service["overlap"] == "queue"


def test_setting_one_thing_leaves_its_neighbours(c2d: Cli, web: dict[str, Any]) -> None:
    c2d.ok("services", "set", "web", "--port", "8000")
    c2d.ok("services", "set", "web", "--drain-seconds", "5", "--branch", "main")

    assert web["run"] == {"port": 8000, "drain_seconds": 5, "start_command": None}
    assert web["source"]["repository_url"].endswith("shop.git")
    assert web["health"] == {"path": None, "timeout_seconds": 60}


def test_an_empty_value_clears_a_setting(c2d: Cli, web: dict[str, Any]) -> None:
    c2d.ok("services", "set", "web", "--start-command", "run me")
    c2d.ok("services", "set", "web", "--start-command", "")

    assert web["run"]["start_command"] is None


def test_setting_nothing_is_an_error(c2d: Cli, web: dict[str, Any]) -> None:
    assert c2d("services", "set", "web").exit_code == 1


def test_lists_are_documents_and_tables(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.add_service(platform.world.add_project("other"), "api")

    assert [s["slug"] for s in c2d.json("services", "list")["items"]] == ["web", "api"]
    assert [s["slug"] for s in c2d.json("services", "list", "-p", "demo")["items"]] == ["web"]
    table = c2d.ok("services", "list").splitlines()
    assert [line.split()[0] for line in table] == ["SERVICE", "demo/web", "other/api"]


def test_a_restart_is_asked_for(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    c2d.ok("services", "restart", "web")

    assert platform.count(f"POST .*/services/{web['id']}/restart") == 1


def test_the_address_is_printed_and_no_browser_started_in_a_pipe(
    c2d: Cli, web: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", "touch started")

    assert c2d.ok("open", "web") == "http://web-demo.localhost:7080\n"


def test_control_characters_of_others_never_reach_the_terminal(
    c2d: Cli, web: dict[str, Any]
) -> None:
    web["state_reason"] = "gone \x1b]0;owned\x07\x1b[2J\x9b1mhere"

    shown = c2d.ok("services", "show", "web")

    assert "gone here" in shown or "gone 1mhere" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_agents_and_resources(c2d: Cli, platform: FakePlatform) -> None:
    stuck = {
        "id": "3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11",
        "kind": "instance",
        "state": "needs_attention",
        "provider_id": "container-1",
        "reason": "The engine does not answer.",
        "updated_at": "2030-01-01T00:00:00Z",
    }
    platform.world.resources += [stuck, {**stuck, "id": "other", "state": "created"}]

    assert "build, edge" in c2d.ok("agents")
    assert len(c2d.json("resources")["items"]) == 2
    [found] = c2d.json("resources", "--needs-attention")["items"]
    assert found["reason"] == "The engine does not answer."
    c2d.ok("resources", "retry", found["id"])
    assert stuck["state"] == "planned"
