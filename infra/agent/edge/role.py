"""The edge role put together for one machine."""

from pathlib import Path

from infra.agent.edge.calls import EngineCalls
from infra.agent.edge.container import DockerContainers
from infra.agent.edge.jobs import EdgeJobs
from infra.agent.edge.public import PublicRoute
from infra.agent.edge.routing_table import RoutingTable
from infra.caddy.layout import EdgeLayout
from shared.adapters.docker.cloud import cloud_of
from shared.adapters.docker.engine import DockerConfig, Engine


def edge_jobs(home: Path, http_port: int, engine: DockerConfig) -> EdgeJobs:
    """The handlers over the state folder `home`, the router on `http_port` and an engine."""
    engine_client = Engine(engine)
    layout = EdgeLayout(home)
    return EdgeJobs(
        RoutingTable(layout.routes),
        PublicRoute(http_port, layout.secret()),
        DockerContainers(),
        EngineCalls(lambda pulls: cloud_of(engine_client, pulls)),
    )
