"""Secrets reach the build and the app, and nothing else.

Canaries in variables of builds, of apps and of both, and one in the repository's login, told by the
build, by the pre-deploy command, by the app and by apps that fail, in every way they know: neither
they nor a part of them is in logs, reasons, the database, the engine's tables, the state folder
with the database's own files, image histories, images, or any process's argument list.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.local.postgres_binaries import choose, installations
from tests.agent.building.git_servers import HttpServer
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, docker, until
from tests.e2e.processes import command_lines, sampled
from tests.e2e.secretive import secretive
from tests.e2e.traces import Canary, Search, opened

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

GIT_USER = "reader"
WAYS = 14
"""In how many lines one secret is told, at least."""


@dataclass
class Told:
    """What was done with the secrets, for the tests to look for them afterwards."""

    platform: Platform
    service: dict[str, Any]
    canaries: dict[str, Canary]
    search: Search
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)
    argument_lists: list[str] = field(default_factory=list)
    processes: int = 0

    def deploy(self, name: str) -> dict[str, Any]:
        client = self.platform.client
        self.ends[name] = client.ended(client.deploy(self.service["id"]))
        return self.ends[name]

    def watch(self) -> None:
        """Looks at every process's argument list."""
        for _, line in command_lines():
            self.processes += 1
            self.argument_lists += self.search.within(line)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, repository: Repositories) -> Iterator[Told]:
    names = ("BUILD", "RUN", "BOTH", "SHARED", "GIT", "FORGOTTEN")
    canaries = {name: Canary.new() for name in names}
    login = tmp_path_factory.mktemp("login") / "git"
    login.write_text(f"{GIT_USER}\n{canaries['GIT'].value}")
    code = repository("secretive")
    settings = {"C2D_TEST_GIT_LOGIN": str(login), "C2D_AGENT_NAME": f"canary-{os.getpid()}"}
    git = HttpServer(code.folder.parent, (GIT_USER, canaries["GIT"].value))
    with git.serving(), Platform(short_folder(tmp_path_factory), settings) as platform:
        url = f"{git.url}/{code.folder.name}"
        service = platform.client.service(
            platform.client.project("secretive"), "web", url, health={"timeout_seconds": 10}
        )
        scene = Told(platform, service, canaries, Search(canaries.values()))
        give_secrets(scene)
        with sampled(scene.watch):
            live_through(scene, code)
        yield scene


def give_secrets(told: Told) -> None:
    for name in ("BUILD", "RUN", "BOTH"):
        variable = {
            "key": f"{name}_CANARY",
            "value": told.canaries[name].value,
            "secret": True,
            "available": name.lower(),
        }
        shown = told.platform.client.call(
            "POST", f"/services/{told.service['id']}/env", json=variable
        )
        assert shown["value"] is None
    share_secret(told)


def share_secret(told: Told) -> None:
    """A sealed variable of another service, which the app gets by a reference."""
    client, project = told.platform.client, told.service["project_id"]
    db = client.service(project, "db", "https://git.example/none.git")
    sealed = {"key": "PASSWORD", "value": told.canaries["SHARED"].value, "sealed": True}
    client.call("POST", f"/services/{db['id']}/env", json=sealed)
    link = {"key": "SHARED_CANARY", "value": "${{db.PASSWORD}}"}
    shown = client.call("POST", f"/services/{told.service['id']}/env", json=link)
    assert (shown["value"], shown["secret"]) == ("${{db.PASSWORD}}", False)


def live_through(told: Told, code: Any) -> None:
    """A good deployment, a crash, and one deployment for each way to fail."""
    client, path = told.platform.client, f"/services/{told.service['id']}"
    client.call("PATCH", path, json={"run": {"pre_deploy_command": "python3 -u /tell.py 0"}})
    code.commit(secretive())
    assert told.deploy("live")["state"] == "live", told.ends["live"]["reason"]
    client.get(told.service, "/crash")
    until(lambda: client.get(told.service).status_code == 200, "the app's return", 30)
    client.call("PATCH", path, json={"run": {"pre_deploy_command": "python3 -u /tell.py 4"}})
    assert told.deploy("pre-deploy")["error"] == "PreDeployFailed"
    start = {"pre_deploy_command": None, "start_command": "python3 -u /tell.py 5"}
    client.call("PATCH", path, json={"run": start})
    assert told.deploy("exits")["error"] == "HealthCheckFailed"
    client.call("PATCH", path, json={"run": {"start_command": None}})
    code.commit(secretive(code=7))
    assert told.deploy("build")["error"] == "BuildFailed"


def test_the_app_and_its_build_really_get_their_secrets(told: Told) -> None:
    answer = told.platform.client.get(told.service).text.split()
    expected = [digest(told.canaries[name]) for name in ("RUN", "BOTH")]
    assert answer[:2] == expected
    assert answer[2] == hashlib.sha256(b"").hexdigest(), "a build's secret is in the app"
    built = [word for word in answer[3:] if word != "-"]
    assert built == [digest(told.canaries[name]) for name in ("BUILD", "BOTH")]


TOLD_BY = {
    "live": ("Build", "PreDeployCommand"),
    "pre-deploy": ("PreDeployCommand",),
    "exits": (),
    "build": ("Build",),
}


