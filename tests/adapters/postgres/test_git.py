"""Connections, sources, hooks and deliveries on every store."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.domain.errors import BadRequest, Conflict, NotFound
from shared.domain.git import ConnectionState, Provider
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import ORG, OTHER_ORG, moment, stored_shop
from tests.adapters.postgres.made_git import (
    a_connection,
    a_delivery,
    a_hook,
    a_source,
    connected_shop,
    stored_connection,
)

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def test_a_connection_comes_back_as_it_was_saved(uow: UnitOfWork) -> None:
    connection = stored_connection(uow, account_name="ünïcode 🛒")
    lost = replace(
        connection,
        sealed_access_token="s" * 10_000,
        sealed_refresh_token="r" * 10_000,
        token_expires_at=moment(),
        state=ConnectionState.LOST,
        reason="revoked: é",
        checked_at=moment(),
    )
    with uow:
        assert uow.connections.get(ORG, connection.id) == connection
        saved = uow.connections.save(lost)
    assert saved == replace(lost, version=2)
    with uow:
        assert uow.connections.lock(ORG, connection.id) == saved
        assert uow.connections.all_everywhere() == [saved]


def test_an_account_is_connected_once_per_organisation(uow: UnitOfWork) -> None:
    connection = stored_connection(uow)
    with uow:
        uow.connections.add(a_connection(organization_id=OTHER_ORG))
        uow.connections.add(a_connection(provider=Provider.GITLAB))
        uow.connections.add(a_connection(base_url="https://git.example"))
        uow.connections.add(a_connection(account_id="43"))
    with pytest.raises(Conflict, match="octocat"), uow:
        uow.connections.add(a_connection())
    key = (connection.provider, connection.base_url, connection.account_id)
    with uow:
        assert uow.connections.find(ORG, *key) == connection
        assert uow.connections.find(ORG, key[0], key[1], "99") is None
        page = uow.connections.list(ORG, 3, None)
        rest = uow.connections.list(ORG, 3, page.next_cursor)
        assert len([*page.items, *rest.items]) == 4
        assert page.items[0] == connection
        assert len(uow.connections.list(OTHER_ORG, 9, None).items) == 1


def test_another_organisations_connection_is_not_there(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    hook = a_hook(connection)
    delivery = a_delivery(hook)
    with uow:
        uow.sources.put(a_source(shop.service, connection))
        uow.hooks.add(hook)
        uow.deliveries.record(delivery)
    for read in (
        lambda: uow.connections.get(OTHER_ORG, connection.id),
        lambda: uow.connections.lock(OTHER_ORG, connection.id),
        lambda: uow.connections.save(replace(connection, organization_id=OTHER_ORG)),
        lambda: uow.hooks.get(OTHER_ORG, hook.id),
        lambda: uow.hooks.lock(OTHER_ORG, hook.id),
        lambda: uow.hooks.save(replace(hook, organization_id=OTHER_ORG)),
        lambda: uow.deliveries.get(OTHER_ORG, delivery.id),
        lambda: uow.deliveries.lock(OTHER_ORG, delivery.id),
        lambda: uow.deliveries.save(replace(delivery, organization_id=OTHER_ORG)),
    ):
        with pytest.raises(NotFound), uow:
            read()
    with uow:
        uow.connections.remove(OTHER_ORG, connection.id)
        uow.hooks.remove(OTHER_ORG, hook.id)
        uow.sources.remove(OTHER_ORG, shop.service.id)
        assert uow.sources.find(OTHER_ORG, shop.service.id) is None
        assert uow.deliveries.known(OTHER_ORG, hook.id, [delivery.delivery_id]) == set()
    with uow:
        assert uow.connections.get(ORG, connection.id) == connection
        assert uow.hooks.get(ORG, hook.id) == hook
        assert uow.sources.find(ORG, shop.service.id) is not None


def test_removing_a_connection_takes_along_what_hangs_on_it_but_no_service(
    uow: UnitOfWork,
) -> None:
    shop, connection = connected_shop(uow)
    other = stored_connection(uow, account_id="43")
    gone, stays = a_hook(connection), a_hook(other)
    with uow:
        uow.sources.put(a_source(shop.service, connection))
        for hook in (gone, stays):
            uow.hooks.add(hook)
            uow.deliveries.record(a_delivery(hook))
        uow.connections.remove(ORG, connection.id)
        uow.connections.remove(ORG, connection.id)
    with uow:
        assert uow.connections.all_everywhere() == [other]
        assert uow.hooks.all_everywhere() == [stays]
        assert uow.sources.find(ORG, shop.service.id) is None
        assert len(uow.deliveries.list(ORG, None, 9, None).items) == 1
        assert uow.services.get(ORG, shop.service.id) == shop.service


def test_a_service_has_one_source_and_a_repository_many_services(uow: UnitOfWork) -> None:
    shop, connection = connected_shop(uow)
    other = stored_connection(uow, account_id="43")
    second = stored_shop(uow, "second")
    first = a_source(shop.service, connection)
    with uow:
        uow.sources.put(a_source(shop.service, other))
        uow.sources.put(first)
        uow.sources.put(a_source(second.service, connection))
        lost = replace(first, full_name="acme/renamed", lost_reason="gone", checked_at=moment())
        uow.sources.put(lost)
    with uow:
        assert uow.sources.find(ORG, shop.service.id) == lost
        found = uow.sources.of_repository(ORG, connection.id, "1296269")
        assert [s.service_id for s in found] == [shop.service.id, second.service.id]
        assert uow.sources.of_connection(ORG, connection.id) == found
        assert uow.sources.of_connection(ORG, other.id) == []
        assert uow.sources.of_repository(ORG, connection.id, "1") == []
        assert uow.sources.of_repository(OTHER_ORG, connection.id, "1296269") == []
        uow.sources.remove(ORG, shop.service.id)
        uow.sources.remove(ORG, shop.service.id)
        uow.services.remove(ORG, second.service.id)
    with uow:
        assert uow.sources.of_connection(ORG, connection.id) == []


def test_a_hook_is_found_by_what_its_deliveries_carry(uow: UnitOfWork) -> None:
    mine, theirs = stored_connection(uow), stored_connection(uow, organization_id=OTHER_ORG)
    first, second = a_hook(mine), a_hook(theirs)
    lab = a_hook(mine, provider=Provider.GITLAB, repository_id="2", provider_hook_id="uuid-2")
    with uow:
        for hook in (first, second, lab):
            uow.hooks.add(hook)
    with pytest.raises(Conflict, match="acme/web"), uow:
        uow.hooks.add(a_hook(mine))
    rotated = replace(
        first,
        sealed_secret="new",
        sealed_previous_secret="old",
        previous_until=moment(),
        registered_id="77",
        swept_at=moment(),
        cursor="c" * 200,
        lost_reason="é",
    )
    with uow:
        uow.hooks.save(rotated)
    with uow:
        assert uow.hooks.named_everywhere(Provider.GITHUB, "7") == [rotated, second]
        assert uow.hooks.named_everywhere(Provider.GITLAB, "7") == []
        assert uow.hooks.find(ORG, mine.id, "1296269") == rotated == uow.hooks.lock(ORG, first.id)
        assert uow.hooks.find(ORG, mine.id, "3") is None
        assert uow.hooks.of_connection(ORG, mine.id) == [rotated, lab]
        assert uow.hooks.of_connection(OTHER_ORG, mine.id) == []


def test_a_delivery_is_stored_once_per_hook(uow: UnitOfWork) -> None:
    connection = stored_connection(uow)
    hook, other = a_hook(connection), a_hook(connection, repository_id="2")
    first = a_delivery(hook)
    with uow:
        uow.hooks.add(hook)
        uow.hooks.add(other)
        assert uow.deliveries.record(first) == (first, True)
        again = a_delivery(hook, delivery_id=first.delivery_id, payload={})
        assert uow.deliveries.record(again) == (first, False)
        elsewhere = a_delivery(other, delivery_id=first.delivery_id)
        assert uow.deliveries.record(elsewhere) == (elsewhere, True)
    with uow:
        assert uow.deliveries.get(ORG, first.id) == first == uow.deliveries.lock(ORG, first.id)
        asked = [first.delivery_id, "unknown"]
        assert uow.deliveries.known(ORG, hook.id, asked) == {first.delivery_id}
        assert uow.deliveries.known(ORG, hook.id, []) == set()
        uow.hooks.remove(ORG, hook.id)
        uow.hooks.remove(ORG, hook.id)
    with uow:
        assert uow.deliveries.list(ORG, None, 9, None).items == [elsewhere]


def stored_deliveries(uow: UnitOfWork, count: int) -> list[Delivery]:
    hook = a_hook(stored_connection(uow))
    made = [a_delivery(hook) for _ in range(count)]
    with uow:
        uow.hooks.add(hook)
        for delivery in made:
            uow.deliveries.record(delivery)
    return made


def test_deliveries_are_listed_by_what_became_of_them(uow: UnitOfWork) -> None:
    waiting, dead, deployed, skipped = stored_deliveries(uow, 4)
    with uow:
        dead = replace(dead, dead=True, failures=5, attempt=6, reason="é", queued_at=moment())
        deployed = deployed.decided(Verdict.DEPLOYED, "ok", moment(), (str(uuid4()), "x"))
        skipped = skipped.decided(Verdict.SKIPPED, "a branch nobody deploys", moment())
        for delivery in (dead, deployed, skipped):
            uow.deliveries.save(delivery)
    with uow:

        def listed(state: str | None) -> list[Delivery]:
            return list(uow.deliveries.list(ORG, state, 9, None).items)

        assert listed(None) == [skipped, deployed, dead, waiting]
        assert listed("deployed") == [deployed]
        assert listed("skipped") == [skipped]
        assert listed("rejected") == []
        assert listed("waiting") == [waiting]
        assert listed("dead") == [dead]
        assert uow.deliveries.list(OTHER_ORG, None, 9, None).items == []
        page = uow.deliveries.list(ORG, None, 3, None)
        assert uow.deliveries.list(ORG, None, 3, page.next_cursor).items == [waiting]
    with pytest.raises(BadRequest), uow:
        uow.deliveries.list(ORG, None, 3, "nonsense")


def test_undecided_deliveries_are_those_queued_too_long_ago_or_never(uow: UnitOfWork) -> None:
    never, long_ago, lately, dead, decided = stored_deliveries(uow, 5)
    at = moment()
    with uow:
        long_ago = replace(long_ago, queued_at=at - timedelta(minutes=2))
        for delivery in (
            long_ago,
            replace(lately, queued_at=at),
            replace(dead, dead=True),
            decided.decided(Verdict.SKIPPED, "no", at),
        ):
            uow.deliveries.save(delivery)
    with uow:
        before = at - timedelta(minutes=1)
        assert uow.deliveries.undecided_everywhere(before, 9) == [never, long_ago]
        assert uow.deliveries.undecided_everywhere(before, 1) == [never]


def test_only_old_and_decided_deliveries_are_dropped(uow: UnitOfWork) -> None:
    old, undecided = stored_deliveries(uow, 2)
    with uow:
        uow.deliveries.save(old.decided(Verdict.SKIPPED, "no", moment()))
        assert uow.deliveries.prune_everywhere(old.created_at) == 0
        assert uow.deliveries.prune_everywhere(moment()) == 1
        assert uow.deliveries.prune_everywhere(moment()) == 0
    with uow:
        assert uow.deliveries.list(ORG, None, 9, None).items == [undecided]
