"""Versions of variables, and what is secret or sealed staying so."""

import pytest

from shared.domain.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.variables import Availability
from shared.usecases import variable_history, variables
from shared.usecases.variable_sets import Assignment
from tests.usecases.variables_of import VariablesOf
from tests.usecases.world import ORGANIZATION, OTHER, World


@pytest.fixture
def web(world: World) -> VariablesOf:
    return VariablesOf(world, world.service("web"))


def reveal(web: VariablesOf, key: str) -> str:
    world = web.world
    return variables.reveal(ORGANIZATION, web.service.id, key, uow=world.store, vault=world.vault)


def test_each_version_says_who_changed_what(world: World, web: VariablesOf) -> None:
    web.set("A", "1")
    web.set("B", "2")
    VariablesOf(world, web.service, actor="bob").replace(Assignment("A", "3"), Assignment("C", "4"))
    web.remove("C")
    page = variable_history.versions(ORGANIZATION, web.service.id, 10, None, uow=world.store)
    told = [(v.number, v.author, v.added, v.changed, v.removed) for v in page.items]
    assert told == [
        (4, "ada", (), (), ("C",)),
        (3, "bob", ("C",), ("A",), ("B",)),
        (2, "ada", ("B",), (), ()),
        (1, "ada", ("A",), (), ()),
    ]
    assert page.next_cursor is None


