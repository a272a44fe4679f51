"""What was deployed: logs, status, cancel, retry, rollback."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform, Fault
from tests.cli.fake_state import fail


@pytest.fixture
def two(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> list[dict[str, Any]]:
    """Two releases of demo/web; the second one runs."""
    c2d.ok("deploy", "web", "--wait")
    c2d.ok("deploy", "web", "--wait")
    return list(platform.world.deployments.values())


def _line(number: int, text: str) -> dict[str, str]:
    return {"at": f"2030-01-01T00:00:{number:02d}Z", "stream": "stdout", "text": text}


def test_a_log_is_printed_whole_or_its_end(c2d: Cli, two: list[dict[str, Any]]) -> None:
    assert c2d.ok("logs", "web") == "Step 1/3\nStep 2/3\nStep 3/3\n"
    assert c2d.ok("logs", "web#1", "--tail", "1") == "Step 3/3\n"
    assert [line["sequence"] for line in c2d.json("logs", "web")["items"]] == [1, 2, 3]


def test_a_log_is_longer_than_a_page(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke.", lines=4321))
    c2d("deploy", "web", "--wait", "--no-logs")

    assert c2d.ok("logs", "web").splitlines() == [f"line {n}" for n in range(1, 4322)]


def test_a_piped_log_has_no_escape_sequences(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    text = "\x1b[32mok\x1b[0m 10%\r\x1b[32mok\x1b[0m 100%"
    platform.world.scripts.append([("log", text), ("end", "live", None, None)])
    c2d.ok("deploy", "web", "--wait")

    assert c2d.ok("logs", "web") == "ok 100%\n"
    assert c2d.json("logs", "web")["items"][0]["text"] == text


def test_a_download_is_whole_or_not_there(
    c2d: Cli, platform: FakePlatform, two: list[dict[str, Any]]
) -> None:
    c2d.ok("logs", "web", "--download", "build.log")
    assert Path("build.log").read_text() == "Step 1/3\nStep 2/3\nStep 3/3\n"

    platform.faults.append(Fault("/download$", "drop"))
    assert c2d("logs", "web", "--download", "again.log").exit_code == 1
    assert [path.name for path in Path.cwd().iterdir()] == ["build.log"]


def test_a_running_service_has_a_log_too(
    c2d: Cli, platform: FakePlatform, two: list[dict[str, Any]], web: dict[str, Any]
) -> None:
    platform.world.runtime[web["id"]] = [_line(n, f"hello {n}") for n in range(5)]

    assert c2d.ok("logs", "--runtime", "web", "--tail", "2") == "hello 3\nhello 4\n"
    assert c2d.ok("services", "logs", "web", "-n", "1") == "hello 4\n"


def test_a_service_that_does_not_run_has_no_log(c2d: Cli, web: dict[str, Any]) -> None:
    result = c2d("logs", "--runtime", "web")

    assert result.exit_code == 1
    assert "nothing serves for this service yet" in result.stderr


def test_following_a_running_service_repeats_no_line_of_the_same_moment(
    c2d: Cli, platform: FakePlatform, two: list[dict[str, Any]], web: dict[str, Any]
) -> None:
    written = platform.world.runtime.setdefault(web["id"], [])
    written += [_line(1, "a"), _line(2, "b"), _line(2, "b")]
    follow = c2d.process("logs", "--runtime", "-f", "web")
    assert follow.stdout is not None
    shown = [follow.stdout.readline() for _ in range(3)]

    written += [_line(2, "b"), _line(2, "c")]
    shown += [follow.stdout.readline() for _ in range(2)]
    written += [_line(3, "d")]
    shown += [follow.stdout.readline()]

    assert [line.strip() for line in shown] == ["a", "b", "b", "b", "c", "d"]


def test_status_shows_service_deployment_and_everything(
    c2d: Cli, two: list[dict[str, Any]]
) -> None:
    service = c2d.ok("status", "web")
    assert "r2 0123456789, healthy" in service
    assert "Say hello" in service
    deployment = c2d("status", "web#1")
    assert "✓ Build  1.2 s" in deployment.stdout
    assert "demo/web #1 is live after 12.3 s, 1.2 s of it the build" in deployment.stderr
    assert "demo/web" in c2d.ok("status")


def test_status_leads_to_the_execution_where_somebody_else_shows_it(
    c2d: Cli, two: list[dict[str, Any]]
) -> None:
    assert "Execution" not in c2d.ok("status", "web#1")
    two[0]["execution"]["url"] = "https://console.example/executions/details/one"
    assert "https://console.example/executions/details/one" in c2d.ok("status", "web#1")
    del two[0]["execution"]  # a platform of an earlier release
    assert "web #1" in c2d.ok("status", "web#1")


def test_status_waits_and_exits_like_deploy(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke."))
    deployment = platform.world.start(web)

    assert c2d("status", deployment["id"], "--wait").exit_code == 2


def test_deployments_are_listed_newest_first(c2d: Cli, two: list[dict[str, Any]]) -> None:
    assert [d["number"] for d in c2d.json("deployments", "list", "web")["items"]] == [2, 1]
    assert len(c2d.json("deployments", "list", "web", "--limit", "1")["items"]) == 1


def test_cancel_stops_the_latest_and_may_be_repeated(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append([("state", "building"), ("hold", "never")])
    deployment = platform.world.start(web)

    c2d.ok("cancel", "web")
    c2d.ok("cancel", "web")

    assert deployment["state"] == "cancelled"
    assert c2d("status", deployment["id"], "--wait").exit_code == 3


def test_what_is_live_cannot_be_cancelled(c2d: Cli, two: list[dict[str, Any]]) -> None:
    result = c2d("cancel", "web#1")

    assert result.exit_code == 1
    assert "roll back instead" in result.stderr


def test_retry_goes_on_and_shows_only_new_lines(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("Transient", "The registry was away.", lines=3))
    assert c2d("deploy", "web", "--wait").exit_code == 2

    result = c2d("retry", "web", "--wait", "--logs")

    assert result.exit_code == 0, result.output
    assert "Step 3/3" in result.stderr
    assert "line 3" not in result.stderr
    [deployment] = platform.world.deployments.values()
    assert deployment["attempt"] == 2


def test_rollback_goes_to_the_release_before(
    c2d: Cli, platform: FakePlatform, two: list[dict[str, Any]]
) -> None:
    result = c2d("rollback", "web", "--wait")

    assert result.exit_code == 0, result.output
    assert "Not restored: The database's schema stays as it is." in result.stderr
    assert list(platform.world.deployments.values())[-1]["rollback_of"] == two[0]["id"]


@pytest.mark.parametrize("form", ["1", "r1", "id"])
def test_rollback_goes_to_a_named_release(
    c2d: Cli, platform: FakePlatform, two: list[dict[str, Any]], form: str
) -> None:
    c2d.ok("rollback", "web", "--to", two[0]["id"] if form == "id" else form)

    assert list(platform.world.deployments.values())[-1]["rollback_of"] == two[0]["id"]


def test_rollback_list_marks_what_runs(c2d: Cli, two: list[dict[str, Any]]) -> None:
    rows = c2d.ok("rollback", "web", "--list").splitlines()

    assert "running" in rows[1]
    assert len(c2d.json("rollback", "web", "--list")["items"]) == 2


def test_rollback_without_an_earlier_release_is_refused(c2d: Cli, web: dict[str, Any]) -> None:
    c2d.ok("deploy", "web", "--wait")

    result = c2d("rollback", "web")

    assert result.exit_code == 1
    assert "no earlier release" in result.stderr


def test_json_of_a_rollback_that_is_waited_for_is_lines(
    c2d: Cli, two: list[dict[str, Any]]
) -> None:
    result = c2d("rollback", "web", "--wait", "--json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["event"] == "rollback"
    assert events[0]["not_restored"]
    assert events[-1]["outcome"] == "live"
