"""A network per project: the block it gets, and what happens when others want one too."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from urllib.request import urlopen
from uuid import UUID, uuid4

import pytest
from docker.types import IPAMConfig, IPAMPool

from shared.adapters.docker.engine import DockerConfig, Engine
from shared.adapters.docker.networks import DockerNetworks, host_routes
from shared.domain.errors import QuotaExceeded
from shared.ports.compute import InstanceState, ObjectKind
from tests.adapters.docker.conftest import PYTHON_IMAGE, DockerCloud, a_spec, until

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]

POOL = IPv4Network("10.233.7.0/28")


@pytest.fixture
def small_pool(platform_id: str) -> Iterator[DockerCloud]:
    """A pool of four blocks."""
    made = DockerCloud(DockerConfig(platform_id, pool=POOL, block_prefix=30))
    try:
        yield made
    finally:
        made.clean_up()


def subnet(cloud: DockerCloud, project: UUID) -> str:
    return subnet_of(cloud, cloud.networks.name(project))


def subnet_of(cloud: DockerCloud, name: str) -> str:
    [network] = cloud.api.networks(names=[name])
    return str(network["IPAM"]["Config"][0]["Subnet"])


def test_projects_take_the_lowest_free_blocks_and_give_them_back(small_pool: DockerCloud) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    small_pool.networks.ensure_network(first)
    small_pool.networks.ensure_network(second)
    assert subnet(small_pool, first) == "10.233.7.0/30"
    assert subnet(small_pool, second) == "10.233.7.4/30"
    small_pool.networks.remove_network(first)
    small_pool.networks.ensure_network(third)
    assert subnet(small_pool, third) == "10.233.7.0/30"


def test_a_full_pool_is_said_with_what_to_do(small_pool: DockerCloud) -> None:
    for _ in range(4):
        small_pool.networks.ensure_network(uuid4())
    with pytest.raises(QuotaExceeded, match=r"10\.233\.7\.0/28.*widen the pool"):
        small_pool.networks.ensure_network(uuid4())
    assert len(small_pool.compute.find({})) == 4


def test_a_block_of_somebody_elses_network_is_left_alone(small_pool: DockerCloud) -> None:
    pools = [IPAMPool(subnet="10.233.7.0/29")]
    labels = small_pool.engine.labels({})
    small_pool.api.create_network(
        f"other-{uuid4().hex}", ipam=IPAMConfig(pool_configs=pools), labels=labels
    )
    project = uuid4()
    small_pool.networks.ensure_network(project)
    assert subnet(small_pool, project) == "10.233.7.8/30"


def test_a_block_that_the_machine_routes_is_left_alone(small_pool: DockerCloud) -> None:
    routes = [IPv4Network("10.233.7.4/32"), IPv4Network("10.233.7.0/31")]
    networks = DockerNetworks(small_pool.engine, routes=lambda: routes)
    project = uuid4()
    networks.ensure_network(project)
    assert subnet(small_pool, project) == "10.233.7.8/30"


def test_the_machines_routes_hold_its_bridges_and_not_the_default(
    small_pool: DockerCloud,
) -> None:
    small_pool.networks.ensure_network(uuid4())
    assert IPv4Network("10.233.7.0/30") in host_routes()
    assert IPv4Network("0.0.0.0/0") not in host_routes()


def test_processes_that_want_blocks_at_once_share_the_pool(small_pool: DockerCloud) -> None:
    """Each adapter is a process: they share the engine and no lock."""
    projects = [uuid4(), uuid4(), uuid4()]
    engines = [Engine(small_pool.engine.config) for _ in projects * 4]

    def ask(engine: Engine, project: UUID) -> str:
        return DockerNetworks(engine).ensure_network(project)

    with ThreadPoolExecutor(len(engines)) as pool:
        made = list(pool.map(ask, engines, projects * 4))
    for engine in engines:
        engine.close()
    assert len(set(made)) == 3
    assert made[:3] == made[3:6] == made[6:9] == made[9:]
    assert len({subnet(small_pool, project) for project in projects}) == 3


def test_the_bridge_has_the_name_that_the_rules_match(small_pool: DockerCloud) -> None:
    project = uuid4()
    made = small_pool.networks.ensure_network(project)
    options = small_pool.api.inspect_network(made)["Options"]
    bridge = options["com.docker.network.bridge.name"]
    assert bridge == small_pool.networks.bridge(project)
    assert bridge.startswith("c2d")
    assert len(bridge) <= 15


def test_an_instance_starts_again_after_its_network_was_pruned(
    engine_cloud: DockerCloud,
) -> None:
    """`docker network prune` takes every network that no running container holds."""
    project = uuid4()
    made = engine_cloud.run(project_id=project)
    engine_cloud.compute.stop(made, 5)
    engine_cloud.networks.remove_network(project)
    engine_cloud.compute.start(made)
    assert engine_cloud.compute.status(made).state is InstanceState.RUNNING
    name = engine_cloud.networks.name(project)
    attached = engine_cloud.api.inspect_container(made)["NetworkSettings"]["Networks"]
    assert attached[name]["IPAddress"]
    assert engine_cloud.compute.find({"project": str(project)})[-1].kind is ObjectKind.NETWORK


def test_two_platforms_on_one_engine_do_not_see_each_other(
    engine_cloud: DockerCloud, small_pool: DockerCloud
) -> None:
    other = DockerCloud(DockerConfig(f"other-{uuid4().hex[:8]}", pool=POOL, block_prefix=30))
    project = uuid4()
    try:
        ours = engine_cloud.networks.ensure_network(project)
        theirs = other.networks.ensure_network(project)
        assert ours != theirs
        assert [o.provider_id for o in engine_cloud.compute.find({})] == [ours]
        assert [o.provider_id for o in other.compute.find({})] == [theirs]
        engine_cloud.networks.remove_network(project)
        assert [o.provider_id for o in other.compute.find({})] == [theirs]
    finally:
        other.clean_up()


def test_sixty_projects_run_side_by_side(engine_cloud: DockerCloud) -> None:
    specs = [
        a_spec(
            project_id=uuid4(),
            image=PYTHON_IMAGE,
            command="echo $WHO > /tmp/who; cd /tmp; exec python3 -m http.server $PORT",
            env={"PORT": "8000", "WHO": str(number)},
            address=f"127.99.{number}.4",
            cpus=0.2,
        )
        for number in range(60)
    ]

    def run(number: int) -> str:
        made = engine_cloud.compute.create(specs[number])
        engine_cloud.compute.start(made)
        return made

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(run, range(60)))
    for number, spec in enumerate(specs):
        until(answers(f"http://{spec.address}:17080/who", str(number)))
    found = engine_cloud.compute.find({})
    assert {o.provider_id for o in found if o.state is InstanceState.RUNNING} == set(made)
    subnets = {subnet(engine_cloud, spec.project_id) for spec in specs}
    subnets |= {subnet_of(engine_cloud, engine_cloud.networks.names(s.project_id)) for s in specs}
    assert len(subnets) == 120
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(engine_cloud.compute.remove, made))
        list(pool.map(engine_cloud.networks.remove_network, (s.project_id for s in specs)))
    assert engine_cloud.compute.find({}) == []


def answers(url: str, text: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with urlopen(url, timeout=2) as response:
                return bool(response.read().decode().strip() == text)
        except OSError:
            return False

    return ask