@pytest.mark.parametrize("name", TOLD_BY)
def test_neither_log_nor_reason_of_a_deployment_tells(told: Told, name: str) -> None:
    client, done = told.platform.client, told.ends[name]
    path = f"/deployments/{done['id']}/logs"
    lines = client.call("GET", path, params={"limit": 5000})["items"]
    texts = [line["text"] for line in lines]
    assert told.search.within("\n".join(texts).encode()) == []
    assert told.search.within("".join(texts).encode()) == []
    assert told.search.within(client.log(done["id"]).encode()) == []
    assert told.search.within(client.http.get(f"/deployments/{done['id']}").content) == []
    assert told.search.within(client.http.get(f"/deployments/{done['id']}/steps").content) == []
    for step in TOLD_BY[name]:
        said = [line["text"] for line in lines if line["source"].startswith(step)]
        assert len([text for text in said if "CANARY" in text and "***" in text]) >= 2 * WAYS


def test_the_apps_own_log_does_not_tell(told: Told) -> None:
    path = f"/services/{told.service['id']}/logs"
    lines = told.platform.client.call("GET", path, params={"tail": 5000})["items"]
    texts = [line["text"] for line in lines]
    assert len([text for text in texts if "CANARY" in text and "***" in text]) >= 2 * WAYS
    assert told.search.within("\n".join(texts).encode()) == []
    assert told.search.within("".join(texts).encode()) == []
    for tail in (1, 2, 3, 7, 15):
        answer = told.platform.client.http.get(path, params={"tail": tail})
        assert told.search.within(answer.content) == []


def test_no_process_was_given_a_secret_as_an_argument(told: Told) -> None:
    assert told.argument_lists == []
    assert told.processes > 1000, "nothing was looked at"


def test_a_dump_of_the_database_does_not_tell(told: Told) -> None:
    dump = dumped(told.platform)
    inside = opened(dump)
    assert b"CREATE TABLE" in dump
    assert dump.count(told.ends["live"]["id"].encode()) > 5
    assert b"BOTH_CANARY plain: ***" in inside, "the log chunks were not looked into"
    assert b"deploy" in dump
    assert b"workflow_status" in dump, "the engine's tables were not looked into"
    assert told.search.within(dump) == []
    assert told.search.within(inside) == []


def test_no_file_of_the_platform_tells(told: Told) -> None:
    home = told.platform.home
    for name in ("platform", "agent", "caddy", "postgres"):
        assert (home / "logs" / f"{name}.log").exists()
    assert any((home / "postgres").rglob("pg_wal/*"))
    assert told.search.in_files(home) == []


def test_no_image_tells(told: Told) -> None:
    images = docker("images", "-q", "--no-trunc", f"c2d/{told.service['id']}").split()
    assert images
    for image in set(images):
        assert told.search.within(docker("history", "--no-trunc", image).encode()) == []
        assert told.search.within(docker("image", "inspect", image).encode()) == []
        assert told.search.in_output(["docker", "save", image]) == []


@pytest.mark.parametrize("login", ["reader:{}@", "{}@", "{}:x-oauth-basic@"])
def test_a_repository_url_with_credentials_is_refused_and_forgotten(told: Told, login: str) -> None:
    client = told.platform.client
    given = login.format("".join(told.canaries["FORGOTTEN"].parts))
    project = client.project(f"forgotten-{login.index('{')}-{len(login)}")
    body = {"name": "web", "source": {"repository_url": f"https://{given}git.invalid/a/b.git"}}
    answer = client.http.post(f"/projects/{project}/services", json=body)
    assert answer.status_code == 422
    assert "connect" in answer.json()["detail"]
    assert told.search.within(answer.content) == []
    assert told.search.within(dumped(told.platform)) == []
    assert told.search.in_files(told.platform.home / "logs") == []


def test_a_part_of_a_secret_is_found_wherever_it_is(tmp_path: Path) -> None:
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote
    from zlib import compress

    canary = Canary.new()
    search = Search([canary])
    plain = canary.value.encode()
    for text in (plain, quote(canary.value).encode(), dumps(canary.value).encode()):
        assert search.within(b"... " + text)
    for before in range(5):
        assert search.within(b64encode(b"u" * before + plain))
    assert search.within(plain[: len(plain) // 2])
    assert search.in_stream([b"." * 99 + plain[:15], plain[15:]])
    assert not search.within(Canary.new().value.encode())
    packed = b"\\\\x" + compress(plain).hex().encode()
    assert not search.within(packed)
    assert search.within(opened(packed))
    assert search.within(opened(b"x\t" + b64encode(b'{"a": "' + plain + b'"}') + b"\n"))
    (tmp_path / "file").write_bytes(b"." * 5_000_000 + plain)
    assert search.in_files(tmp_path)


def digest(canary: Canary) -> str:
    return hashlib.sha256(canary.value.encode()).hexdigest()


def dumped(platform: Platform) -> bytes:
    """The whole database with the engine's tables, as text."""
    program = choose(platform.home / "postgres", installations()).program("pg_dump")
    return subprocess.run(
        [program, platform.database_url], check=True, capture_output=True, timeout=120
    ).stdout
