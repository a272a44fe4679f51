"""`c2d deploy`: outcomes, exit codes, and what the first deploy creates."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, checkout
from tests.cli.fake_server import FakePlatform
from tests.cli.fake_state import fail

REPO = "https://git.example/team/shop.git"


def test_the_first_deploy_is_one_line_and_creates_what_is_missing(
    c2d: Cli, platform: FakePlatform
) -> None:
    result = c2d("deploy", "--repo", REPO, "--project", "demo", "--service", "web", "--wait")

    assert result.exit_code == 0, result.output
    assert result.stdout == "http://web-demo.localhost:7080\n"
    assert [p["slug"] for p in platform.world.projects.values()] == ["demo"]
    [service] = platform.world.services.values()
    assert service["source"] == {"repository_url": REPO}


def test_the_same_line_again_deploys_and_creates_nothing(c2d: Cli, platform: FakePlatform) -> None:
    line = ("deploy", "--repo", REPO, "--project", "demo", "--service", "web", "--wait")
    c2d.ok(*line)
    c2d.ok(*line)

    assert len(platform.world.projects) == len(platform.world.services) == 1
    assert [d["number"] for d in platform.world.deployments.values()] == [1, 2]


def test_a_repository_alone_is_enough(c2d: Cli, platform: FakePlatform) -> None:
    c2d.ok("deploy", "--repo", REPO, "--wait")
    c2d.ok("deploy", "--repo", REPO.removesuffix(".git"), "--wait")

    [project] = platform.world.projects.values()
    [service] = platform.world.services.values()
    assert (project["slug"], service["slug"]) == ("shop", "web")


def test_without_wait_the_id_is_on_stdout(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    printed = c2d.ok("deploy", "web").strip()

    assert list(platform.world.deployments) == [printed]


def test_ref_and_cache_are_passed_on(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    c2d.ok("deploy", "web", "--ref", "v1.4", "--no-cache")

    [deployment] = platform.world.deployments.values()
    assert deployment["ref"] == "v1.4"


def test_an_image_and_a_ref_exclude_each_other(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    result = c2d("deploy", "web", "--ref", "main", "--image", "registry.example/api:1")

    assert result.exit_code == 1
    assert "an image is ready" in result.stderr
    assert not platform.world.deployments


def test_an_image_needs_no_repository(c2d: Cli, platform: FakePlatform) -> None:
    c2d.ok("deploy", "api", "--project", "demo", "--image", "registry.example/api:1", "--wait")

    [deployment] = platform.world.deployments.values()
    assert deployment["image"] == "registry.example/api:1"


def test_a_failed_build_exits_2_with_the_reason_and_its_last_30_lines(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("BuildFailed", "npm run build ended with code 1."))

    result = c2d("deploy", "web", "--wait")

    assert result.exit_code == 2
    assert "failed after 12.3 s: npm run build ended with code 1." in result.stderr
    assert "line 11\n" in result.stderr
    assert "line 10\n" not in result.stderr
    assert "c2d retry" in result.stderr
    assert result.stdout == ""


def test_no_logs_shows_none_even_after_a_failure(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke."))

    assert "line 40" not in c2d("deploy", "web", "--wait", "--no-logs").stderr


def test_logs_shows_every_line_once(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke.", lines=2500))

    written = c2d("deploy", "web", "--wait", "--logs").stderr.splitlines()

    lines = [line for line in written if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, 2501)]


@pytest.mark.parametrize(("state", "code"), [("cancelled", 3), ("superseded", 4)])
def test_other_outcomes_have_their_own_exit_codes(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any], state: str, code: int
) -> None:
    platform.world.scripts.append([("state", "waiting"), ("end", state, None, "Number 2 came.")])

    result = c2d("deploy", "web", "--wait")

    assert result.exit_code == code
    assert "Number 2 came." in result.stderr


def test_a_wait_that_times_out_exits_5_and_says_that_it_goes_on(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append([("state", "building"), ("hold", "never")])

    result = c2d("deploy", "web", "--wait", "--timeout", "0.5")

    assert result.exit_code == 5
    assert "still building after 0.5 s; the deployment goes on" in result.stderr


def test_plain_progress_is_one_line_per_change(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    written = c2d("deploy", "web", "--wait").stderr.splitlines()

    told = [line.split(" s  ", 1)[1] for line in written if " s  " in line]
    assert "✓ Build  1.2 s" in told
    assert "✓ Health gate  1.2 s" in told
    assert told[-1] == "live" or told[-1].startswith("✓")
    assert len(told) == len(set(told))


def test_what_it_waits_for_is_said(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    waiting = ("state", "waiting", "Deployment 1 of web is being released.")
    platform.world.scripts.append([waiting, ("hold", "turn"), ("end", "live", None, None)])
    deploy = c2d.process("deploy", "web", "--wait")
    assert deploy.stderr is not None

    for line in deploy.stderr:
        if "waiting: Deployment 1 of web is being released." in line:
            break
    platform.world.gate("turn").set()

    assert deploy.wait(20) == 0
    deploy.communicate()


def test_json_with_wait_is_one_document_per_line(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.scripts.append(fail("BuildFailed", "It broke.", lines=3))

    result = c2d("deploy", "web", "--wait", "--json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["event"] == "deployment"
    assert [e["line"]["text"] for e in events if e["event"] == "log"] == [
        "line 1",
        "line 2",
        "line 3",
    ]
    assert events[-1]["outcome"] == "failed"
    assert events[-1]["exit_code"] == result.exit_code == 2


def test_another_repository_for_an_existing_service_is_refused(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    result = c2d("deploy", "demo/web", "--repo", "https://git.example/team/other.git")

    assert result.exit_code == 1
    assert "c2d services set demo/web --repo https://git.example/team/other.git" in result.stderr
    assert not platform.world.deployments


def test_credentials_in_an_address_are_not_sent(c2d: Cli, platform: FakePlatform) -> None:
    url = "https://ada:hunter2@git.example/team/shop.git"
    result = c2d("deploy", "--repo", url, "--project", "demo", "--service", "web")

    [service] = platform.world.services.values()
    assert service["source"] == {"repository_url": REPO}
    assert "hunter2" not in result.output


def test_a_checkout_without_a_person_names_the_exact_command(
    c2d: Cli, platform: FakePlatform
) -> None:
    checkout(Path.cwd(), REPO)

    result = c2d("deploy", "--wait")

    assert result.exit_code == 1
    command = f"c2d deploy --repo {REPO} --project shop --service web --wait"
    assert command in result.stderr
    assert not platform.world.projects
    assert c2d(*command.split()[1:]).exit_code == 0


def test_a_checkout_with_yes_creates_links_and_deploys(c2d: Cli, platform: FakePlatform) -> None:
    checkout(Path.cwd(), REPO)

    c2d.ok("deploy", "--yes", "--wait")

    assert json.loads(Path(".c2d.json").read_text()) == {"project": "shop", "service": "web"}
    c2d.ok("deploy", "--wait")
    assert len(platform.world.services) == 1


def test_a_checkout_finds_the_service_that_is_built_from_its_origin(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    checkout(Path.cwd(), "https://ada:secret@git.example/team/shop")

    result = c2d("deploy", "--wait")

    assert result.exit_code == 0
    assert "demo/web is built from this checkout's origin." in result.stderr
    assert "secret" not in result.output


def test_commits_that_are_not_pushed_are_mentioned(
    c2d: Cli, web: dict[str, Any], tmp_path: Path
) -> None:
    origin = tmp_path / "shop.git"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True, timeout=30)
    checkout(Path.cwd(), str(origin))
    subprocess.run(["git", "push", "-q", "-u", "origin", "main"], check=True, timeout=30)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "2"], check=True, timeout=30)
    web["source"] = {"repository_url": str(origin)}

    assert "1 commit is not pushed" in c2d("deploy").stderr


def test_an_unknown_service_names_the_line_that_creates_it(c2d: Cli) -> None:
    result = c2d("deploy", "shop", "--project", "demo")

    assert result.exit_code == 1
    assert "c2d deploy --repo URL --project demo --service shop --wait" in result.stderr
