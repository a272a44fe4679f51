"""`python -m infra.simulator`: an OpenStack on one port, until it is told to stop."""

import argparse
import json
import socket

import uvicorn

from infra.simulator.app import build_app
from infra.simulator.seed import greeting
from infra.simulator.simulator import Simulator
from infra.simulator.world import Options


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.simulator",
        description="A stateful OpenStack: Keystone, Nova, Neutron, Cinder, Designate, Barbican "
        "and Glance on one port, in memory, with faults on demand at /_simulator/faults. "
        "The first line it prints is a JSON object with all that a client needs.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument(
        "--pace",
        type=float,
        default=1.0,
        help="how long things take, as a share of what a real cloud needs (default 1, try 0.1)",
    )
    parser.add_argument("--seed", type=int, help="make all ids the same in every run")
    parser.add_argument(
        "--token-seconds", type=float, default=3600.0, help="how long a token is valid"
    )
    parser.add_argument("--page-limit", type=int, default=1000, help="the services' largest page")
    parser.add_argument("--region", default="RegionOne", help="the catalogue's region")
    return parser.parse_args()


def main() -> None:
    """Serve until a signal comes."""
    given = _options()
    options = Options(
        pace=given.pace,
        seed=given.seed,
        token_seconds=given.token_seconds,
        page_limit=given.page_limit,
        region=given.region,
    )
    simulator = Simulator(options)
    with socket.create_server((given.host, given.port)) as listener:
        base = f"http://{given.host}:{listener.getsockname()[1]}"
        print(json.dumps(greeting(simulator.world, base)), flush=True)
        config = uvicorn.Config(
            build_app(simulator),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
