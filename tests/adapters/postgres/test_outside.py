"""Routes and resources on every store."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.errors import Conflict, NotFound, StaleGeneration
from shared.domain.resources import ResourceState
from shared.domain.routes import Route
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import ORG, OTHER_ORG, a_resource, moment, stored_shop

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)

HOST = "web-shop.localhost"


def test_generations_grow_and_an_older_one_is_refused(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    owner = (ORG, service.id)
    with uow:
        assert uow.routes.next_generation(*owner) == 1
        reserved = Route(*owner, (HOST,), None, 1, moment())
        uow.routes.save(reserved)
    with uow:
        assert uow.routes.get(*owner) == reserved
        assert uow.routes.next_generation(*owner) == 2
        switched = reserved.switched("127.64.0.4:17080", 2)
        uow.routes.save(switched)
        uow.routes.save(switched)
    with pytest.raises(StaleGeneration), uow:
        uow.routes.save(reserved)
    with uow:
        assert uow.routes.get(*owner) == switched
        assert uow.routes.all_everywhere() == [switched]


def test_a_host_name_belongs_to_one_service_of_the_platform(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    other = stored_shop(uow, organization_id=OTHER_ORG)
    mine = Route(ORG, shop.service.id, (HOST, "shop.example"), None, 1, moment())
    theirs = Route(OTHER_ORG, other.service.id, (HOST,), None, 1, moment())
    with uow:
        uow.routes.save(mine)
    with pytest.raises(Conflict, match=HOST), uow:
        uow.routes.save(theirs)
    with uow:
        uow.routes.save(replace(mine, hosts=("shop.example",), generation=2))
        uow.routes.save(theirs)
    with pytest.raises(Conflict, match=HOST), uow:
        uow.routes.save(replace(mine, generation=3))
    with uow:
        uow.routes.remove(OTHER_ORG, other.service.id)
        uow.routes.remove(OTHER_ORG, other.service.id)
        uow.routes.save(replace(mine, generation=4))


def test_a_route_of_another_organisation_is_not_there(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    with uow:
        uow.routes.save(Route(ORG, service.id, (HOST,), None, 1, moment()))
        uow.routes.remove(OTHER_ORG, service.id)
    with pytest.raises(NotFound), uow:
        uow.routes.get(OTHER_ORG, service.id)
    with pytest.raises(NotFound), uow:
        uow.routes.next_generation(OTHER_ORG, service.id)
    with pytest.raises(NotFound), uow:
        uow.routes.save(Route(OTHER_ORG, service.id, ("x.localhost",), None, 1, moment()))


def test_removing_a_service_gives_its_host_names_back(uow: UnitOfWork) -> None:
    shop, other = stored_shop(uow), stored_shop(uow, "other")
    with uow:
        uow.routes.save(Route(ORG, shop.service.id, (HOST,), None, 1, moment()))
        uow.services.remove(ORG, shop.service.id)
    with uow:
        uow.routes.save(Route(ORG, other.service.id, (HOST,), None, 1, moment()))


def test_planning_a_resource_again_answers_the_row_that_is_there(uow: UnitOfWork) -> None:
    planned = a_resource(detail={"slot": 1})
    created = planned.created("container-1")
    with uow:
        assert uow.resources.plan(planned) == planned
        uow.resources.save(created)
    with uow:
        assert uow.resources.plan(planned) == created
        assert uow.resources.get(ORG, planned.id) == created
    with pytest.raises(NotFound), uow:
        uow.resources.get(OTHER_ORG, planned.id)
    with pytest.raises(NotFound), uow:
        uow.resources.save(a_resource())


def test_what_is_left_of_a_deployment_is_listed_newest_first(uow: UnitOfWork) -> None:
    deployment, service = uuid4(), uuid4()
    rows = [a_resource(deployment_id=deployment, service_id=service) for _ in range(3)]
    with uow:
        for row in rows:
            uow.resources.plan(row)
        uow.resources.save(rows[1].created("x").removed())
        uow.resources.plan(a_resource(deployment_id=deployment, organization_id=OTHER_ORG))
        uow.resources.save(rows[2].stuck("it stays"))
    with uow:
        left = [uow.resources.get(ORG, rows[2].id), rows[0]]
        assert uow.resources.count_everywhere(ResourceState.NEEDS_ATTENTION) == 1
        assert uow.resources.count_everywhere(ResourceState.PLANNED) == 2
        assert uow.resources.of_deployment(ORG, deployment) == left
        assert uow.resources.of_service(ORG, service) == left
        assert len(uow.resources.present_everywhere()) == 3


def test_resources_are_listed_by_state_and_page(uow: UnitOfWork) -> None:
    rows = [a_resource() for _ in range(4)]
    stuck = rows[2].stuck("the engine says: in use")
    with uow:
        for row in rows:
            uow.resources.plan(row)
        uow.resources.save(stuck)
    with uow:
        page = uow.resources.list(ORG, ResourceState.NEEDS_ATTENTION, 10, None)
        assert (page.items, page.next_cursor) == ([stuck], None)
        first = uow.resources.list(ORG, None, 3, None)
        rest = uow.resources.list(ORG, None, 3, first.next_cursor)
        assert [r.id for r in (*first.items, *rest.items)] == [r.id for r in rows]
        assert uow.resources.list(OTHER_ORG, None, 3, None).items == []


def test_a_resource_outlives_its_service(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    row = a_resource(service_id=shop.service.id, project_id=shop.project.id)
    with uow:
        uow.resources.plan(row)
        uow.projects.remove(ORG, shop.project.id)
    with uow:
        assert uow.resources.of_service(ORG, shop.service.id) == [row]
