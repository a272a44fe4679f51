"""Names, ids and links."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, checkout
from tests.cli.fake_server import FakePlatform


@pytest.mark.parametrize("form", ["web", "demo/web", "Demo/Web", "WEB"])
def test_a_service_goes_by_every_form_of_its_name(c2d: Cli, web: dict[str, Any], form: str) -> None:
    assert c2d.json("services", "show", form)["id"] == web["id"]


def test_a_service_goes_by_its_id(c2d: Cli, web: dict[str, Any]) -> None:
    assert c2d.json("services", "show", web["id"])["slug"] == "web"


def test_an_ambiguous_name_lists_the_candidates(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    platform.world.add_service(platform.world.add_project("other"), "web")

    result = c2d("services", "show", "web")

    assert result.exit_code == 1
    assert "demo/web, other/web" in result.stderr


def test_a_link_decides_between_services_of_one_name(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    other = platform.world.add_project("other")
    platform.world.add_service(other, "web")
    api = platform.world.add_service(other, "api")
    c2d.ok("link", "other/api")

    assert c2d.json("services", "show")["id"] == api["id"]
    assert c2d.json("services", "show", "web")["project_id"] == other["id"]


def test_a_link_holds_below_its_folder_but_not_in_another_checkout(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    c2d.ok("link", "web")
    assert json.loads(Path(".c2d.json").read_text()) == {"project": "demo", "service": "web"}
    below = Path("src/deep")
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert c2d.json("services", "show")["id"] == web["id"]

    checkout(Path.cwd(), "https://git.example/team/other.git")
    assert c2d("services", "show").exit_code == 1


def test_a_link_by_origin(c2d: Cli, web: dict[str, Any]) -> None:
    checkout(Path.cwd(), "https://git.example/team/shop")

    assert c2d.json("link")["service"] == "web"


def test_a_link_to_something_gone_says_how_to_link_anew(c2d: Cli, web: dict[str, Any]) -> None:
    Path(".c2d.json").write_text('{"project": "demo", "service": "gone"}')

    result = c2d("status")

    assert result.exit_code == 1
    assert "c2d link PROJECT/SERVICE" in result.stderr


def test_a_broken_link_file_is_named(c2d: Cli, web: dict[str, Any]) -> None:
    Path(".c2d.json").write_text("{}")

    result = c2d("status")

    assert result.exit_code == 1
    assert ".c2d.json" in result.stderr


def test_without_a_name_and_a_link_the_services_are_listed(c2d: Cli, web: dict[str, Any]) -> None:
    result = c2d("logs")

    assert result.exit_code == 1
    assert "demo/web" in result.stderr
    assert "c2d link" in result.stderr


def test_a_deployment_goes_by_its_number(
    c2d: Cli, platform: FakePlatform, web: dict[str, Any]
) -> None:
    first = platform.world.start(web)
    platform.world.start(web)
    c2d.ok("link", "web")

    for form in ("1", "#1", "web#1", "demo/web#1", first["id"]):
        assert c2d.json("status", form)["deployment"]["id"] == first["id"], form


def test_an_unknown_number_is_not_found(c2d: Cli, web: dict[str, Any]) -> None:
    result = c2d("status", "web#9")

    assert result.exit_code == 1
    assert "demo/web has no deployment #9" in result.stderr


def test_the_working_folder_is_left_alone(c2d: Cli, web: dict[str, Any]) -> None:
    c2d.ok("services", "list")
    c2d.ok("deploy", "web", "--wait")

    assert list(Path.cwd().iterdir()) == []
