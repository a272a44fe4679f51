"""The routing table on disk: switches, refusals, repairs."""

import threading
from pathlib import Path

import pytest

from infra.agent.edge.routing_table import RoutingTable
from shared.domain.errors import Invalid, StaleGeneration

HOST = "shop-demo.localhost"
OLD, NEW = "127.64.0.4:17080", "127.64.0.5:17080"


@pytest.fixture
def table(tmp_path: Path) -> RoutingTable:
    return RoutingTable(tmp_path / "routes")


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "routes" / HOST).iterdir())


def test_pointing_answers_where_the_host_pointed_before(table: RoutingTable) -> None:
    assert table.point(HOST, OLD, 1) is None
    assert table.point(HOST, NEW, 2) == OLD
    assert table.target(HOST) == NEW
    assert table.hosts() == {HOST: NEW}


def test_repeating_a_switch_answers_the_same(table: RoutingTable) -> None:
    table.point(HOST, OLD, 1)
    assert table.point(HOST, NEW, 2) == OLD
    assert table.point(HOST, NEW, 2) == OLD


def test_switching_back_within_a_generation_and_forth_again(table: RoutingTable) -> None:
    table.point(HOST, OLD, 1)
    table.point(HOST, NEW, 2)
    assert table.point(HOST, OLD, 2) == NEW
    assert table.point(HOST, NEW, 2) == OLD


def test_an_older_generation_is_refused_and_changes_nothing(table: RoutingTable) -> None:
    table.point(HOST, NEW, 7)
    with pytest.raises(StaleGeneration, match="generation 7"):
        table.point(HOST, OLD, 6)
    assert table.target(HOST) == NEW


def test_there_is_one_entry_at_any_time(table: RoutingTable, tmp_path: Path) -> None:
    table.point(HOST, OLD, 1)
    stop, seen = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            seen.append(len(names(tmp_path)))

    reader = threading.Thread(target=look)
    reader.start()
    for generation in range(2, 12):
        table.point(HOST, (OLD, NEW)[generation % 2], generation)
    stop.set()
    reader.join(timeout=10)
    assert set(seen) == {1}


def test_a_crash_between_folder_and_entry_is_repaired(table: RoutingTable, tmp_path: Path) -> None:
    (tmp_path / "routes" / HOST).mkdir()
    assert table.target(HOST) is None
    assert table.hosts() == {}
    assert table.point(HOST, NEW, 1) is None
    assert table.target(HOST) == NEW


def test_of_two_entries_the_newest_holds_and_the_next_call_repairs(
    table: RoutingTable, tmp_path: Path
) -> None:
    table.point(HOST, NEW, 5)
    (tmp_path / "routes" / HOST / f"{OLD}@3").touch()
    assert table.target(HOST) == NEW
    table.point(HOST, OLD, 6)
    assert names(tmp_path) == [f"{OLD}@6-{NEW}"]


def test_removal_leaves_nothing_and_may_be_repeated(table: RoutingTable, tmp_path: Path) -> None:
    table.point(HOST, NEW, 1)
    assert table.remove(HOST) == NEW
    assert table.remove(HOST) is None
    assert list((tmp_path / "routes").iterdir()) == []


def test_a_table_is_read_back_by_another_process_start(table: RoutingTable, tmp_path: Path) -> None:
    table.point(HOST, NEW, 4)
    again = RoutingTable(tmp_path / "routes")
    assert again.target(HOST) == NEW
    with pytest.raises(StaleGeneration):
        again.point(HOST, OLD, 3)


def test_concurrent_writers_end_with_the_newest_generation(tmp_path: Path) -> None:
    def switch(generation: int) -> None:
        try:
            RoutingTable(tmp_path / "routes").point(HOST, OLD, generation)
        except StaleGeneration:
            refused.append(generation)

    refused: list[int] = []
    writers = [threading.Thread(target=switch, args=(number,)) for number in range(1, 13)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=20)
    entry = RoutingTable(tmp_path / "routes").entry(HOST)
    assert entry is not None
    assert entry.generation == 12
    assert len(names(tmp_path)) == 1
    assert 12 not in refused


@pytest.mark.parametrize(
    "host", ["", "..", "a/b", "A.localhost", "-a.localhost", "a..b", "*", "a" * 64, "a.b\n"]
)
def test_a_host_that_cannot_be_one_is_refused(table: RoutingTable, host: str) -> None:
    with pytest.raises(Invalid):
        table.point(host, NEW, 1)


@pytest.mark.parametrize(
    "target",
    ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "localhost:80", "169.254.169.254:80",
     "0.0.0.0:80", "127.0.0.1:80/x", "[::1]:80", "127.0.0.1:٣"],
)  # fmt: skip
def test_a_target_that_cannot_be_one_is_refused(table: RoutingTable, target: str) -> None:
    with pytest.raises(Invalid):
        table.point(HOST, target, 1)