def test_versions_come_in_pages(world: World, web: VariablesOf) -> None:
    for number in range(5):
        web.set("A", str(number))
    seen, cursor = [], None
    while True:
        page = variable_history.versions(ORGANIZATION, web.service.id, 2, cursor, uow=world.store)
        seen += [(v.number, v.added, v.changed) for v in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [number for number, _, _ in seen] == [5, 4, 3, 2, 1]
    assert seen[-1][1:] == (("A",), ())
    assert all(changed == ("A",) for _, _, changed in seen[:-1])


def test_a_write_that_changes_nothing_makes_no_version(world: World, web: VariablesOf) -> None:
    web.set("A", "1", secret=True)
    commits = world.store.commits
    assert web.replace(Assignment("A", "1")).version == 1
    assert web.replace(Assignment("A", None)).unchanged == 1
    assert world.get_service(web.service).env_version == 1
    assert world.store.commits == commits + 3


def test_an_earlier_version_is_restored_as_a_new_one(world: World, web: VariablesOf) -> None:
    web.set("A", "1")
    web.set("B", "2", available=Availability.BUILD)
    web.replace(Assignment("A", "changed"), Assignment("C", "3"))
    shown = web.restore(2, dry_run=True)
    assert (shown.added, shown.changed, shown.removed) == (("B",), ("A",), ("C",))
    assert web.values() == {"A": "changed", "C": "3"}
    assert web.restore(2).version == 4
    assert web.values() == {"A": "1", "B": "2"}
    assert web.shown()["B"].available is Availability.BUILD
    assert web.restore(2).version == 4
    page = variable_history.versions(ORGANIZATION, web.service.id, 1, None, uow=world.store)
    assert page.items[0].restored_from == 2


def test_versions_are_compared_without_what_is_secret(web: VariablesOf) -> None:
    web.set("PLAIN", "1")
    web.set("HIDDEN", "old-secret", secret=True)
    web.replace(
        Assignment("PLAIN", "2"), Assignment("HIDDEN", "new-secret"), Assignment("NEW", "3")
    )
    assert web.compared(3, 2) == {
        "HIDDEN": ("changed", None, None),
        "NEW": ("added", None, "3"),
        "PLAIN": ("changed", "1", "2"),
    }
    assert web.compared(2, 3)["NEW"] == ("removed", "3", None)
    assert web.compared(3, 3) == {}
    assert web.compared(1, 0) == {"PLAIN": ("added", None, "1")}


def test_a_value_changed_and_changed_back_does_not_differ(web: VariablesOf) -> None:
    for value in ("1", "2", "1"):
        web.set("A", value)
    assert web.compared(3, 1) == {}


def test_a_version_that_never_was_is_not_found(world: World, web: VariablesOf) -> None:
    web.set("A", "1")
    for call in (web.shown, web.restore):
        with pytest.raises(NotFound, match="no version 2"):
            call(2)
    with pytest.raises(NotFound):
        variable_history.versions(OTHER, web.service.id, 10, None, uow=world.store)


def test_a_sealed_value_is_read_by_nobody_and_can_be_replaced(web: VariablesOf) -> None:
    web.set("KEY", "first", sealed=True)
    assert (web.shown()["KEY"].secret, web.shown()["KEY"].sealed) == (True, True)
    with pytest.raises(Forbidden, match="sealed"):
        reveal(web, "KEY")
    web.set("KEY", "second")
    assert (web.values()["KEY"], web.shown()["KEY"].sealed) == (None, True)
    assert web.resolved().values == {"KEY": "second"}


@pytest.mark.parametrize(
    "flags", [{"sealed": False}, {"secret": False}, {"sealed": False, "secret": False}]
)
def test_a_sealed_value_becomes_readable_only_by_a_new_one(
    web: VariablesOf, flags: dict[str, bool]
) -> None:
    web.set("KEY", "first", sealed=True)
    with pytest.raises(Invalid, match="sealed"):
        web.set("KEY", None, **flags)
    with pytest.raises(Invalid, match="sealed"):
        web.replace(Assignment("KEY", None, **flags))
    with pytest.raises(Invalid, match="unseal it first"):
        web.set("KEY", "second", secret=False)
    web.set("KEY", "second", sealed=False, secret=False)
    assert web.values() == {"KEY": "second"}
    assert web.values(1) == {"KEY": None}


def test_a_secret_is_made_plain_by_no_write_that_does_not_name_its_value(web: VariablesOf) -> None:
    web.set("KEY", "hidden", secret=True)
    for write in (
        web.set,
        lambda key, value, **flags: web.replace(Assignment(key, value, **flags)),
    ):
        with pytest.raises(Invalid, match="give its value again"):
            write("KEY", None, secret=False)
    web.replace(Assignment("KEY", "other"))
    assert web.shown()["KEY"].secret
    web.set("KEY", None, available=Availability.RUN)
    assert (web.values()["KEY"], reveal(web, "KEY")) == (None, "other")


def test_what_became_secret_is_hidden_in_earlier_versions_too(web: VariablesOf) -> None:
    web.set("KEY", "was-plain")
    web.set("KEY", None, sealed=True)
    assert web.values(1) == {"KEY": None}
    assert web.compared(2, 1) == {"KEY": ("changed", None, None)}
    web.set("OTHER", "x")
    web.restore(1)
    assert (web.shown()["KEY"].sealed, web.values()["KEY"]) == (True, None)
    web.remove("KEY")
    web.restore(1)
    assert web.shown()["KEY"].sealed


def test_a_sealed_value_cannot_be_guessed_at(web: VariablesOf) -> None:
    web.set("KEY", "guess", sealed=True)
    for guess in ("guess", "wrong"):
        shown = web.replace(Assignment("KEY", guess), dry_run=True)
        assert shown.changed == ("KEY",)
    web.set("KEY", "guess")
    assert web.compared(2, 1) == {"KEY": ("changed", None, None)}


def test_a_secret_is_revealed_as_it_was_written(web: VariablesOf) -> None:
    web.set("KEY", "a ${{web.HOST}}", secret=True)
    assert reveal(web, "KEY") == "a ${{web.HOST}}"
    with pytest.raises(NotFound):
        reveal(web, "GONE")


def test_adding_what_is_there_is_a_conflict(world: World, web: VariablesOf) -> None:
    web.set("KEY", "1")
    with pytest.raises(Conflict):
        variables.create(
            ORGANIZATION,
            web.service.id,
            Assignment("KEY", "2"),
            actor="ada",
            uow=world.store,
            vault=world.vault,
        )
