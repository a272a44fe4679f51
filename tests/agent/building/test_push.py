"""Images go to a real registry that asks for a password."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.building.cloning import ArgumentLists
from tests.agent.building.conftest import Agent, docker
from tests.agent.building.registry import Registry

pytestmark = pytest.mark.docker


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry").serving() as serving:
        yield serving


def _dockerfile() -> dict[str, str]:
    return {"Dockerfile": f"FROM debian:bookworm-slim\nRUN echo {os.urandom(6).hex()} > /x\n"}


def _login(registry: Registry, password: str | None = None) -> dict[str, object]:
    given = password or registry.password
    return {"git": None, "env": {}, "registry": {"username": registry.username, "password": given}}


def test_the_image_is_pushed_and_named_by_its_digest(agent: Agent, registry: Registry):
    seen = ArgumentLists()
    target = {"repository": f"{registry.host}/team/app", "insecure": True}
    with seen:
        output = agent.built(
            agent.repository(_dockerfile()), secrets=_login(registry), registry=target
        )
    repository, _, digest = output["image"].partition("@")
    assert repository == f"{registry.host}/team/app"
    assert registry.manifest("team/app", digest).status_code == 200
    assert registry.manifest("team/app", "r1").headers["Docker-Content-Digest"] == digest
    assert output["timings"]["push_ms"] > 0
    assert any("login" in line for line in seen.lines)
    assert not [line for line in seen.lines if registry.password in line and "htpasswd" not in line]
    assert registry.password not in agent.last_log
    assert not list((agent.folder / "vault").rglob("config.json"))
    docker("image", "rm", f"{repository}:r1")


def test_a_private_base_image_is_read_with_the_same_login(agent: Agent, registry: Registry):
    target = {"repository": f"{registry.host}/team/app", "insecure": True}
    first = agent.built(agent.repository(_dockerfile()), secrets=_login(registry), registry=target)
    docker("image", "rm", f"{registry.host}/team/app:r1")
    again = {"Dockerfile": f"FROM {first['image']}\nRUN echo again > /y\n"}
    output = agent.built(
        agent.repository(again, "second"), secrets=_login(registry), registry=target
    )
    assert output["image"].startswith(f"{registry.host}/team/app@sha256:")
    docker("image", "rm", f"{registry.host}/team/app:r2")


def test_a_wrong_password_is_the_registrys_refusal(agent: Agent, registry: Registry):
    result = agent.build(
        agent.repository(_dockerfile()),
        secrets=_login(registry, "wrong-password"),
        registry={"repository": f"{registry.host}/team/app"},
    )
    assert result["error"]["type"] == "RegistryFailed"
    assert "did not accept the credentials" in result["error"]["reason"]


def test_a_missing_login_leaves_no_image_behind(agent: Agent, registry: Registry):
    result = agent.build(
        agent.repository(_dockerfile()), registry={"repository": f"{registry.host}/team/app"}
    )
    assert result["error"]["type"] == "RegistryFailed"
    assert docker("image", "ls", "-q", agent.images[-1]) == ""
    assert docker("image", "ls", "-q", f"{registry.host}/team/app") == ""


def test_a_registry_that_is_away_is_said(agent: Agent, tmp_path: Path):
    away = Registry(tmp_path / "never")
    result = agent.build(
        agent.repository(_dockerfile()), registry={"repository": f"{away.host}/team/app"}
    )
    assert result["error"]["type"] == "RegistryFailed"
    assert "could not be pushed" in result["error"]["reason"]
