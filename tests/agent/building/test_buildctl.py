"""The buildctl builder, held to a stand-in that knows buildctl's documented command line."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.agent.building import buildctl_stand_in
from tests.agent.building.conftest import Agent, docker
from tests.agent.building.registry import Registry

pytestmark = pytest.mark.docker
CANARY = "canary-buildctl-77aa"


@pytest.fixture
def buildctl(agent: Agent, tmp_path: Path) -> Path:
    """The stand-in as an executable; the arguments it got are beside it."""
    script = tmp_path / "buildctl"
    source = Path(buildctl_stand_in.__file__)
    script.write_text(f"#!{sys.executable}\n{source.read_text()}")
    script.chmod(0o755)
    agent.configure(
        builder="buildctl",
        buildctl=str(script),
        buildkit_address="unix:///run/nowhere.sock",
        buildkit_root=Path("/var/lib/docker/buildkit"),
    )
    return script


def _dockerfile(*lines: str) -> dict[str, str]:
    unique = f"RUN echo {os.urandom(6).hex()}"
    return {"Dockerfile": "\n".join(["FROM debian:bookworm-slim AS one", unique, *lines]) + "\n"}


def test_without_a_registry_the_image_is_loaded_into_the_engine(agent: Agent, buildctl: Path):
    env = {
        "PLAIN": {"value": "visible", "secret": False},
        "TOKEN": {"value": CANARY, "secret": True},
    }
    lines = (
        "ARG PLAIN",
        "RUN --mount=type=secret,id=TOKEN echo $PLAIN $(cat /run/secrets/TOKEN)",
        "FROM one AS two",
    )
    output = agent.built(
        agent.repository(_dockerfile(*lines)),
        secrets={"env": env},
        dockerfile_target="one",
        no_cache=True,
    )
    assert docker("image", "inspect", "-f", "{{.Id}}", output["image_tag"]) == output["image"]
    argv = json.loads(buildctl.with_suffix(".json").read_text())
    assert argv[:3] == ["--addr", "unix:///run/nowhere.sock", "build"]
    assert "build-arg:PLAIN=visible" in argv
    assert "target=one" in argv
    assert "--no-cache" in argv
    assert not [part for part in argv if CANARY in part]
    assert "visible ***" in agent.last_log


def test_with_a_registry_buildkit_pushes_and_reports_the_digest(
    agent: Agent, buildctl: Path, tmp_path: Path
):
    with Registry(tmp_path / "registry").serving() as registry:
        output = agent.built(
            agent.repository(_dockerfile()),
            secrets={"registry": {"username": registry.username, "password": registry.password}},
            registry={"repository": f"{registry.host}/team/app", "insecure": True},
        )
        digest = output["image"].partition("@")[2]
        assert registry.manifest("team/app", digest).status_code == 200
        argv = json.loads(buildctl.with_suffix(".json").read_text())
        assert not [part for part in argv if registry.password in part]
        assert any("registry.insecure=true" in part for part in argv)
        docker("image", "rm", f"{registry.host}/team/app:r1")


def test_a_wrong_password_is_noticed_by_the_push(agent: Agent, buildctl: Path, tmp_path: Path):
    with Registry(tmp_path / "registry").serving() as registry:
        result = agent.build(
            agent.repository(_dockerfile()),
            secrets={"registry": {"username": registry.username, "password": "wrong-one"}},
            registry={"repository": f"{registry.host}/team/app"},
        )
        docker("image", "rm", f"{registry.host}/team/app:r1", check=False)
    assert result["error"]["type"] == "RegistryFailed"


def test_a_failing_step_is_explained_as_with_the_engine(agent: Agent, buildctl: Path):
    kind, reason = agent.failed(agent.repository(_dockerfile("RUN nosuchcommand")))
    assert (kind, "nosuchcommand is not in the image" in reason) == ("BuildFailed", True)
