"""The issuer beside the API, over fakes, with a browser that follows no redirect by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from infra.local.issuer import members, oauth, web
from infra.local.issuer.accounts import SetupCode
from infra.local.issuer.attempts import Attempts
from infra.local.issuer.keys import SigningKeys
from infra.local.issuer.parts import Parts, issuer_parts
from infra.local.issuer.tokens import Signer
from shared import bootstrap
from shared.domain.audit import Act
from shared.http import deps
from shared.http.app import build_app
from shared.http.local import modules
from shared.ports.store import UnitOfWork
from shared.settings import Settings
from tests.fakes import limits
from tests.fakes.clock import Clock
from tests.fakes.store import FakeStore
from tests.issuer.browser import URL, Browser

Begin = Callable[[Act | None], UnitOfWork]
MACHINE_TOKEN = "c2d_of_this_machine"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture(scope="session")
def first_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    SigningKeys(folder).ensure()
    return folder / "0001.pem"


@pytest.fixture
def issuer(tmp_path: Path, first_key: Path, clock: Clock) -> Parts:
    folder = tmp_path / "keys" / "issuer"
    folder.mkdir(parents=True)
    (folder / first_key.name).write_bytes(first_key.read_bytes())
    keys = SigningKeys(folder)
    keys.ensure()
    setup = SetupCode(tmp_path / "keys" / "setup-code")
    setup.renew()
    return Parts(Signer(URL, keys), Attempts(clock), setup)


@pytest.fixture
def begin(store: FakeStore) -> Begin:
    """What makes transactions; a module may put a real store's there."""
    return store.acting


@pytest.fixture
def client(
    issuer: Parts, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """The app of one machine, without its engine; its settings are a fresh process's."""
    settings = Settings(home=tmp_path, api_url=URL, api_token=MACHINE_TOKEN)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda act=None: begin(act))
    monkeypatch.setattr(bootstrap, "glance", lambda: begin(None))
    limits.install(monkeypatch)
    bootstrap.access_tokens.cache_clear()

    async def acting(current: deps.CurrentAct) -> UnitOfWork:
        return begin(current)

    every = [module.router for _, module in modules()]
    app = build_app([*every, oauth.router, web.router, members.router])
    app.dependency_overrides |= {deps.store: acting, issuer_parts: lambda: issuer}
    with TestClient(app, base_url=URL, follow_redirects=False) as client:
        yield client
    bootstrap.access_tokens.cache_clear()


@pytest.fixture
def browser(client: TestClient, issuer: Parts) -> Browser:
    return Browser(client, issuer)
