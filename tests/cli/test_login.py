"""Signing in, and where the token may and may not go."""

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform


@pytest.fixture
def out(c2d: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Signed out."""
    monkeypatch.delenv("C2D_API_URL")
    monkeypatch.delenv("C2D_TOKEN")
    return c2d


def _credentials(tmp_path: Path, url: str, token: str) -> Path:
    path = tmp_path / "state" / "credentials.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"api_url": url, "token": token}))
    return path


def test_on_the_platforms_machine_nothing_is_asked(
    out: Cli, platform: FakePlatform, tmp_path: Path, home: Path
) -> None:
    _credentials(tmp_path, platform.url, platform.token)

    result = out("login")

    assert result.exit_code == 0, result.output
    stored = home / ".config/c2d/config.json"
    assert json.loads(stored.read_text())["token"] == platform.token
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert platform.token not in result.output
    assert out("projects", "list").exit_code == 0


def test_a_platform_that_made_a_new_token_is_followed(
    out: Cli, platform: FakePlatform, tmp_path: Path
) -> None:
    path = _credentials(tmp_path, platform.url, platform.token)
    out.ok("login")
    platform.stop()
    fresh = FakePlatform()
    fresh.start()
    path.write_text(json.dumps({"api_url": fresh.url, "token": fresh.token}))

    try:
        assert out("projects", "list").exit_code == 0
    finally:
        fresh.stop()


def test_without_a_login_this_machines_platform_is_used(
    out: Cli, platform: FakePlatform, tmp_path: Path
) -> None:
    _credentials(tmp_path, platform.url, platform.token)

    assert out("projects", "list").exit_code == 0


def test_address_and_token_from_stdin(out: Cli, platform: FakePlatform) -> None:
    line = ("login", "--url", platform.url, "--token", "-")
    assert out(*line, stdin=f"{platform.token}\n").exit_code == 0
    assert out("projects", "list").exit_code == 0


def test_a_wrong_token_is_not_stored(out: Cli, platform: FakePlatform, home: Path) -> None:
    result = out("login", "--url", platform.url, "--token", "-", stdin="c2d_wrong\n")

    assert result.exit_code == 1
    assert "does not accept this token" in result.stderr
    assert not (home / ".config/c2d/config.json").exists()


def test_an_address_that_is_not_http_is_refused(out: Cli, tmp_path: Path) -> None:
    result = out("login", "--url", "ftp://example", "--token", "-", stdin="c2d_x\n")

    assert result.exit_code == 1
    assert "is not an http address" in result.stderr


def test_a_token_that_is_none_is_refused_before_it_is_sent(
    out: Cli, platform: FakePlatform
) -> None:
    result = out("login", "--url", platform.url, "--token", "c2d_\u201cquoted\u201d")

    assert result.exit_code == 1
    assert "holds characters that no token has" in result.stderr
    assert not platform.seen


def test_logout_forgets(out: Cli, platform: FakePlatform) -> None:
    out.ok("login", "--url", platform.url, "--token", "-", stdin=platform.token)
    out.ok("logout")

    result = out("projects", "list")
    assert result.exit_code == 1
    assert "c2d login" in result.stderr


def test_a_stored_token_never_goes_to_another_address(
    out: Cli, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.ok("login", "--url", platform.url, "--token", "-", stdin=platform.token)
    monkeypatch.setenv("C2D_API_URL", "http://127.0.0.1:1")

    result = out("projects", "list")

    assert result.exit_code == 1
    assert "C2D_API_URL is set but C2D_TOKEN is not" in result.stderr


def test_a_proxy_for_the_outside_is_not_used_on_loopback(
    c2d: Cli, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")

    assert c2d("projects", "list").exit_code == 0


def test_a_broken_config_is_named(out: Cli, home: Path) -> None:
    path = home / ".config/c2d/config.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")

    result = out("projects", "list")

    assert result.exit_code == 1
    assert str(path) in result.stderr


def test_whoami_shows_the_platform_and_never_the_token(c2d: Cli, platform: FakePlatform) -> None:
    result = c2d("whoami")

    assert result.exit_code == 0
    assert platform.url in result.stdout
    assert "postgres" in result.stdout
    assert platform.token not in result.output


def test_whoami_exits_1_with_a_refused_token(c2d: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2D_TOKEN", "c2d_wrong")

    result = c2d("whoami")

    assert result.exit_code == 1
    assert "refused" in result.stdout
