"""The edge role put together for one machine."""

from pathlib import Path

from infra.agent.edge.container import DockerContainers
from infra.agent.edge.jobs import EdgeJobs
from infra.agent.edge.public import PublicRoute
from infra.agent.edge.routing_table import RoutingTable
from infra.caddy.layout import EdgeLayout


def edge_jobs(home: Path, http_port: int) -> EdgeJobs:
    """The handlers over the state folder `home` and the router that listens on `http_port`."""
    layout = EdgeLayout(home)
    return EdgeJobs(
        RoutingTable(layout.routes),
        PublicRoute(http_port, layout.secret()),
        DockerContainers(),
    )
