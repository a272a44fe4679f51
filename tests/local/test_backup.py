"""Backup and restore: everything needed comes back, everything unfit is refused untouched."""

import json
import shutil
import tarfile
from pathlib import Path

import psycopg
import pytest

from infra.local import backup, lifecycle
from infra.local.errors import RefusedError
from infra.local.settings import LocalSettings, read_settings
from infra.local.state import State, create_state
from tests.local.harness import eventually

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(state: State) -> LocalSettings:
    return read_settings({"C2D_HOME": str(state.home)})


@pytest.fixture
def saved(state: State, settings: LocalSettings, tmp_path: Path) -> Path:
    """A backup of a platform with one row and one route."""
    with (
        backup.database_of(settings, state) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('precious')")
    route = state.home / "edge/routes/web-demo.localhost/127.64.0.1:17080@3"
    route.parent.mkdir(parents=True)
    route.touch()
    target = tmp_path / "saved.tar.gz"
    backup.backup(settings, target)
    return target


def rewritten(source: Path, name: str, change: str) -> Path:
    """The same backup with one member's content replaced."""
    folder = source.parent / "rewritten"
    with tarfile.open(source) as tar:
        tar.extractall(folder)
    (folder / name).write_text(change)
    target = source.with_name("rewritten.tar.gz")
    with tarfile.open(target, "w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path, arcname=str(path.relative_to(folder)))
    shutil.rmtree(folder)
    return target


def words(settings: LocalSettings, state: State) -> list[str]:
    with backup.database_of(settings, state) as url, psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select word from kept").fetchall()]


def test_a_lost_machine_comes_back_from_its_backup(
    saved: Path, state: State, settings: LocalSettings
) -> None:
    kept = {
        name: (state.home / name).read_bytes()
        for name in ("keys/master-0001.json", "keys/agent.token", "platform-id")
    }
    token = json.loads(state.credentials.read_text())["token"]
    for path in state.home.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    backup.restore(settings, saved, force=False)
    assert {name: (state.home / name).read_bytes() for name in kept} == kept
    assert json.loads(state.credentials.read_text())["token"] == token
    assert words(settings, state) == ["precious"]
    assert (state.home / "edge/routes/web-demo.localhost/127.64.0.1:17080@3").exists()
    assert state.master_key.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_readable_by_its_owner_only_and_names_what_it_lacks(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    with tarfile.open(saved) as tar:
        content = tar.extractfile("manifest.json")
        assert content is not None
        assert "volumes" in json.load(content)["not_included"]


def test_an_existing_platform_is_not_overwritten_and_force_moves_it_aside(
    saved: Path, state: State, settings: LocalSettings
) -> None:
    with pytest.raises(RefusedError, match="--force"):
        backup.restore(settings, saved, force=False)
    with backup.database_of(settings, state) as url, psycopg.connect(url) as connection:
        connection.execute("insert into kept values ('newer')")
        connection.commit()
    backup.restore(settings, saved, force=True)
    assert words(settings, state) == ["precious"]
    (aside,) = state.home.glob("replaced-*")
    assert (aside / "postgres/PG_VERSION").exists()
    assert (aside / "keys/master-0001.json").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 99}, "format 99"),
        ({"postgres": 99}, "install postgresql-99"),
        ({"files": {"keys/master-0001.json": "0" * 64}}, "damaged: keys/master-0001.json"),
    ],
)
def test_an_unfit_backup_is_refused_before_anything_changes(
    saved: Path, state: State, settings: LocalSettings, change: dict[str, object], says: str
) -> None:
    with tarfile.open(saved) as tar:
        content = tar.extractfile("manifest.json")
        assert content is not None
        manifest = json.load(content)
    unfit = rewritten(saved, "manifest.json", json.dumps(manifest | change))
    before = state.master_key.read_bytes()
    with pytest.raises(RefusedError, match=says):
        backup.restore(settings, unfit, force=True)
    assert state.master_key.read_bytes() == before
    assert words(settings, state) == ["precious"]


def test_a_file_that_is_no_backup_is_refused(
    settings: LocalSettings, state: State, tmp_path: Path
) -> None:
    (tmp_path / "photo").write_bytes(b"not a tar")
    with pytest.raises(RefusedError, match="not a backup"):
        backup.restore(settings, tmp_path / "photo", force=True)


def test_a_backup_that_reaches_outside_is_refused(
    settings: LocalSettings, state: State, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as tar:
        (tmp_path / "payload").write_text("x")
        tar.add(tmp_path / "payload", arcname="../escaped")
    with pytest.raises(RefusedError, match="no backup holds"):
        backup.restore(settings, evil, force=True)
    assert not (state.home / "escaped").exists()
    assert not (state.home.parent / "escaped").exists()


def test_a_running_platform_is_not_restored_over(
    saved: Path, state: State, settings: LocalSettings, platform: object
) -> None:
    from tests.local.harness import Platform

    assert isinstance(platform, Platform)
    platform.plan({"name": "app", "argv": ["sleep", "600"]})
    platform.start()
    eventually(lambda: lifecycle.running_supervisor(state) is not None, "it runs")
    with pytest.raises(RefusedError, match="make down"):
        backup.restore(settings, saved, force=True)


def test_secrets_are_made_once_and_closed_to_others(state: State) -> None:
    first = state.credentials.read_text(), state.master_key.read_text()
    create_state(state, "http://127.0.0.1:1")
    assert (state.credentials.read_text(), state.master_key.read_text()) == first
    for path in (state.credentials, state.master_key, state.agent_token):
        assert path.stat().st_mode & 0o077 == 0
