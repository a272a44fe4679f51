"""What the use cases store is of no use to who steals the database, and opens for who may."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text

from shared.adapters.agents.calls import AgentCalls
from shared.adapters.postgres.idempotency import StoredKeys
from shared.adapters.postgres.resealing import count, reseal_all
from shared.adapters.postgres.tables.every import (
    api_tokens,
    git_connections,
    idempotency_keys,
    oauth_states,
)
from shared.adapters.postgres.tables.sealing import SEALED
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.adapters.vault import KeyFiles, MasterKey, vault_of
from shared.domain.access import Scope
from shared.domain.git import Provider
from shared.domain.idempotency import Answer, IdempotencyKey
from shared.domain.ids import now
from shared.usecases import building, hooks, idempotency
from shared.usecases.connecting import Desk, Place, arrive, begin, claim
from shared.usecases.projects import update_project
from shared.usecases.tokens import create_token
from tests.adapters.postgres.stored_world import StoredWorld
from tests.e2e.traces import Canary, Search
from tests.usecases.test_connecting import ADA, agreed, state_of
from tests.usecases.test_hooks import Imports
from tests.usecases.variables_of import VariablesOf
from tests.usecases.world import ORGANIZATION, POLICY

pytestmark = pytest.mark.postgres

TOKEN_NUMBER = 73914205
"""The fake provider counts its tokens from here: what is looked for must not turn up by chance."""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    MasterKey.generate().store(KeyFiles(tmp_path).next_name())
    return tmp_path


@pytest.fixture
def engine(engine: Engine) -> Iterator[Engine]:
    yield engine
    with engine.begin() as connection:
        for table in (api_tokens, git_connections, idempotency_keys, oauth_states):
            connection.execute(delete(table))


class Filled:
    """Every kind of secret, stored the way people store it."""

    def __init__(self, engine: Engine, keys: Path) -> None:
        self.world = StoredWorld(engine, keys, "shop")
        self.secrets: list[Canary] = []
        self.variables()
        self.token()
        self.accounts()
        self.answer(engine)
        self.waiting()
        self.calling(engine)

    def canary(self) -> str:
        made = Canary.new()
        self.secrets.append(made)
        return made.value

    def note(self, *texts: str) -> None:
        """Secrets that somebody else thought of."""
        assert all(len(text) >= 8 for text in texts), texts
        self.secrets += [Canary((text,)) for text in texts]

    def variables(self) -> None:
        web = VariablesOf(self.world, self.world.service("web"))
        web.set("PLAIN", self.canary())
        web.set("SECRET", self.canary(), secret=True)
        web.set("SEALED", self.canary(), sealed=True)
        web.set("SECRET", self.canary())
        web.set("DERIVED", f"{self.canary()}${{{{SECRET}}}}")
        web.remove("PLAIN")
        web.restore(3)

    def token(self) -> None:

        _, shown = create_token(
            ADA, name="ci", scopes=[Scope.READ], days=None, uow=self.world.store
        )
        self.note(shown)

    def accounts(self) -> None:
        accounts = Imports(self.world)
        provider = accounts.provider
        store = self.world.store
        desk = Desk(store, store.unrecorded(), self.world.vault, provider.of, "https://back")
        provider._ids = iter(range(TOKEN_NUMBER, TOKEN_NUMBER + 99))  # type: ignore[assignment]
        begun = begin(ADA, Provider.GITHUB, Place(terminal=True), desk)
        known = claim(Provider.GITHUB, state_of(begun), None, uow=store, at=now())
        code = agreed(begun, provider)
        arrive(known, code, desk)
        accounts.connect(account_id="43")
        accounts.imported("api")
        [hook] = accounts.hooks
        hooks.rotate(ORGANIZATION, hook.id, uow=store, registrar=accounts.registrar)
        self.note(*(secret for _, _, secret in provider.hooks.values()), code)
        self.note(*(t for t in {*provider.live, *provider.refreshable} if len(t) > 12))

    def answer(self, engine: Engine) -> None:
        stored = StoredKeys(engine)
        line: dict[str, Any] = {"keys": stored, "vault": self.world.vault}
        claimed = idempotency.begin(ORGANIZATION, "ada", "key-1", "0" * 64, **line)
        assert isinstance(claimed, IdempotencyKey)
        answer = Answer(201, {}, self.canary().encode(), shown_once=True)
        idempotency.finish(claimed, answer, **line)

    def waiting(self) -> None:
        """A build that runs, and a deployment in line behind it."""
        service = self.world.service("waiting", overlap="queue")
        first, second = self.world.deploy(service), self.world.deploy(service)
        for deployment in (first, second):
            self.note(self.world.acquire(deployment))
        building.request_build(self.world.attempt(first), policy=POLICY, **self.world.line)

    def calling(self, engine: Engine) -> None:
        """A call to an engine that no agent has taken yet."""
        calls = AgentCalls(lambda: SqlUnitOfWork(engine), self.world.vault, seconds=60)
        arguments = {"spec": {"image": "sha256:one", "env": {"TOKEN": self.canary()}}}
        calls._job("compute", "create", arguments)


def dump(engine: Engine) -> bytes:
    """Every row of every table, as a thief reads it."""
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        ).scalars()
        rows = [
            str(row[0])
            for name in names
            for row in connection.execute(text(f'SELECT row_to_json(t)::text FROM "{name}" t'))
        ]
    assert len(rows) > 20
    return "\n".join(rows).encode()


def test_a_dump_holds_no_usable_secret_and_each_opens_with_its_context(
    engine: Engine, keys: Path
) -> None:
    filled = Filled(engine, keys)
    stolen = dump(engine)
    assert len(filled.secrets) >= 10
    search = Search(filled.secrets)
    assert search.within(stolen) == []
    [old] = KeyFiles(keys).load()
    assert old.secret.hex().encode() not in stolen
    assert count(engine, old.mark).keys() == {str(sealed) for sealed in SEALED}

    new = MasterKey.generate()
    new.store(KeyFiles(keys).next_name())
    assert reseal_all(engine, vault_of(keys), lambda _: None) == {}
    assert count(engine, old.mark) == {}
    assert count(engine, new.mark).keys() == {str(sealed) for sealed in SEALED}
    assert search.within(dump(engine)) == []


def test_a_secret_in_a_plain_column_would_be_found(engine: Engine, keys: Path) -> None:
    filled = Filled(engine, keys)
    shown = filled.canary()
    update_project(
        ORGANIZATION,
        filled.world.project.id,
        name=None,
        description=f"the password is {shown}",
        uow=filled.world.store,
    )
    assert len(Search(filled.secrets).within(dump(engine))) == 4
