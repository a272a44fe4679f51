"""`c2d audit` and `c2d canvas` against the platform's own endpoints."""

import json
from pathlib import Path

import pytest

from shared.http import deps
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.cli.test_real_endpoints import Engine, engine, platform
from tests.fakes.store import FakeStore

__all__ = ["engine", "platform"]


@pytest.fixture
def demo(c2d: Cli, platform: FakePlatform, engine: Engine) -> None:
    async def acting(current: deps.CurrentAct) -> FakeStore:
        return engine._store.acting(current)

    platform.app.dependency_overrides[deps.store] = acting
    c2d.ok("projects", "create", "demo")


def test_a_change_is_listed_with_its_author(c2d: Cli, demo: None) -> None:
    shown = c2d.ok("audit", "--since", "1h")

    assert "projects.create" in shown
    assert "project demo" in shown
    assert "owner" in shown
    assert c2d.json("audit", "--action", "services.create") == {"items": []}


def test_an_export_is_a_file_on_stdout(c2d: Cli, demo: None) -> None:
    header, row = c2d.ok("audit", "--export", "csv").splitlines()
    [line] = c2d.ok("audit", "--export", "jsonl").splitlines()

    assert header.startswith("id,created_at,actor_kind")
    assert "projects.create,project," in row
    assert json.loads(line)["resource_name"] == "demo"


def test_a_time_that_is_none_is_refused(c2d: Cli, demo: None) -> None:
    result = c2d("audit", "--since", "yesterday")

    assert result.exit_code == 1
    assert "'yesterday' is no time" in result.stderr


def test_a_canvas_is_shown_and_saved_whole(c2d: Cli, demo: None, tmp_path: Path) -> None:
    file = tmp_path / "canvas.json"
    file.write_text(json.dumps({"nodes": [{"id": "web", "x": 1.5}]}))

    assert json.loads(c2d.ok("canvas", "show", "demo")) == {}
    assert "version 1" in c2d("canvas", "save", str(file), "demo").stderr
    assert json.loads(c2d.ok("canvas", "show", "demo")) == json.loads(file.read_text())
    assert c2d.json("canvas", "show", "demo")["version"] == 1
