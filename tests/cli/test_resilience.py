"""A control plane that is away, slow or restarting, and what the client makes of it."""

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform, Fault


def _until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        read.append(line.rstrip("\n"))
        if text in line:
            return read
    raise AssertionError(f"{text!r} never came: {read}")


def test_a_refused_connection_says_how_to_start(c2d: Cli, platform: FakePlatform) -> None:
    platform.stop()
    began = time.monotonic()

    result = c2d("projects", "list")

    assert result.exit_code == 1
    assert f"nothing answers at {platform.url}" in result.stderr
    assert "make up" in result.stderr
    assert time.monotonic() - began < 10


def test_a_get_survives_a_dropped_connection(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.faults.append(Fault("/projects$", "drop"))

    assert "demo" in c2d.ok("projects", "list")
    assert platform.count("GET .*/projects") == 2


def test_a_get_waits_as_long_as_a_503_asks(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.faults.append(Fault("/projects$", "503", retry_after=1))
    began = time.monotonic()

    c2d.ok("projects", "list")

    assert 0.7 < time.monotonic() - began < 10


def test_a_write_whose_answer_was_lost_is_sent_again_with_its_key(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.faults.append(Fault("/deploy$", "drop"))

    c2d.ok("deploy", "web")

    assert platform.count("POST .*/deploy") == 2
    [first, second] = platform.keys
    assert first == second
    assert len(first) >= 32


def test_two_writes_have_two_keys(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    c2d.ok("deploy", "web")
    c2d.ok("deploy", "web")

    assert len(set(platform.keys)) == len(platform.keys) == 2


def test_a_write_waits_as_long_as_a_503_asks(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.faults.append(Fault("/deploy$", "503", retry_after=1))
    began = time.monotonic()

    c2d.ok("deploy", "web")

    assert 0.7 < time.monotonic() - began < 10
    assert platform.count("POST .*/deploy") == 2


def test_a_page_that_is_not_the_api_is_named_as_such(c2d: Cli, platform: FakePlatform) -> None:
    platform.faults.append(Fault("/projects$", "200", times=9))

    result = c2d("projects", "list")

    assert result.exit_code == 1
    assert "something else than JSON" in result.stderr


def test_a_refused_token_says_how_to_sign_in(
    c2d: Cli, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C2D_TOKEN", "c2d_wrong")

    result = c2d("projects", "list")

    assert result.exit_code == 1
    assert "This token is not known here." in result.stderr
    assert "c2d login" in result.stderr
    assert "c2d_wrong" not in result.output


def test_errors_are_json_when_json_was_asked_for(c2d: Cli) -> None:
    result = c2d("--json", "projects", "show", "nothing")

    assert result.stdout == ""
    assert json.loads(result.stderr)["error"] == "NotFound"


def test_following_a_log_over_a_restart_loses_nothing_and_repeats_nothing(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    script = [("state", "building")]
    for part in range(4):
        script += [("log", *(f"part {part} line {n}" for n in range(300))), ("hold", f"{part}")]
    platform.world.scripts.append([*script, ("end", "live", None, None)])
    deployment = platform.world.start(web)
    follow = c2d.process("logs", "-f", "--deployment", deployment["id"])

    lines = _until(follow, "part 0 line 299")
    platform.faults.append(Fault("/logs$", "drop", times=2))
    platform.world.gate("0").set()
    lines += _until(follow, "part 1 line 299")
    platform.stop()
    platform.world.gate("1").set()
    platform.world.until(lambda: len(platform.world.logs[deployment["id"]]) == 900)
    platform.start()
    lines += _until(follow, "part 2 line 299")
    platform.world.gate("2").set()
    platform.world.gate("3").set()
    rest, _ = follow.communicate(timeout=30)
    lines += rest.splitlines()

    assert lines == [f"part {part} line {n}" for part in range(4) for n in range(300)]
    assert follow.returncode == 0


def test_waiting_survives_a_restart_and_reports_the_outcome(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(
        [("state", "building"), ("hold", "build"), ("end", "live", None, None)]
    )
    deploy = c2d.process("deploy", "web", "--wait", "--json")
    _until(deploy, '"building"')

    platform.stop()
    assert deploy.stderr is not None
    assert "trying again" in deploy.stderr.readline()
    platform.world.gate("build").set()
    [deployment] = platform.world.deployments.values()
    platform.world.until(lambda: deployment["state"] == "live")
    platform.start()
    rest, _ = deploy.communicate(timeout=30)

    assert deploy.returncode == 0
    events = [json.loads(line) for line in rest.splitlines()]
    assert [e["outcome"] for e in events if e["event"] == "outcome"] == ["live"]


def test_ctrl_c_leaves_the_deployment_running_and_says_how_to_stop_it(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append([("state", "building"), ("hold", "never")])
    deploy = c2d.process("deploy", "web", "--wait", "--json")
    _until(deploy, '"building"')

    deploy.send_signal(signal.SIGINT)
    _, errors = deploy.communicate(timeout=20)

    [deployment] = platform.world.deployments.values()
    assert deploy.returncode == 130
    assert f"c2d cancel {deployment['id']}" in errors
    assert "Traceback" not in errors
    assert deployment["state"] == "building"
    assert not platform.count("cancel")


def test_ctrl_c_while_following_a_log_is_quiet(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append([("state", "building"), ("log", "hello"), ("hold", "never")])
    platform.world.start(web)
    follow = c2d.process("logs", "-f", "web")
    _until(follow, "hello")

    follow.send_signal(signal.SIGINT)
    _, errors = follow.communicate(timeout=20)

    assert follow.returncode == 130
    assert "Traceback" not in errors


def test_a_closed_pipe_is_no_crash(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    platform.world.scripts.append(
        [("log", *("x" * 100 for _ in range(5000))), ("end", "live", None, None)]
    )
    deployment = platform.world.start(web)
    platform.world.until(lambda: deployment["state"] == "live")
    read = c2d.process("logs", "web")
    assert read.stdout is not None
    assert read.stderr is not None
    read.stdout.readline()
    read.stdout.close()

    assert read.wait(20) != 0
    assert "Traceback" not in read.stderr.read()
    read.stderr.close()


def test_lists_are_read_page_by_page(c2d: Cli, platform: FakePlatform) -> None:
    for number in range(230):
        platform.world.add_project(f"p{number}")

    assert len(c2d.json("projects", "list")["items"]) == 230
    assert platform.count("GET .*/projects") == 3
