"""Previews on a real database, where several may hear of the same request at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.domain.events import RequestEvent
from shared.domain.git import GitConnection
from shared.domain.ids import now
from shared.domain.previews import Preview, PreviewState
from shared.domain.services import Source
from shared.domain.webhooks import Verdict
from shared.usecases import preview_comments, previews
from shared.usecases.deletion import delete_service
from shared.usecases.preview_following import PreviewPolicy, Said
from tests.adapters.postgres.made import ORG, Shop, a_service, a_variable, stored_shop
from tests.adapters.postgres.made_git import a_source, stored_connection
from tests.fakes.git_host import FakeHost
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows
from tests.usecases.git_world import ADDRESSES
from tests.usecases.requests import CLOSED, FIRST, FORK, OPENED, UPDATED

pytestmark = pytest.mark.postgres


class Database:
    """A service with previews on PostgreSQL; each call has a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.workflows = FakeWorkflows()
        self.shop: Shop = stored_shop(self.uow)
        self.connection: GitConnection = stored_connection(self.uow)
        source = Source("https://github.com/acme/web.git", branch="main", previews=True)
        sealed = FakeVault().seal("hello", f"variable:{self.shop.service.id}:GREETING")
        with self.uow as uow:
            uow.services.save(replace(self.shop.service, source=source, env_version=1))
            uow.sources.put(a_source(self.shop.service, self.connection))
            uow.variables.put(a_variable(self.shop.service, "GREETING", 1, sealed=sealed))

    @property
    def uow(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self.engine)

    def on(self, event: RequestEvent, limit: int = 10) -> Said:
        with self.uow as uow:
            source = uow.sources.find(ORG, self.shop.service.id)
        assert source is not None
        return previews.on_request(
            event,
            source,
            uow=self.uow,
            workflows=self.workflows,
            vault=FakeVault(),
            domain="localhost",
            at=now(),
            policy=PreviewPolicy(limit, timedelta(days=7)),
        )

    def preview(self, number: int = 7) -> Preview:
        with self.uow as uow:
            found = uow.previews.find(ORG, self.shop.service.id, number)
        assert found is not None
        return found

    def shas(self) -> list[str | None]:
        service = self.preview().preview_service_id
        assert service is not None
        with self.uow as uow:
            return [d.sha for d in uow.deployments.list(ORG, service, 50, None).items]

    def slugs(self) -> list[str]:
        with self.uow as uow:
            return [s.slug for s in uow.services.list(ORG, self.shop.project.id, 50, None).items]


@pytest.fixture
def database(engine: Engine) -> Database:
    return Database(engine)


def test_the_same_request_heard_of_by_five_at_once_is_one_preview(database: Database) -> None:
    with ThreadPoolExecutor(5) as threads:
        said = list(threads.map(database.on, [OPENED] * 5))
    assert {verdict for verdict, _, _ in said} == {Verdict.DEPLOYED}
    assert len({ids for _, _, ids in said}) == 1
    assert database.shas() == [FIRST]
    assert database.slugs() == ["web", "web-pr-7"]
    assert len(database.workflows.executions) == 1


def test_the_limit_holds_for_requests_opened_at_once(database: Database) -> None:
    events = [replace(OPENED, number=n) for n in range(1, 7)]
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(lambda event: database.on(event, limit=2), events))
    assert [verdict for verdict, _, _ in said].count(Verdict.DEPLOYED) == 2
    assert len(database.slugs()) == 3


def test_a_request_is_followed_closed_and_opened_again(database: Database) -> None:
    database.on(OPENED)
    database.on(UPDATED)
    with database.uow as uow:
        running = database.preview().preview_service_id
        assert running is not None
        service = uow.services.get(ORG, running)
        [copied] = uow.variables.at(ORG, running, service.env_version)
        route = uow.routes.get(ORG, running)
    assert (service.preview_of, copied.key) == (database.shop.service.id, "GREETING")
    assert route.hosts == ("web-pr-7-shop.localhost",)
    assert len(database.shas()) == 2
    database.on(CLOSED)
    assert database.preview().state is PreviewState.CLOSED
    database.on(OPENED)
    assert database.slugs() == ["web", "web-pr-7", "web-pr-7-2"]


def test_a_fork_is_approved_once_by_two_at_the_same_time(database: Database) -> None:
    database.on(FORK)
    preview = database.preview()

    def approve(who: str) -> Preview:
        return previews.approve(
            ORG,
            preview.id,
            sha=FIRST,
            actor=who,
            uow=database.uow,
            workflows=database.workflows,
            vault=FakeVault(),
            domain="localhost",
        )

    with ThreadPoolExecutor(2) as threads:
        approved = list(threads.map(approve, ["ada", "grace"]))
    assert {p.state for p in approved} == {PreviewState.ACTIVE}
    assert database.shas() == [FIRST]


def test_a_comment_claimed_by_many_is_written_once(database: Database) -> None:
    database.on(OPENED)
    host = FakeHost()

    def tell(_: int) -> None:
        while claimed := preview_comments.claim_comment(uow=database.uow, at=now()):
            preview_comments.send_comment(claimed, uow=database.uow, reach=host.reach, at=ADDRESSES)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(tell, range(12)))
    assert (host.written, list(host.comments)) == (1, ["comment-1"])
    assert database.preview().comment_ref == "comment-1"


def test_deleting_the_service_closes_what_is_open_and_expiry_finds_the_rest(
    database: Database,
) -> None:
    database.on(OPENED)
    other = a_service(database.shop.project, slug="other")
    with database.uow as uow:
        uow.services.add(other)
    delete_service(ORG, database.shop.service.id, dry_run=False, uow=database.uow)
    assert database.preview().state is PreviewState.CLOSED
    assert previews.close_ended(uow=database.uow, at=now() + timedelta(days=8)) == 0
