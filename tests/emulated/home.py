"""The platform on an emulated AWS: deployed by SAM, over a real PostgreSQL, behind its gateway."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import images
from tests.emulated import postgres
from tests.emulated.cloud import Cloud
from tests.emulated.deploying import build, deploy
from tests.emulated.gateway import open_gateway
from tests.emulated.relay import Relay, relay
from tests.standins.accounts import App

IMAGES = Path("/var/tmp/click-to-deploy-images")


@dataclass(frozen=True)
class Plan:
    """Where services will answer, and the stand-in of GitHub that the platform knows."""

    http_port: int
    slot_base: str
    github: str
    app: App

    def parameters(self, cloud: Cloud) -> dict[str, str]:
        """Of the stack."""
        secret = {"github_client_secret": self.app.client_secret}
        return {
            "Stage": "local",
            "Domain": "localhost",
            "Scheme": "http",
            "HttpPort": str(self.http_port),
            "GithubUrl": self.github,
            "GithubClientId": self.app.client_id,
            "GitSecret": cloud.secret("git", secret),
            "PrivateGit": "true",
            "Aliases": "false",
        }


@dataclass(frozen=True)
class Home:
    """`url` is the API's address; `database` is PostgreSQL as this machine reaches it."""

    cloud: Cloud
    url: str
    api_token: str
    agent_token: str
    database: str
    stack: str
    door: Relay
    http_port: int


@contextmanager
def home(cloud: Cloud, folder: Path, plan: Plan) -> Iterator[Home]:
    """Deployed and reachable."""
    took = Stopwatch()
    images.provide(IMAGES, [images.PYTHON, *images.LAMBDA])
    with ExitStack() as stack:
        store = stack.enter_context(postgres.server(folder / "postgres", cloud.address))
        took.lap("base image, PostgreSQL")
        template = build(folder)
        took.lap("sam build")
        door = stack.enter_context(relay(cloud.address, cloud.url))
        url = f"http://{cloud.address}:{door.port}"
        tokens = {"api_token": f"c2d_{secrets.token_hex(16)}"}
        tokens["agent_token"] = f"c2da_{secrets.token_hex(16)}"
        given = {
            **plan.parameters(cloud),
            "PublicUrl": url,
            "DatabaseSecret": cloud.secret("database", {"url": store.url(cloud.address)}),
            "TokensSecret": cloud.secret("tokens", tokens),
        }
        name = deploy(cloud, template, given)
        took.lap("sam deploy")
        door.host = open_gateway(cloud)
        _set(cloud, {"C2D_SLOT_BASE": plan.slot_base})
        took.lap("routes and settings")
        yield Home(cloud, url, *tokens.values(), store.url("127.0.0.1"), name, door, plan.http_port)


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
