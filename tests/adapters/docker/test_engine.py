"""The connection to the engine: many threads, no engine, and the room it takes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.adapters.docker.compute import DockerCompute
from shared.adapters.docker.engine import DockerConfig, Engine
from shared.adapters.docker.images import DockerImages
from shared.adapters.docker.names import DockerNames
from shared.adapters.docker.networks import DockerNetworks
from shared.domain.errors import Transient
from shared.ports.compute import InstanceState
from tests.adapters.docker import probes
from tests.adapters.docker.conftest import BASE_IMAGE, DockerCloud, until

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]


@pytest.fixture
def engines() -> Iterator[Callable[..., Engine]]:
    """Makes engines at any socket, and closes them."""
    with ExitStack() as closing:

        def make(path: Path, timeout: int = 5) -> Engine:
            made = Engine(DockerConfig("test", base_url=f"unix://{path}", timeout=timeout))
            closing.callback(made.close)
            return made

        yield make


def compute_on(engine: Engine) -> DockerCompute:
    networks = DockerNetworks(engine)
    return DockerCompute(engine, networks, DockerNames(engine, networks))


def test_an_engine_that_is_down_is_transient_and_says_what_to_do(
    engines: Callable[..., Engine], tmp_path: Path
) -> None:
    with pytest.raises(Transient, match="systemctl start docker"):
        compute_on(engines(tmp_path / "no.sock")).status("anything")


def test_the_images_of_an_engine_that_is_down_are_not_missing(
    engines: Callable[..., Engine], tmp_path: Path
) -> None:
    """Retention must not take silence for absence."""
    with pytest.raises(Transient):
        DockerImages(engines(tmp_path / "no.sock")).exists("anything")


def test_an_engine_that_comes_up_is_used_without_a_restart(
    engines: Callable[..., Engine], tmp_path: Path
) -> None:
    engine = engines(tmp_path / "later.sock")
    with pytest.raises(Transient):
        compute_on(engine).find({})
    (tmp_path / "later.sock").symlink_to("/var/run/docker.sock")
    assert compute_on(engine).find({}) == []


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Path]:
    """Accepts connections and never answers."""
    path = tmp_path / "deaf.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(8)
        yield path


def test_an_engine_that_does_not_answer_has_a_deadline(
    engines: Callable[..., Engine], deaf: Path
) -> None:
    began = time.monotonic()
    with pytest.raises(Transient):
        compute_on(engines(deaf, timeout=1)).status("anything")
    assert time.monotonic() - began < 5


def test_one_client_serves_many_threads(engine_cloud: DockerCloud) -> None:
    """More objects than the SDK keeps pools, asked for by more threads than it keeps connections"""
    made = [engine_cloud.run() for _ in range(3)]
    names = [*made, *(uuid4().hex for _ in range(60))]
    failed = threading.Event()

    def ask(turn: int) -> str:
        if failed.is_set():
            return ""
        try:
            return engine_cloud.compute.status(names[turn % len(names)]).state.value
        except Transient:
            failed.set()
            raise

    with ThreadPoolExecutor(16) as pool:
        states = list(pool.map(ask, range(1_000)))
    assert states.count("running") == len([t for t in range(1_000) if t % len(names) < 3])
    assert states.count("missing") == 1_000 - states.count("running")


def test_calls_one_after_another_share_a_connection(
    engines: Callable[..., Engine], tmp_path: Path
) -> None:
    path = tmp_path / "counted.sock"
    with probes.relay(path, "/var/run/docker.sock") as accepted:
        engine = engines(path)
        for name in ("one", "two", "three"):
            assert compute_on(engine).status(name).state is InstanceState.MISSING
        engine.close()
    assert len(accepted) == 2, "one asks for the version, one for everything else"


def test_the_build_cache_shrinks_to_what_may_stay(
    engine_cloud: DockerCloud, tmp_path: Path
) -> None:
    mark = uuid4().hex
    (tmp_path / "in").write_text(mark)
    written = (
        f"FROM {BASE_IMAGE}\nCOPY in /{mark}\nRUN head -c 3000000 /dev/urandom > /{mark}.bin\n"
    )
    done = probes.build(tmp_path, written, "--tag", f"c2d-test-{mark}")
    assert done.returncode == 0, done.stderr
    engine_cloud.images.remove_image(f"c2d-test-{mark}")
    kept = engine_cloud.images.prune_build_cache(keep_bytes=0, unused_for=timedelta(days=3650))
    assert kept == 0
    before = engine_cloud.images.disk_usage().build_cache
    assert before >= 3_000_000
    assert engine_cloud.images.prune_build_cache(keep_bytes=before * 2) == 0

    def shrunk() -> bool:
        # what images share counts as freed but not as used: it may go first, and only it
        assert engine_cloud.images.prune_build_cache(keep_bytes=before - 3_000_000) >= 0
        return engine_cloud.images.disk_usage().build_cache < before

    until(shrunk)
