"""Reports on commits and previews on every store: what is due, and who may tell it."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import Conflict, NotFound
from shared.domain.previews import PreviewState, standing
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import ORG, OTHER_ORG, a_deployment, a_service, moment
from tests.adapters.postgres.made_git import (
    a_preview,
    a_report,
    connected_shop,
    stored_connection,
)

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)
MINUTE = timedelta(minutes=1)


def later() -> datetime:
    """After everything the test has made."""
    return moment() + timedelta(days=1)


def claimed(uow: UnitOfWork, at: datetime, busy: tuple[UUID, ...] = ()) -> list[UUID]:
    """The deployments whose reports somebody gets who claims until nothing is due."""
    found = []
    with uow:
        while report := uow.reports.claim_everywhere(at, at + MINUTE, busy):
            found.append(report.deployment_id)
    return found


def test_a_report_is_added_once_and_comes_back_as_it_was_saved(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    report = a_report(shop.deployment, connection)
    with uow:
        uow.reports.add(report)
        uow.reports.add(replace(report, sha="b" * 40))
    with uow:
        assert uow.reports.find(ORG, shop.deployment.id) == report
        assert uow.reports.lock(ORG, shop.deployment.id) == report
        assert uow.reports.find(OTHER_ORG, shop.deployment.id) is None
    told = replace(
        report,
        reported_state="building",
        reported_at=moment(),
        deployment_ref="99",
        tries=3,
        error="down: é",
        done=True,
    )
    with uow:
        uow.reports.save(told)
    with uow:
        assert uow.reports.find(ORG, shop.deployment.id) == told
    with pytest.raises(NotFound), uow:
        uow.reports.save(replace(told, organization_id=OTHER_ORG))
    with pytest.raises(NotFound), uow:
        uow.reports.lock(OTHER_ORG, shop.deployment.id)


def test_a_report_is_due_while_it_says_another_state_than_the_deployment(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    report = a_report(shop.deployment, connection)
    with uow:
        uow.reports.add(report)
    assert claimed(uow, report.next_try_at - MINUTE) == [], "not before its time"
    assert claimed(uow, later()) == [shop.deployment.id], "nothing was reported yet"
    for told, due in (
        (replace(report, reported_state="queued"), False),
        (replace(report, reported_state="building"), True),
        (replace(report, reported_state="building", done=True), False),
    ):
        with uow:
            uow.reports.save(told)
        assert (claimed(uow, later()) != []) == due, told


def test_a_report_is_late_while_a_change_of_long_ago_is_not_told(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    report = a_report(shop.deployment, connection)
    changed = shop.deployment.updated_at
    for told, late in (
        (report, 1),
        (replace(report, next_try_at=later()), 1),
        (replace(report, reported_state="queued"), 0),
        (replace(report, done=True), 0),
    ):
        with uow:
            uow.reports.add(told)
            uow.reports.save(told)
        with uow:
            assert uow.reports.late_everywhere(changed) == late, told
            assert uow.reports.late_everywhere(changed - MINUTE) == 0


def test_what_is_claimed_is_not_due_until_the_claim_has_run_out(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    at = later()
    with uow:
        uow.reports.add(a_report(shop.deployment, connection))
    with uow:
        mine = uow.reports.claim(ORG, shop.deployment.id, at, at + MINUTE)
        assert mine is not None
        assert mine.next_try_at == at + MINUTE
        assert uow.reports.claim(ORG, shop.deployment.id, at, at + MINUTE) is None
        assert uow.reports.claim(OTHER_ORG, shop.deployment.id, at, at + MINUTE) is None
    assert claimed(uow, at) == []
    assert claimed(uow, at + MINUTE) == [shop.deployment.id]


def test_the_longest_due_goes_first_and_busy_connections_wait(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    other = stored_connection(uow, account_id="43")
    deployments = [shop.deployment, *_more(uow, shop.deployment, 3)]
    with uow:
        for deployment in reversed(deployments):
            uow.reports.add(a_report(deployment, other if deployment.number > 2 else connection))
    ids = [d.id for d in deployments]
    at = later()
    assert claimed(uow, at, (connection.id, other.id)) == []
    assert claimed(uow, at, (connection.id,)) == [ids[3], ids[2]]
    assert claimed(uow, at) == [ids[1], ids[0]]


def test_what_a_silent_provider_has_due_waits_together(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    other = stored_connection(uow, account_id="43")
    first, second, third = [shop.deployment, *_more(uow, shop.deployment, 2)]
    at = later()
    with uow:
        for deployment in (first, second):
            uow.reports.add(a_report(deployment, connection))
        uow.reports.add(a_report(third, other))
        held = uow.reports.claim(ORG, first.id, at, at + MINUTE)
        assert held is not None
        uow.reports.postpone(ORG, connection.id, at, at + 5 * MINUTE)
        uow.reports.postpone(OTHER_ORG, other.id, at, at + 5 * MINUTE)
    with uow:
        assert uow.reports.find(ORG, first.id) == held, "whoever holds it keeps it"
    assert claimed(uow, at) == [third.id]
    assert set(claimed(uow, at + 2 * MINUTE)) == {third.id, first.id}
    assert set(claimed(uow, at + 6 * MINUTE)) == {third.id, first.id, second.id}


def test_the_newest_report_on_a_commit_is_found_from_the_older_ones(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    first, second, third, other = [shop.deployment, *_more(uow, shop.deployment, 3)]
    reports = [a_report(d, connection) for d in (first, second, third)]
    with uow:
        for report in [*reports, a_report(other, connection, sha="b" * 40)]:
            uow.reports.add(report)
    with uow:
        assert uow.reports.newer(reports[0]) == reports[2]
        assert uow.reports.newer(reports[2]) is None
        assert uow.reports.newer(replace(reports[0], organization_id=OTHER_ORG)) is None


def test_a_report_goes_with_its_deployment_and_with_its_connection(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    with uow:
        uow.reports.add(a_report(shop.deployment, connection))
        uow.services.remove(ORG, shop.service.id)
    with uow:
        assert uow.reports.find(ORG, shop.deployment.id) is None
    again, second = connected_shop(uow, "again", account_id="43")
    with uow:
        uow.reports.add(a_report(again.deployment, second))
        uow.connections.remove(ORG, second.id)
    with uow:
        assert uow.reports.find(ORG, again.deployment.id) is None


def test_a_preview_comes_back_as_it_was_saved(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    preview = a_preview(shop.service, connection)
    with uow:
        uow.previews.add(preview)
    changed = replace(
        preview,
        preview_service_id=uuid4(),
        comment_ref="5",
        approved_by="ada",
        reason="é",
        commented="x",
        tries=2,
        error="down",
    )
    with uow:
        uow.previews.save(changed)
    with uow:
        assert uow.previews.get(ORG, preview.id) == changed == uow.previews.lock(ORG, preview.id)
        assert uow.previews.find(ORG, shop.service.id, 7) == changed
        assert uow.previews.find(ORG, shop.service.id, 8) is None
        assert changed.preview_service_id is not None
        assert uow.previews.run_by(ORG, changed.preview_service_id) == changed
        assert uow.previews.run_by(OTHER_ORG, changed.preview_service_id) is None
        assert uow.previews.run_by(ORG, shop.service.id) is None
        assert uow.previews.find(OTHER_ORG, shop.service.id, 7) is None
    with pytest.raises(NotFound), uow:
        uow.previews.get(OTHER_ORG, preview.id)


def test_a_request_has_one_preview_that_is_open(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    first = a_preview(shop.service, connection)
    second = a_preview(shop.service, connection)
    with uow:
        uow.previews.add(first)
    with pytest.raises(Conflict, match="request 7"), uow:
        uow.previews.add(second)
    with uow:
        uow.previews.save(replace(first, state=PreviewState.CLOSED))
        uow.previews.add(second)
    with pytest.raises(Conflict), uow:
        uow.previews.save(first)
    with uow:
        newest = uow.previews.list(ORG, shop.service.id, 1, None)
        rest = uow.previews.list(ORG, shop.service.id, 1, newest.next_cursor)
        assert [p.id for p in (*newest.items, *rest.items)] == [second.id, first.id]
        assert uow.previews.find(ORG, shop.service.id, 7) == second
        assert uow.previews.open_of(ORG, shop.service.id) == [second]
        assert uow.previews.open_of(OTHER_ORG, shop.service.id) == []
        assert uow.previews.list(OTHER_ORG, shop.service.id, 9, None).items == []


def test_open_previews_are_found_by_their_end_and_go_with_the_service(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    gone = a_preview(shop.service, connection, number=1)
    closed = a_preview(shop.service, connection, number=2, state=PreviewState.CLOSED)
    fresh = a_preview(shop.service, connection, number=0, expires_at=later() + MINUTE)
    with uow:
        for preview in (fresh, closed, gone):
            uow.previews.add(preview)
    with uow:
        assert uow.previews.open_everywhere() == [gone, fresh]
        uow.services.remove(ORG, shop.service.id)
    with uow:
        assert uow.previews.open_everywhere() == []


def test_a_comment_is_due_when_preview_or_newest_deployment_stand_otherwise(
    uow: UnitOfWork,
) -> None:
    shop, connection = connected_shop(uow)
    preview = a_preview(shop.service, connection)
    at = later()
    with uow:
        running = uow.services.add(a_service(shop.project, slug="web-pr-7", next_number=3))
        older = a_deployment(running, number=1, state=DeploymentState.SUPERSEDED)
        newest = a_deployment(running, number=2)
        for deployment in (older, newest):
            uow.deployments.add(deployment)
        uow.previews.add(preview)
    with uow:
        assert uow.previews.claim_everywhere(preview.next_try_at - MINUTE, at) is None
        assert uow.previews.claim_everywhere(at, at + MINUTE, (connection.id,)) is None
        first = uow.previews.claim_everywhere(at, at + MINUTE)
        assert first == replace(preview, next_try_at=at + MINUTE)
        assert uow.previews.claim_everywhere(at, at + MINUTE) is None

    def due(said: str, **fields: object) -> bool:
        with uow:
            known = replace(preview, commented=said, next_try_at=at, **fields)  # type: ignore[arg-type]
            uow.previews.save(known)
            return uow.previews.claim_everywhere(at, at + MINUTE) is not None

    assert not due(standing(preview, None))
    assert due(standing(preview, None), preview_service_id=running.id)
    assert not due(standing(preview, newest), preview_service_id=running.id)
    assert due(standing(preview, older), preview_service_id=running.id)
    with uow:
        newest = uow.deployments.save(newest.to(DeploymentState.WAITING))
    assert due("active:" + "a" * 40 + ":2:queued", preview_service_id=running.id)
    assert not due(standing(preview, newest), preview_service_id=running.id)
    assert due(standing(preview, newest), sha="b" * 40, preview_service_id=running.id)
    closed = replace(preview, state=PreviewState.CLOSED)
    assert due(standing(preview, None), state=PreviewState.CLOSED)
    assert not due(standing(closed, None), state=PreviewState.CLOSED)


def _more(uow: UnitOfWork, deployment: Deployment, count: int) -> list[Deployment]:
    with uow:
        service = uow.services.get(ORG, deployment.service_id)
        made = [a_deployment(service, number=n) for n in range(2, 2 + count)]
        for each in made:
            uow.deployments.add(each)
    return made
