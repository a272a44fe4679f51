"""References are found, replaced and escaped as written, and circles are seen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Invalid
from shared.domain.references import Reference, cycle, references, substituted, targets


def test_references_are_found_once_each_in_their_order() -> None:
    found = references("postgres://${{db.USER}}:${{ PASSWORD }}@${{db.HOST}}/${{db.USER}}")
    assert [str(reference) for reference in found] == ["db.USER", "PASSWORD", "db.HOST"]


def test_what_is_escaped_is_text() -> None:
    value = "a $${{ github.sha }} b ${{KEY}} $KEY ${KEY} {{x}}"
    assert references(value) == (Reference(None, "KEY"),)
    assert substituted(value, lambda _: "!") == "a ${{ github.sha }} b ! $KEY ${KEY} {{x}}"


@pytest.mark.parametrize(
    "value",
    [
        "${{}}",
        "${{ }}",
        "${{a.b.c}}",
        "${{1KEY}}",
        "${{Db.KEY}}",
        "${{db.}}",
        "${{.KEY}}",
        "${{-db.KEY}}",
        "${{db KEY}}",
        "${{KEY}",
        "${{KEY",
        "${{a${{B}}",
        "${{db.KEY\n.X}}",
    ],
)
def test_what_is_no_reference_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(Invalid, match="reference in the value") as refused:
        references(f"hunter2{value}hunter2")
    assert "hunter2" not in refused.value.reason


@given(st.text())
def test_a_value_without_references_stays_as_it_is(value: str) -> None:
    if "${{" not in value:
        assert references(value) == ()
        assert substituted(value, lambda _: "!") == value


@given(st.text(alphabet="${}ab"))
def test_any_text_can_be_written_by_escaping_it(text: str) -> None:
    written = text.replace("${{", "$${{")
    assert references(written) == ()
    assert substituted(written, lambda _: "!") == text


def test_what_replaces_a_reference_is_not_looked_into() -> None:
    assert substituted("${{A}}", lambda _: "${{B}}") == "${{B}}"


def test_a_circle_is_shown_from_where_it_begins() -> None:
    edges = {("a", "X"): [("a", "Y")], ("a", "Y"): [("b", "Z")], ("b", "Z"): [("a", "Y")]}
    assert cycle(edges, [("a", "X")]) == [("a", "Y"), ("b", "Z"), ("a", "Y")]
    assert cycle(edges, [("c", "Q")]) is None


def test_many_ways_to_one_place_are_no_circle() -> None:
    edges = {("a", str(n)): [("a", str(n + 1)), ("a", str(n + 1))] for n in range(500)}
    assert cycle(edges, [("a", "0")]) is None


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)))
def test_a_circle_is_found_exactly_where_there_is_one(graph: dict[int, list[int]]) -> None:
    edges = {("s", str(n)): [("s", str(t)) for t in to] for n, to in graph.items()}
    reach = {n: set(to) for n, to in graph.items()}
    for _ in range(9):
        reach = {n: to.union(*(reach.get(t, set()) for t in to)) for n, to in reach.items()}
    found = cycle(edges, edges)
    assert (found is not None) == any(n in to for n, to in reach.items())
    if found:
        assert found[0] == found[-1]
        assert all(b in edges[a] for a, b in pairwise(found))


def test_a_built_in_is_not_the_variable_that_refers_to_it() -> None:
    assert targets(("web", "HOST"), ["HOST", "web.HOST"]) == ()
    assert targets(("web", "X"), ["HOST"]) == (("web", "HOST"),)
    assert targets(("web", "X"), ["X"]) == (("web", "X"),)
