"""What is found out about the machine: mirrors, engines, packages, settings, units."""

import http.server
import os
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import demo, engine, packages, requirements, rotation, stand_ins, systemd
from infra.local.errors import RefusedError
from infra.local.gitserver import GitServer
from infra.local.images import ALL, LAMBDA
from infra.local.mirror import debian_mirror
from infra.local.packages import Need
from infra.local.settings import read_settings
from tests.local.harness import PROJECT

DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
"""


def test_the_mirror_is_the_machines_own_in_both_formats(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    assert debian_mirror("bookworm", tmp_path) == "http://mirror.example/debian"
    (tmp_path / "sources.list.d/debian.sources").unlink()
    line = "deb [signed-by=/k.gpg arch=amd64] https://old.example/debian bookworm main\n"
    (tmp_path / "sources.list").write_text("# deb http://no.example bookworm main\n" + line)
    assert debian_mirror("bookworm", tmp_path) == "https://old.example/debian"


def test_a_machine_without_that_suite_is_told_which_setting_helps(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    with pytest.raises(RefusedError, match="C2D_DEBIAN_MIRROR"):
        debian_mirror("bookworm", tmp_path)


def test_a_bare_chroot_is_told_each_thing_the_engine_lacks(tmp_path: Path) -> None:
    lacks = " ".join(engine.missing_for_engine(tmp_path))
    for word in ("/proc", "/sys", "/dev", "memory", "mount -t cgroup2"):
        assert word in lacks
    assert engine.missing_for_engine() == []


def test_no_engine_at_a_socket_is_a_reason_that_names_it(tmp_path: Path) -> None:
    reason = engine.probe(tmp_path / "docker.sock")
    assert reason is not None
    assert "docker.sock" in reason


@pytest.mark.docker
def test_an_engine_that_answers_is_used_and_a_second_one_is_never_started(tmp_path: Path) -> None:
    assert engine.ensure_engine(Path("/var/run/docker.sock")) is None
    with pytest.raises(RefusedError, match="A second one would take down its bridges"):
        engine.ensure_engine(tmp_path / "other.sock")


def test_missing_packages_are_announced_with_their_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    need = Need("no-such-program", "some-package", "does something needed")
    with pytest.raises(RefusedError, match=r"sudo apt-get install .*some-package"):
        packages.install([need])
    assert "does something needed" in capsys.readouterr().out


def test_nothing_missing_installs_nothing() -> None:
    assert packages.install([Need("sh", "dash", "is always there")]) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "http"), ("C2D_HTTP_PORT", "70000"), ("DOCKER_HOST", "tcp://10.0.0.1:2375")],
)
def test_a_setting_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(RefusedError, match=variable):
        read_settings({variable: value})


def test_a_user_keeps_state_in_their_own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    settings = read_settings({"HOME": "/home/ann"})
    assert settings.home == Path("/home/ann/.local/share/click-to-deploy")


def test_every_base_image_has_a_stand_in() -> None:
    assert {*ALL, *LAMBDA} == set(stand_ins.RECIPES)


def test_the_unit_starts_this_checkout_and_quotes_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("C2D_DOMAIN", 'a"b%c')
    unit = systemd.render(read_settings({"C2D_HOME": "/srv/c2d"}))
    assert f"WorkingDirectory={PROJECT}" in unit
    assert 'Environment="C2D_HOME=/srv/c2d"' in unit
    assert 'Environment="C2D_DOMAIN=a\\"b%%c"' in unit
    assert "-m infra.local run" in unit


def test_logs_are_cut_at_their_limit_and_the_newest_parts_kept(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    with log.open("ab") as writer:
        for round_number in range(5):
            writer.write(f"{round_number}".encode() * 100)
            writer.flush()
            assert rotation.rotate(tmp_path, largest=50, kept=3) == ["agent.log"]
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "agent.log.1").read_bytes() == b"4" * 100
    assert (tmp_path / "agent.log.3").read_bytes() == b"2" * 100
    assert not (tmp_path / "agent.log.4").exists()


def test_requirements_are_those_of_the_project_file() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        content = tomllib.load(file)
    assert requirements.requirements([]) == content["project"]["dependencies"]
    assert set(content["dependency-groups"]["dev"]) < set(requirements.requirements(["dev"]))


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[str]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text("print('one')\n")
    demo.make_repository(source, tmp_path / "git/app.git")
    server = GitServer(tmp_path / "git", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


def test_the_demos_repository_is_cloned_from_its_server(git_server: str, tmp_path: Path) -> None:
    _git("clone", "-q", "--depth=1", f"{git_server}/app.git", str(tmp_path / "clone"))
    assert (tmp_path / "clone/app.py").read_text() == "print('one')\n"


def test_the_demos_repository_gets_a_commit_only_when_the_example_changed(
    git_server: str, tmp_path: Path
) -> None:
    first = _git("ls-remote", f"{git_server}/app.git", "main").split()[0]
    demo.make_repository(tmp_path / "source", tmp_path / "git/app.git")
    assert _git("ls-remote", f"{git_server}/app.git", "main").split()[0] == first
    (tmp_path / "source/app.py").write_text("print('two')\n")
    demo.make_repository(tmp_path / "source", tmp_path / "git/app.git")
    assert _git("ls-remote", f"{git_server}/app.git", "main").split()[0] != first


def test_the_demos_git_server_takes_no_pushes(git_server: str, tmp_path: Path) -> None:
    _git("clone", "-q", f"{git_server}/app.git", str(tmp_path / "clone"))
    pushed = subprocess.run(
        ["git", "-C", str(tmp_path / "clone"), "push", "-q", "origin", "main:other"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert pushed.returncode != 0
    assert "other" not in _git("ls-remote", f"{git_server}/app.git")


def test_an_engine_that_answers_with_an_error_is_not_ready(tmp_path: Path) -> None:
    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            return

        def address_string(self) -> str:
            return "engine"

    import socketserver

    path = tmp_path / "docker.sock"
    with socketserver.UnixStreamServer(str(path), Broken) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        reason = engine.probe(path)
        thread.join(10)
    assert reason == f"{path} answers 500"
