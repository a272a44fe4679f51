"""Connected accounts in Postgres: refreshed once, connected once, settled once, whoever asks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Engine

from shared.adapters.git.gitlab import GitLab
from shared.adapters.git.server import gitlab_server
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.access import Actor, ActorKind, Scope
from shared.domain.errors import Forbidden, PlatformError
from shared.domain.git import GitConnection, Provider
from shared.domain.ids import now
from shared.domain.services import Service
from shared.ports.git import Grant
from shared.usecases.connecting import Desk, Place, begin, claim, sealed_tokens
from shared.usecases.connections import Access
from shared.usecases.hooks import Registrar
from shared.usecases.projects import create_project
from shared.usecases.services import create_service
from tests.fakes.git_provider import FakeProvider
from tests.fakes.vault import FakeVault
from tests.standins.gitlab import GitLabServer
from tests.usecases.connections import a_connection

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]
ORGANIZATION = UUID(int=1)
ADA = Actor(ORGANIZATION, "ada", "ada", ActorKind.USER, frozenset(Scope), user_id="ada")
T = TypeVar("T")
MANY = 8


def together(work: Callable[[], T]) -> list[T | PlatformError]:
    """The same from many threads at one moment."""
    barrier = Barrier(MANY)

    def one() -> T | PlatformError:
        barrier.wait(20)
        try:
            return work()
        except PlatformError as error:
            return error

    with ThreadPoolExecutor(MANY) as pool:
        return [future.result(60) for future in [pool.submit(one) for _ in range(MANY)]]


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabServer]:
    with GitLabServer(tmp_path / "gitlab") as server:
        yield server


def test_parallel_refreshes_use_gitlabs_refresh_token_once(
    engine: Engine, gitlab: GitLabServer
) -> None:
    app, vault = gitlab.app, FakeVault()
    adapter = GitLab(gitlab_server(gitlab.url, app.client_id, app.client_secret, None))
    token = gitlab.accounts.issue(gitlab.add_account("ada"), "api", app.client_id)
    connection = replace(
        a_connection(FakeProvider(base_url=gitlab.url), vault, ORGANIZATION),
        provider=Provider.GITLAB,
    )
    grant = Grant(token.text, token.refresh, now() + timedelta(minutes=1))
    connection = replace(connection, **sealed_tokens(grant, str(connection.id), vault))
    with SqlUnitOfWork(engine) as uow:
        uow.connections.add(connection)

    def fresh() -> str:
        access = Access(SqlUnitOfWork(engine), vault, lambda _: adapter)
        return access.of(ORGANIZATION, connection.id)[1]

    tokens = together(fresh)
    assert len(set(map(str, tokens))) == 1, tokens
    assert gitlab.accounts.refreshes == 1
    assert adapter.account(str(tokens[0])).name == "ada"


def test_one_state_is_used_by_one_of_many(engine: Engine) -> None:
    provider, vault = FakeProvider(), FakeVault()
    uow = SqlUnitOfWork(engine)
    desk = Desk(uow, uow.unrecorded(), vault, provider.of, "https://back.example")
    begun = begin(ADA, Provider.GITHUB, Place(), desk)
    state = begun.url.partition("state=")[2].partition("&")[0]

    def use() -> str:
        quiet = SqlUnitOfWork(engine)
        return str(claim(Provider.GITHUB, state, begun.cookie, uow=quiet, at=now()).id)

    ended = together(use)
    assert ended.count(str(begun.authorization.id)) == 1
    assert sum(isinstance(each, Forbidden) for each in ended) == MANY - 1


def imported(engine: Engine, provider: FakeProvider, vault: FakeVault) -> list[Service]:
    connection: GitConnection = a_connection(provider, vault, ORGANIZATION)
    provider.add("acme/web")
    uow = SqlUnitOfWork(engine)
    with uow:
        uow.connections.add(connection)
    project = create_project(ORGANIZATION, name="shop", description="", uow=uow)
    source = {"connection_id": connection.id, "repository": "acme/web"}
    return [
        create_service(
            ORGANIZATION,
            project.id,
            name=name,
            settings={"source": source},
            domain="localhost",
            uow=uow,
            access=Access(uow.unrecorded(), vault, provider.of),
        )
        for name in ("web", "worker")
    ]


def test_a_webhook_is_registered_once_whoever_settles_it(engine: Engine) -> None:
    provider, vault = FakeProvider(), FakeVault()
    services = imported(engine, provider, vault)

    def settle() -> None:
        access = Access(SqlUnitOfWork(engine), vault, provider.of)
        registrar = Registrar(access, "https://deploy.example")
        registrar.settle_source(ORGANIZATION, services[0].id)

    assert together(settle) == [None] * MANY
    assert provider.calls.count("register") == 1
    with SqlUnitOfWork(engine) as uow:
        [hook] = uow.hooks.all_everywhere()
    assert hook.settled


def test_searching_leaves_no_row_in_the_audit_log_and_rows_survive_the_database(
    engine: Engine,
) -> None:
    from shared.domain.audit import Act
    from shared.ports.access import AuditFilter
    from shared.usecases.repositories import Wanted, list_repositories

    provider, vault = FakeProvider(), FakeVault()
    imported(engine, provider, vault)
    uow = SqlUnitOfWork(engine, act=Act("git.repos", actor=ADA))
    access = Access(uow.unrecorded(), vault, provider.of)
    with uow:
        [connection] = uow.connections.list(ORGANIZATION, 10, None).items
    for _ in range(2):
        page = list_repositories(connection, Wanted(10, None, "web"), access=access)
        assert [each.full_name for each in page.items] == ["acme/web"]
    assert provider.calls.count("every") == 1
    with uow:
        rows = uow.audit.list(ORGANIZATION, AuditFilter(action="git.repos"), 10, None)
    assert rows.items == []
