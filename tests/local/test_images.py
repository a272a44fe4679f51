"""Base images: pulled from a real registry, given up early where none answers."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import images, stand_ins
from infra.local.engine import docker
from infra.local.errors import RefusedError
from infra.local.images import DEBIAN, present, provide, pull
from tests.local.harness import eventually

pytestmark = pytest.mark.docker


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's registry on a free port of loopback; answers its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n"
        f"http: {{addr: '{address}'}}\nlog: {{level: error}}\n"
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    host, port = address.split(":")

    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex((host, int(port))) == 0

    eventually(listens, "the registry listens")
    yield address
    process.terminate()
    process.wait(10)


def tiny(name: str) -> None:
    """An image of one empty layer."""
    made = docker("import", "-", name, stdin=bytes(10240))
    assert made.returncode == 0, made.stderr


def test_an_image_comes_from_a_registry_that_has_it(registry: str) -> None:
    name = f"{registry}/base:1"
    tiny(name)
    assert docker("push", name).returncode == 0
    docker("image", "rm", name)
    assert not present(name)
    assert pull(name) is None
    assert present(name)
    docker("image", "rm", name)


def test_an_image_the_registry_lacks_is_a_reason(registry: str) -> None:
    reason = pull(f"{registry}/no-such-image:1")
    assert reason is not None
    assert "not found" in reason or "unknown" in reason


def test_a_registry_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "ANSWER_SECONDS", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert pull(f"127.0.0.1:{port}/base:1") == "the registry does not answer in time"


def test_what_can_neither_be_pulled_nor_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="neither be pulled nor made"):
        provide(tmp_path, ["no-such-image-of-ours:1"], offline=True)


def test_images_that_are_here_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins, "RECIPES", {})
    assert provide(tmp_path, [DEBIAN]) == []
