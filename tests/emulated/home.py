"""The platform on an emulated AWS: deployed by SAM, over a real PostgreSQL, behind its gateway."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import images
from infra.local.images import LAMBDA
from tests.emulated import postgres
from tests.emulated.cloud import Cloud, emulated
from tests.emulated.deploying import build, deploy
from tests.emulated.gateway import open_gateway
from tests.emulated.relay import relay

IMAGES = Path("/var/tmp/click-to-deploy-images")


@dataclass(frozen=True)
class Home:
    """`url` is the API's address; `database` is PostgreSQL as this machine reaches it."""

    cloud: Cloud
    url: str
    api_token: str
    agent_token: str
    database: str
    stack: str


@contextmanager
def home(folder: Path, settings: Mapping[str, str]) -> Iterator[Home]:
    """Deployed and reachable. `settings` are those of all functions that no template has."""
    took = Stopwatch()
    images.provide(IMAGES, [images.PYTHON, *LAMBDA])
    with ExitStack() as stack:
        cloud = stack.enter_context(emulated(folder))
        store = stack.enter_context(postgres.server(folder / "postgres", cloud.address))
        took.lap("MiniStack and PostgreSQL")
        tokens = {"api_token": f"c2d_{secrets.token_hex(16)}"}
        tokens["agent_token"] = f"c2da_{secrets.token_hex(16)}"
        template = build(folder)
        took.lap("sam build")
        name = deploy(
            cloud,
            template,
            {
                "Stage": "local",
                "DatabaseSecret": cloud.secret("database", {"url": store.url(cloud.address)}),
                "TokensSecret": cloud.secret("tokens", tokens),
                "Domain": "localhost",
            },
        )
        took.lap("sam deploy")
        door = stack.enter_context(relay(cloud.address, cloud.url, open_gateway(cloud)))
        url = f"http://{cloud.address}:{door.port}"
        _set(cloud, {"C2D_API_URL": url, **settings})
        took.lap("routes and settings")
        yield Home(cloud, url, *tokens.values(), store.url("127.0.0.1"), name)


class Stopwatch:
    """Prints how long each part took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def lap(self, what: str) -> None:
        now = time.monotonic()
        print(f"{what}: {now - self._began:.1f} s", flush=True)
        self._began = now


def _set(cloud: Cloud, settings: Mapping[str, str]) -> None:
    """Settings of this test run alone; a template has none of them."""
    for function in cloud.functions().values():
        known = function["Environment"]["Variables"]
        cloud.client("lambda").update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": {**known, **settings}}
        )
