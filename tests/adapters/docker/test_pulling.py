"""Images that only a registry has: Debian's docker-registry with a password, and bad ones."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from shared.adapters.docker.images import DockerImages
from shared.adapters.docker.pulling import PullPolicy
from shared.domain.errors import ImageNotFound, PlatformError
from tests.adapters.docker.conftest import DockerCloud
from tests.agent.building.git_servers import free_port
from tests.agent.building.registry import Registry

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]


@dataclass
class Stored:
    """An image that its registry has and the engine has not."""

    cloud: DockerCloud
    registry: Registry
    reference: str
    digest: str
    image_id: str

    def images(self, **policy: object) -> DockerImages:
        login = {
            "registry": f"{self.registry.host}/team",
            "username": self.registry.username,
            "password": self.registry.password,
        }
        return DockerImages(self.cloud.engine, PullPolicy(**(login | policy)))  # type: ignore[arg-type]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry").serving() as served:
        yield served


@pytest.fixture
def stored(engine_cloud: DockerCloud, registry: Registry) -> Iterator[Stored]:
    api = engine_cloud.api
    image_id = engine_cloud.fresh_image(["EXPOSE 9000/tcp", "EXPOSE 9001/tcp", "EXPOSE 53/udp"])
    [local] = api.inspect_image(image_id)["RepoTags"]  # type: ignore[no-untyped-call]
    name = f"{registry.host}/team/{uuid4().hex}"
    api.tag(image_id, name, "1")
    login = {"username": registry.username, "password": registry.password}
    told = list(api.push(name, tag="1", auth_config=login, stream=True, decode=True))
    [digest] = [event["aux"]["Digest"] for event in told if "aux" in event]
    for reference in (f"{name}:1", local):
        engine_cloud.images.remove_image(reference)
    assert not engine_cloud.images.exists(image_id)
    made = Stored(engine_cloud, registry, f"{name}:1", f"{name}@{digest}", image_id)
    yield made
    for reference in (made.reference, made.digest):
        with suppress(PlatformError):
            engine_cloud.images.remove_image(reference)


@pytest.mark.parametrize("by", ["reference", "digest"])
def test_an_image_that_only_its_registry_has_is_pulled(stored: Stored, by: str) -> None:
    facts = stored.images().ensure(getattr(stored, by))
    assert (facts.image_id, facts.port) == (stored.image_id, 9000)
    assert stored.images().exists(stored.image_id)


def test_what_is_stored_is_taken_without_its_registry(stored: Stored) -> None:
    pulled = stored.images().ensure(stored.reference)
    assert stored.images(username=None).ensure(stored.reference) == pulled


def test_an_image_its_registry_does_not_have_is_named(stored: Stored) -> None:
    missing = f"{stored.registry.host}/team/none:1"
    with pytest.raises(ImageNotFound, match=r"team/none:1 could not be pulled.*check its name"):
        stored.images().ensure(missing)


@pytest.mark.parametrize(
    "login",
    [{"username": None}, {"password": "wrong"}, {"registry": "registry.example"}],
    ids=["none", "wrong", "of another registry"],
)
def test_a_registry_that_does_not_let_us_in_is_said_with_what_to_do(
    stored: Stored, login: dict[str, str]
) -> None:
    with pytest.raises(ImageNotFound, match="C2D_REGISTRY_USERNAME") as refused:
        stored.images(**login).ensure(stored.reference)
    assert stored.registry.password not in refused.value.reason
    assert stored.registry.password not in repr(PullPolicy(password=stored.registry.password))


def test_a_registry_that_is_down_is_said(engine_cloud: DockerCloud) -> None:
    with pytest.raises(ImageNotFound, match="registry can be reached"):
        engine_cloud.images.ensure(f"127.0.0.1:{free_port()}/team/app:1")


def test_a_registry_that_never_answers_is_waited_for_until_the_deadline(
    engine_cloud: DockerCloud,
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        reference = f"127.0.0.1:{silent.getsockname()[1]}/team/app:1"
        images = DockerImages(engine_cloud.engine, PullPolicy(seconds=1))
        begun = time.monotonic()
        with pytest.raises(ImageNotFound, match=r"not there within 1 s.*docker pull"):
            images.ensure(reference)
        assert time.monotonic() - begun < 10


def test_an_image_id_is_never_asked_of_a_registry(engine_cloud: DockerCloud) -> None:
    with pytest.raises(ImageNotFound, match="not stored here"):
        engine_cloud.images.ensure("sha256:" + "0" * 64)


@pytest.mark.parametrize("word", ["https://acme/app", "Acme/App:1", "-/app", "a b"])
def test_a_word_that_names_no_image_is_refused(word: str, engine_cloud: DockerCloud) -> None:
    with pytest.raises(ImageNotFound, match="does not name an image"):
        engine_cloud.images.ensure(word)
