"""Tokens, the audit log and canvases on every store."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.access import ApiToken, token_hash
from shared.domain.audit import AuditEvent
from shared.domain.canvas import Canvas
from shared.domain.errors import NotFound, PreconditionFailed
from shared.ports.access import AuditFilter
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import ORG, OTHER_ORG, moment, stored_shop

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def a_token(**fields: Any) -> ApiToken:
    made = {
        "id": uuid4(),
        "organization_id": ORG,
        "name": "CI",
        "hint": "c2d_abcd",
        "token_hash": token_hash(str(uuid4())),
        "scopes": ("read", "deploy"),
        "user_id": "ada",
        "created_by": "Ada",
        "created_at": moment(),
    }
    return ApiToken(**{**made, **fields})


def an_event(**fields: Any) -> AuditEvent:
    made = {
        "id": uuid4(),
        "organization_id": ORG,
        "created_at": moment(),
        "actor_kind": "user",
        "actor_id": "ada",
        "actor_name": "Ada ünïcode",
        "action": "services.update",
    }
    return AuditEvent(**{**made, **fields})


def test_a_token_is_found_by_its_hash_and_listed_newest_first(uow: UnitOfWork) -> None:
    first, second = a_token(expires_at=moment()), a_token(user_id="grace")
    theirs = a_token(organization_id=OTHER_ORG)
    with uow:
        for token in (first, second, theirs):
            uow.tokens.add(token)
    with uow:
        assert uow.tokens.find_everywhere(first.token_hash) == first
        assert uow.tokens.find_everywhere(theirs.token_hash) == theirs
        assert uow.tokens.find_everywhere("unknown") is None
        assert uow.tokens.list(ORG, 9, None).items == [second, first]
        assert uow.tokens.list_of(ORG, "grace", 9, None).items == [second]
        page = uow.tokens.list(ORG, 1, None)
        assert uow.tokens.list(ORG, 1, page.next_cursor).items == [first]
        assert uow.tokens.get(ORG, first.id) == first
    with pytest.raises(NotFound), uow:
        uow.tokens.get(OTHER_ORG, first.id)


def test_a_use_changes_nothing_but_its_time(uow: UnitOfWork) -> None:
    token = a_token()
    with uow:
        uow.tokens.add(token)
        uow.tokens.save(token.revoked(moment()))
    at = moment()
    with uow:
        uow.tokens.used(ORG, token.id, at)
        uow.tokens.used(OTHER_ORG, token.id, moment())
        uow.tokens.used(ORG, uuid4(), at)
    with uow:
        stored = uow.tokens.get(ORG, token.id)
    assert stored.last_used_at == at
    assert stored.revoked_at is not None
    with pytest.raises(NotFound), uow:
        uow.tokens.save(replace(token, organization_id=OTHER_ORG))


def test_the_audit_log_is_filtered_and_belongs_to_one_organisation(uow: UnitOfWork) -> None:
    first = an_event(
        resource_kind="service",
        resource_id="1",
        resource_name="web",
        request_id="r",
        address="192.0.2.1",
        detail={"added": ["KEY"], "nested": {"n": 1}},
    )
    second = an_event(actor_id="grace", action="tokens.create")
    with uow:
        for event in (first, second, an_event(organization_id=OTHER_ORG)):
            uow.audit.add(event)
    with uow:

        def shown(**wanted: Any) -> list[AuditEvent]:
            return list(uow.audit.list(ORG, AuditFilter(**wanted), 9, None).items)

        assert shown() == [second, first]
        assert shown(actor="ada") == [first]
        assert shown(action="tokens.create") == [second]
        assert shown(resource_kind="service", resource_id="1") == [first]
        assert shown(resource_id="2") == []
        assert shown(since=second.created_at) == [second]
        assert shown(until=second.created_at) == [first]
        page = uow.audit.list(ORG, AuditFilter(), 1, None)
        assert uow.audit.list(ORG, AuditFilter(), 1, page.next_cursor).items == [first]


def test_a_canvas_is_replaced_only_by_who_has_seen_it(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    nodes = {"nodes": [{"id": "é", "x": 1.5}], "viewport": None}
    first = Canvas(ORG, shop.project.id, nodes, moment(), version=0)
    with uow:
        assert uow.canvases.find(ORG, shop.project.id) is None
        saved = uow.canvases.save(first)
        assert saved == replace(first, version=1)
    with pytest.raises(PreconditionFailed), uow:
        uow.canvases.save(first)
    with uow:
        again = uow.canvases.save(replace(saved, document={}))
        assert again.version == 2
    for stale in (saved, replace(again, version=9)):
        with pytest.raises(PreconditionFailed), uow:
            uow.canvases.save(stale)
    with uow:
        assert uow.canvases.find(ORG, shop.project.id) == again
        assert uow.canvases.find(OTHER_ORG, shop.project.id) is None
        uow.projects.remove(ORG, shop.project.id)
        assert uow.canvases.find(ORG, shop.project.id) is None
