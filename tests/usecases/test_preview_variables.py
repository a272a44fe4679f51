"""A preview's variables: its service's, without what is sealed."""

from dataclasses import replace

import pytest

from shared.usecases import variables
from shared.usecases.variable_sets import Assignment, opened, present_set
from tests.usecases.git_world import Connected
from tests.usecases.requests import OPENED, UPDATED, Requests
from tests.usecases.world import ORGANIZATION


def given(requests: Requests, *assignments: Assignment) -> None:
    for assignment in assignments:
        variables.create(
            ORGANIZATION,
            requests.service.id,
            assignment,
            actor="ada",
            uow=requests.world.store,
            vault=requests.world.vault,
        )


def values(requests: Requests) -> dict[str, tuple[str, bool]]:
    running = requests.running()
    with requests.world.store as uow:
        found = present_set(uow, running)
    vault = requests.world.vault
    return {key: (opened(v, vault), v.secret) for key, v in found.items()}


PLAIN = Assignment("GREETING", "hello")
SECRET = Assignment("TOKEN", "s3cret", secret=True)
SEALED = Assignment("DATABASE_URL", "postgres://production", sealed=True)
DERIVED = Assignment("LINK", "${{DATABASE_URL}}/x")
TWICE = Assignment("LINK_OF_LINK", "${{LINK}}?y")


def test_plain_and_secret_values_are_copied_and_sealed_ones_are_not(requests: Requests) -> None:
    given(requests, PLAIN, SECRET, SEALED)
    requests.on(OPENED)
    assert values(requests) == {"GREETING": ("hello", False), "TOKEN": ("s3cret", True)}


def test_what_refers_to_something_sealed_is_left_out_too(requests: Requests) -> None:
    given(requests, PLAIN, SEALED, DERIVED, TWICE)
    requests.on(OPENED)
    assert set(values(requests)) == {"GREETING"}


def test_sealed_values_are_copied_where_the_platform_says_so(git: Connected) -> None:
    requests = Requests(git, copy_sealed=True)
    given(requests, SEALED, DERIVED)
    requests.on(OPENED)
    assert values(requests)["DATABASE_URL"] == ("postgres://production", True)
    assert values(requests)["LINK"] == ("${{DATABASE_URL}}/x", False)
    with git.world.store as uow:
        assert present_set(uow, requests.running_in(uow))["DATABASE_URL"].write_only


def test_a_preview_keeps_its_own_values_when_its_service_changes(requests: Requests) -> None:
    given(requests, PLAIN)
    requests.on(OPENED)
    given(requests, SECRET)
    requests.on(UPDATED)
    assert set(values(requests)) == {"GREETING"}


@pytest.mark.parametrize("count", [0, 1])
def test_a_previews_set_has_its_version(requests: Requests, count: int) -> None:
    given(requests, *[replace(PLAIN, key=f"K{n}") for n in range(count)])
    requests.on(OPENED)
    assert requests.running().env_version == count
