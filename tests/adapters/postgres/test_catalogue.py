"""Projects, services and variables on every store."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.errors import BadRequest, Conflict, NotFound
from shared.domain.projects import Project
from shared.domain.services import ServiceState
from shared.domain.variables import EnvVersion, Link
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import (
    ORG,
    OTHER_ORG,
    a_deployment,
    a_project,
    a_service,
    a_variable,
    moment,
    stored_shop,
)

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def test_a_project_comes_back_as_it_was_added(uow: UnitOfWork) -> None:
    project = a_project(description="what we sell — «ünïcode» 🛒")
    with uow:
        uow.projects.add(project)
    with uow:
        assert uow.projects.get(ORG, project.id) == project
        assert uow.projects.lock(ORG, project.id) == project
        assert uow.projects.find(ORG, "shop") == project
        assert uow.projects.find(ORG, "other") is None


def test_a_slug_is_taken_once_per_organisation(uow: UnitOfWork) -> None:
    with uow:
        uow.projects.add(a_project())
        uow.projects.add(a_project(organization_id=OTHER_ORG))
    with pytest.raises(Conflict, match="'shop'"), uow:
        uow.projects.add(a_project())


def test_another_organisations_things_are_not_there(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    for read in (
        lambda: uow.projects.get(OTHER_ORG, shop.project.id),
        lambda: uow.projects.lock(OTHER_ORG, shop.project.id),
        lambda: uow.services.get(OTHER_ORG, shop.service.id),
        lambda: uow.services.lock(OTHER_ORG, shop.service.id),
        lambda: uow.deployments.get(OTHER_ORG, shop.deployment.id),
        lambda: uow.projects.save(replace(shop.project, organization_id=OTHER_ORG)),
        lambda: uow.services.save(replace(shop.service, organization_id=OTHER_ORG)),
    ):
        with pytest.raises(NotFound), uow:
            read()
    with uow:
        assert uow.projects.find(OTHER_ORG, "shop") is None
        assert uow.projects.list(OTHER_ORG, 10, None).items == []
        assert uow.services.list(OTHER_ORG, shop.project.id, 10, None).items == []
        uow.projects.remove(OTHER_ORG, shop.project.id)
        uow.services.remove(OTHER_ORG, shop.service.id)
    with uow:
        assert uow.services.get(ORG, shop.service.id) == shop.service


def test_a_child_cannot_hang_on_another_organisations_parent(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with pytest.raises(NotFound), uow:
        uow.services.add(a_service(replace(shop.project, organization_id=OTHER_ORG)))
    with pytest.raises(NotFound), uow:
        uow.deployments.add(a_deployment(replace(shop.service, organization_id=OTHER_ORG)))
    with pytest.raises(NotFound), uow:
        uow.variables.put(a_variable(replace(shop.service, organization_id=OTHER_ORG), "KEY", 1))


def test_pages_follow_each_other_without_gap_or_repetition(uow: UnitOfWork) -> None:
    same_time = a_project().created_at
    projects = [a_project(slug=f"p{n}", created_at=same_time) for n in range(4)]
    projects += [a_project(slug=f"q{n}") for n in range(3)]
    with uow:
        for project in projects:
            uow.projects.add(project)
    seen: list[Project] = []
    cursor = None
    with uow:
        while True:
            page = uow.projects.list(ORG, 2, cursor)
            assert len(page.items) <= 2
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(projects, key=lambda p: (p.created_at, p.id))


@pytest.mark.parametrize("cursor", ["nonsense", "", "AAAA", "ä", "A" * 200, "!!!!"])
def test_a_cursor_that_is_none_of_ours_is_a_bad_request(uow: UnitOfWork, cursor: str) -> None:
    with pytest.raises(BadRequest), uow:
        uow.projects.list(ORG, 2, cursor)


def test_saving_changes_the_row_and_raises_its_version(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with uow:
        project = uow.projects.save(replace(shop.project, name="Store", deleting=True))
        service = uow.services.save(
            replace(shop.service.to(ServiceState.DEPLOYING), ordinal=77, live_release_id=uuid4())
        )
    assert (project.version, service.version) == (2, 2)
    with uow:
        assert uow.projects.get(ORG, shop.project.id) == project
        assert uow.projects.deleting_everywhere() == [project]
        stored = uow.services.get(ORG, shop.service.id)
        assert stored == replace(service, ordinal=shop.service.ordinal)
        assert uow.services.all_everywhere() == [stored]


def test_saving_what_is_not_there_is_refused(uow: UnitOfWork) -> None:
    with pytest.raises(NotFound), uow:
        uow.projects.save(a_project())


def test_ordinals_are_unique_and_never_given_twice(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    assert shop.service.ordinal == 1
    with pytest.raises(Conflict), uow:
        uow.services.add(a_service(shop.project))
    with uow:
        uow.services.remove(ORG, shop.service.id)
        second = uow.services.add(a_service(shop.project))
        third = uow.services.add(a_service(shop.project, slug="api"))
    assert (second.ordinal, third.ordinal) == (2, 3)


def test_removing_a_project_takes_along_what_hangs_on_it(uow: UnitOfWork) -> None:
    shop, other = stored_shop(uow), stored_shop(uow, "other")
    with uow:
        uow.variables.put(a_variable(shop.service, "KEY", 1))
        uow.projects.remove(ORG, shop.project.id)
        uow.projects.remove(ORG, shop.project.id)
    with uow:
        assert uow.services.all_everywhere() == [other.service]
        assert uow.deployments.unfinished_everywhere() == [other.deployment]
        assert uow.variables.at(ORG, shop.service.id, 1) == []


def test_an_exception_leaves_nothing_behind(uow: UnitOfWork) -> None:
    def fail_after_a_write() -> None:
        with uow:
            uow.projects.add(a_project())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_write()
    with uow:
        assert uow.projects.list(ORG, 10, None).items == []


def test_a_transaction_inside_a_transaction_is_an_error(uow: UnitOfWork) -> None:
    with uow:
        with pytest.raises(RuntimeError), uow:
            pass
        uow.projects.add(a_project())
    with uow:
        assert len(uow.projects.list(ORG, 10, None).items) == 1


def test_each_version_of_a_set_of_variables_stays_readable(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    one = a_variable(service, "COLOR", 1)
    lower = a_variable(service, "color", 1, secret=True)
    two = a_variable(service, "COLOR", 2)
    with uow:
        for variable in (one, lower, two):
            uow.variables.put(variable)
        uow.variables.drop(ORG, service.id, "COLOR", 3)
    with uow:
        assert uow.variables.at(ORG, service.id, 0) == []
        assert uow.variables.at(ORG, service.id, 1) == [replace(one, removed_in=2), lower]
        assert uow.variables.at(ORG, service.id, 2) == [replace(two, removed_in=3), lower]
        assert uow.variables.at(ORG, service.id, 3) == [lower]


def test_a_variable_set_twice_in_one_version_has_the_later_value(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    later = a_variable(service, "COLOR", 1, sealed="later")
    with uow:
        uow.variables.put(a_variable(service, "COLOR", 1))
        uow.variables.put(later)
        assert uow.variables.at(ORG, service.id, 1) == [later]
        uow.variables.drop(ORG, service.id, "COLOR", 1)
        assert uow.variables.at(ORG, service.id, 1) == []
        uow.variables.put(later)
        assert uow.variables.at(ORG, service.id, 1) == [later]


def test_dropping_a_variable_that_is_not_set_is_refused(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    with pytest.raises(NotFound, match="'COLOR'"), uow:
        uow.variables.drop(ORG, service.id, "COLOR", 1)


def test_versions_of_variables_are_recorded_once_and_listed_newest_first(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    made = [EnvVersion(ORG, service.id, n, f"author-{n}", moment()) for n in (1, 2, 3)]
    made[2] = replace(made[2], restored_from=1)
    with uow:
        for version in made:
            uow.variables.record(version)
    with pytest.raises(Conflict), uow:
        uow.variables.record(made[0])
    with uow:
        first = uow.variables.versions(ORG, service.id, 2, None)
        rest = uow.variables.versions(ORG, service.id, 2, first.next_cursor)
        assert [*first.items, *rest.items] == made[::-1]
        assert rest.next_cursor is None
        assert uow.variables.version(ORG, service.id, 3) == made[2]
        assert uow.variables.versions(OTHER_ORG, service.id, 9, None).items == []
    with pytest.raises(NotFound), uow:
        uow.variables.version(OTHER_ORG, service.id, 1)
    with pytest.raises(BadRequest), uow:
        uow.variables.versions(ORG, service.id, 2, "nonsense")


def test_values_that_began_or_ended_between_versions_are_found(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    one, two = a_variable(service, "A", 1), a_variable(service, "A", 3, write_only=True)
    other = a_variable(service, "B", 2, refers_to=("A", "db.URL"))
    with uow:
        for variable in (one, other, two):
            uow.variables.put(variable)
        uow.variables.drop(ORG, service.id, "B", 4)
    ended, gone = replace(one, removed_in=3), replace(other, removed_in=4)
    with uow:
        assert uow.variables.between(ORG, service.id, 1, 1) == [ended]
        assert uow.variables.between(ORG, service.id, 3, 3) == [ended, two]
        assert uow.variables.between(ORG, service.id, 2, 4) == [ended, two, gone]
        assert uow.variables.between(ORG, service.id, 5, 9) == []
        assert uow.variables.between(OTHER_ORG, service.id, 1, 9) == []


def test_what_is_set_in_a_project_is_told_without_its_values(uow: UnitOfWork) -> None:
    shop, other = stored_shop(uow), stored_shop(uow, "other")
    service = shop.service
    with uow:
        uow.variables.put(a_variable(service, "A", 1, secret=True))
        uow.variables.put(a_variable(service, "B", 1))
        uow.variables.put(a_variable(service, "B", 2, refers_to=("A",)))
        uow.variables.put(a_variable(service, "GONE", 1))
        uow.variables.drop(ORG, service.id, "GONE", 2)
        uow.variables.put(a_variable(other.service, "C", 1))
    with uow:
        assert uow.variables.links(ORG, shop.project.id) == [
            Link(service.id, "A", True, ()),
            Link(service.id, "B", False, ("A",)),
        ]
        assert uow.variables.links(OTHER_ORG, shop.project.id) == []


def test_versions_go_with_their_service(uow: UnitOfWork) -> None:
    service = stored_shop(uow).service
    with uow:
        uow.variables.record(EnvVersion(ORG, service.id, 1, "ada", moment()))
    with uow:
        uow.services.remove(ORG, service.id)
        assert uow.variables.versions(ORG, service.id, 9, None).items == []
